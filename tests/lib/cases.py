"""cases.py: packs of test cases: building them from NASM files, running them anywhere, reading and comparing results.

The formats are those of tests/guest/case.h.
"""
import os
import re
import struct
import subprocess
import sys
import tempfile

MAGIC, FULL, HEAD = 0x4B434150, 1, struct.Struct("<8I")
CODE_BASE, DATA, STACK = 0x10000000, 0x20000000, 0x30000000
MODES = {"native": 0, "ring3": 1, "ring0": 2}
REGS = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"]
FLAGS = {"CF": 1, "PF": 4, "AF": 16, "ZF": 64, "SF": 128, "TF": 256, "IF": 512, "DF": 1024, "OF": 2048, "IOPL": 0x3000,
         "NT": 0x4000, "VM": 0x20000, "AC": 0x40000, "VIF": 0x80000, "VIP": 0x100000, "ID": 0x200000}
DEFAULT_REGS = {"eax": 0x12345678, "ecx": 3, "edx": 0x9ABCDEF0, "ebx": DATA, "esp": STACK + 0x1F00, "ebp": STACK + 0x1800,
                "esi": DATA + 0x100, "edi": DATA + 0x800}
RESULT = struct.Struct("<13I8I3I64I32I512s")
RESULT_FIELDS = (["index", "vector", "error", "cr2", "eip", "eflags", "esp_", "cs", "ss", "ds", "es", "fs", "gs"] + REGS
                 + ["data_hash", "stack_hash", "code_hash"])
EXIT_DONE = 0x43  # isa-debug-exit of 21h
BT_MODES = {"bt": [], "bt-one-insn": ["--bt", "one-insn"], "bt-checked": ["--bt", "checked"],
            "bt-direct": ["--bt", "direct"], "bt-low": ["--bt", "low"], "bt-plain": ["--bt", "plain"],
            "bt-count": ["--bt", "count"], "bt-single-step": ["--bt", "single-step"]}


def number(text):
    return int(text, 0) & 0xFFFFFFFF


def flag_bits(words):
    return sum(FLAGS[w] for w in words)


class Case:
    """One case: where it starts and ends, and what its file's header says about it."""

    def __init__(self, source, name, entry, end, undefined, expect):
        self.source, self.name, self.entry, self.end = source, name, entry, end
        self.undefined, self.expect = undefined | source.undefined, expect

    def loose(self):
        """Beginnings of the fields that may differ, for a reason that the header gives."""
        return tuple(w for n, text in self.source.head.get("loose", []) if n in ("", self.name)
                     for w in text.split("(")[0].split())

    def title(self):
        return f"{self.source.name}:{self.name}"


class Source:
    """A NASM file: its header, its code image and its cases."""

    KEYS = {"mode", "regs", "flags", "undefined", "fx", "data", "smc", "faults", "expect", "covers", "qemu", "mxcsr", "bt", "loose"}

    def __init__(self, path, nasm="nasm", include=None):
        self.path, self.name = path, os.path.basename(path)[:-4]
        self.head = self.read_head()
        self.mode = self.one("mode", "native")
        if self.mode not in MODES:
            raise ValueError(f"{path}: unknown mode {self.mode}")
        self.regs = {**DEFAULT_REGS, **dict((k, number(v)) for k, v in re.findall(r"(\w+)=(\S+)", self.one("regs", "")))}
        self.eflags = 0x202 | flag_bits(self.one("flags", "").split())
        self.undefined = flag_bits(self.one("undefined", "").split())
        self.fx_seed, self.data_seed = number(self.one("fx", "0")), number(self.one("data", "0"))
        self.mxcsr = number(self.one("mxcsr", "0x1f80"))
        self.smc, self.faults = self.one("smc", "no") == "yes", self.one("faults", "no") == "yes"
        self.qemu = not self.one("qemu", "yes").startswith("no")
        self.fx_mask = int("fx" in self.head or self.mode == "native")
        self.assemble(nasm, include or os.path.dirname(path))

    def read_head(self):
        head = {}
        for line in open(self.path):
            if not line.startswith(";"):
                break
            match = re.match(r";\s*([a-z]+)((?: [\w.+-]+)?):\s*(.*)", line)
            if match and match[1] in self.KEYS:
                head.setdefault(match[1], []).append((match[2].strip(), match[3].strip()))
        return head

    def one(self, key, default):
        return " ".join(text for _, text in self.head[key]) if key in self.head else default

    def assemble(self, nasm, include):
        with tempfile.TemporaryDirectory() as tmp:
            out = os.path.join(tmp, "out")
            done = subprocess.run([nasm, "-f", "bin", "-w-number-overflow", "-I", include + "/", "-P",
                                   "case.inc", "-o", out, self.path], stderr=subprocess.PIPE, text=True)
            if done.returncode:
                raise ValueError(f"{self.path}: nasm: {done.stderr}")
            blob = open(out, "rb").read()
        _, start, table = struct.unpack_from("<4sII", blob)
        self.code = blob[start:table]
        self.cases = self.read_table(blob[table:])

    def read_table(self, table):
        expect = dict(self.head.get("expect", []))
        if not table:
            end = CODE_BASE + len(self.code.rstrip(b"\0"))
            self.code = self.code[:end - CODE_BASE] + b"\x0f\x0b" + bytes(16)
            return [Case(self, "all", CODE_BASE, end, 0, expect.get(""))]
        cases, at = [], 0
        while at + 12 <= len(table):
            entry, end, undefined = struct.unpack_from("<III", table, at)
            stop = table.index(b"\0", at + 12)
            name = table[at + 12:stop].decode()
            cases.append(Case(self, name, entry, end, undefined, expect.pop(name, None)))
            at = stop + 1
        if expect:
            raise ValueError(f"{self.path}: expectations without a case: {sorted(expect)}")
        return cases

    def state(self):
        return struct.pack("<12I", self.eflags, self.mxcsr, *(self.regs[r] for r in REGS), self.fx_seed, self.data_seed)


class Pack:
    """The bytes of a pack of whole sources, and which case each index is."""

    def __init__(self, sources, flags=FULL):
        self.cases = [c for s in sources for c in s.cases]
        tables, data, states, cases = b"", b"", b"", b""
        images_at = HEAD.size
        states_at = images_at + 8 * len(sources)
        cases_at = states_at + 48 * len(sources)
        data_at = (cases_at + 40 * len(self.cases) + 4095) & ~4095
        for i, source in enumerate(sources):
            tables += struct.pack("<II", data_at + len(data), len(source.code))
            data += source.code + bytes(-len(source.code) % 4096)
            states += source.state()
            for c in source.cases:
                cases += struct.pack("<10I", i, i, MODES[source.mode], int(source.smc), c.entry, c.end, CODE_BASE,
                                     CODE_BASE + len(source.code), 0xFFFFFFFF & ~c.undefined, source.fx_mask)
        self.flags, self.offsets = flags, (cases_at, states_at, images_at, len(self.cases))
        body = tables + states + cases
        self.body = body + bytes(data_at - HEAD.size - len(body)) + data

    def bytes(self, first=0):
        return HEAD.pack(MAGIC, self.flags, first, len(self.cases) - first, *self.offsets) + self.body


class Result(dict):
    """A full result as named numbers."""

    def __init__(self, raw):
        fields = RESULT.unpack(raw)
        super().__init__(zip(RESULT_FIELDS, fields))
        n = len(RESULT_FIELDS)
        self.data, self.stack, self.fx = fields[n:n + 64], fields[n + 64:n + 96], fields[n + 96]

    def differences(self, other):
        out = [f"{k} {self[k]:#x} instead of {other[k]:#x}" for k in RESULT_FIELDS if self[k] != other[k] and k != "esp_"]
        for i in range(64):
            if self.data[i] != other.data[i]:
                out.append(f"data[{DATA + 4 * i:#x}] {self.data[i]:#x} instead of {other.data[i]:#x}")
        for i in range(32):
            if self.stack[i] != other.stack[i]:
                out.append(f"stack[{STACK + 0x1e80 + 4 * i:#x}] {self.stack[i]:#x} instead of {other.stack[i]:#x}")
        for i in range(0, 512, 16):
            if self.fx[i:i + 16] != other.fx[i:i + 16]:
                out.append(f"fx[{i}] {self.fx[i:i + 16].hex()} instead of {other.fx[i:i + 16].hex()}")
        return out


def read_results(blob):
    """Whole results of a possibly cut-off dump, and whether it was complete."""
    count = len(blob) // RESULT.size
    return [Result(blob[i * RESULT.size:(i + 1) * RESULT.size]) for i in range(count)], blob[count * RESULT.size:] == b"DONE"


class Runner:
    """Runs packs. tools: the folder with native32 and kernel.bin; novt: the program under test."""

    def __init__(self, tools, novt=None, qemu="qemu-system-i386", timeout=60):
        self.tools, self.novt, self.qemu, self.timeout = tools, novt, qemu, timeout
        self.tmp = tempfile.TemporaryDirectory()

    def file(self, name, data=b""):
        path = os.path.join(self.tmp.name, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def start(self, argv, stdout, good):
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.PIPE, timeout=self.timeout)
        except subprocess.TimeoutExpired:
            return f"no end after {self.timeout} s"
        except OSError as error:
            return str(error)
        if done.returncode == good:
            return ""
        return f"exit code {done.returncode}: {done.stderr[-2000:].decode(errors='replace')}"

    def native(self, image):
        pack, out = self.file("pack", image), self.file("native")
        error = self.start([os.path.join(self.tools, "native32"), pack, out], None, 0)
        return open(out, "rb").read(), error

    def kernel_image(self, image):
        return self.file("image", open(os.path.join(self.tools, "kernel.bin"), "rb").read() + image)

    def in_qemu(self, image):
        out = self.file("qemu")
        error = self.start([self.qemu, "-accel", "tcg", "-cpu", "max,-umip,-smep,-smap,-la57", "-m", "128", "-display", "none", "-nodefaults",
                            "-no-reboot", "-debugcon", "file:" + out, "-device", "isa-debug-exit,iobase=0xf4,iosize=4",
                            "-kernel", self.kernel_image(image)], None, EXIT_DONE)
        return open(out, "rb").read(), error

    def in_novt(self, image, options):
        out = self.file("novt")
        with open(out, "wb") as stdout:
            error = self.start([self.novt, "run", "--flat-image", self.kernel_image(image), "--flat-address", "0x100000", "--cpu", "max32",
                                "--display", "none", "--serial", "none", "--debugcon", "stdio", *options], stdout, EXIT_DONE)
        return open(out, "rb").read(), error

    def run(self, mode, image):
        if mode == "native":
            return self.native(image)
        if mode == "qemu":
            return self.in_qemu(image)
        return self.in_novt(image, BT_MODES[mode])

    def all_results(self, mode, pack, crashes=20):
        """Results by index, and {index: why} for the cases in which the run ended."""
        results, lost, first = {}, {}, 0
        while first < len(pack.cases) and len(lost) < crashes:
            blob, error = self.run(mode, pack.bytes(first))
            got, whole = read_results(blob)
            results.update((first + i, r) for i, r in enumerate(got))
            first += len(got)
            if whole and not error:
                break
            if first < len(pack.cases):
                lost[first] = error or "the results end here"
                first += 1
            else:
                lost[first - 1] = error or "no end mark"
        return results, lost


def check_expectation(case, result):
    """What the header promises and the result does not hold."""
    wrong = []
    words = dict(re.findall(r"([\w\[\]]+)=(\S+)", case.expect or ""))
    fault = words.pop("fault", None)
    at_end = result["vector"] == 6 and result["eip"] == case.end
    if fault not in (None, "none"):
        if result["vector"] != number(fault) or at_end:
            wrong.append(f"fault {result['vector']} at {result['eip']:#x} instead of {fault}")
    elif not at_end and not (case.source.faults and fault is None):
        wrong.append(f"ended with vector {result['vector']} error {result['error']:#x} at {result['eip']:#x} "
                     f"cr2 {result['cr2']:#x}, not at its end {case.end:#x}")
    for key, text in words.items():
        if key == "flags":
            want = flag_bits(t[1:] for t in text.split(",") if t[0] == "+")
            mask = want | flag_bits(t[1:] for t in text.split(",") if t[0] == "-")
            if result["eflags"] & mask != want:
                wrong.append(f"flags {result['eflags']:#x} instead of {text}")
        elif key.startswith("mem["):
            index = (number(key[4:-1]) - DATA) // 4
            if result.data[index] != number(text):
                wrong.append(f"{key} {result.data[index]:#x} instead of {text}")
        elif result[key] != number(text):
            wrong.append(f"{key} {result[key]:#x} instead of {text}")
    return wrong


def load_sources(folder, names=()):
    paths = sorted(os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".asm"))
    sources = []
    for path in paths:
        if not names or any(n in os.path.basename(path) for n in names):
            try:
                sources.append(Source(path, include=folder))
            except ValueError as error:
                sys.exit(str(error)[:1500])
    if not sources:
        sys.exit(f"no test file matches {names}")
    return sources
