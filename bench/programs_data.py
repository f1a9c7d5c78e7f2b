"""programs_data.py: what the programs of programs.py work on: made here, the same every time."""
import io
import os
import random
import shutil
import tarfile

SCRIPTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "programs")
TEXT_BYTES = 1 << 20
SOURCES, FUNCTIONS = 24, 30


def text(rng):
    """English-like: few words often, many rarely."""
    syllables = ["ba", "ne", "ti", "ro", "lu", "ska", "mer", "on", "the", "ing", "qu", "es"]
    words = ["".join(rng.choice(syllables) for _ in range(rng.randint(1, 4))) for _ in range(3000)]
    out = io.StringIO()
    while out.tell() < TEXT_BYTES:
        line = [words[int(rng.paretovariate(0.9)) % len(words)] for _ in range(rng.randint(6, 14))]
        if rng.random() < 0.2:
            line[0] = line[0].capitalize() + "-" + line[-1]
        out.write(" ".join(line) + ("." if rng.random() < 0.7 else ", " + str(rng.randint(0, 9999))) + "\n")
    return out.getvalue()


def function(rng, name, callees):
    """A C function of loops, tables, switches and calls."""
    call = f"t += {rng.choice(callees)}(t & 15, x);" if callees else "t ^= x;"
    cases = "".join(f"    case {i}: t += table[(x + {rng.randint(0, 99)}) & 63] * {rng.randint(2, 99)}u; break;\n"
                    for i in range(rng.randint(3, 9)))
    return (f"unsigned {name}(unsigned n, unsigned x) {{\n  static unsigned table[64];\n  unsigned t = {rng.randint(1, 999)}, i;\n"
            f"  for (i = 0; i < n; i++) {{\n    table[i & 63] += (t << {rng.randint(1, 5)}) ^ (x >> {rng.randint(1, 9)});\n"
            f"    switch ((t + i) & 7) {{\n{cases}    default: t = t * {rng.randint(3, 999) | 1}u + i; break;\n    }}\n  }}\n"
            f"  if (t > {rng.randint(1000, 9999)}u && n > 3) {{ {call} }}\n  return t;\n}}\n")


def source(rng, prefix, functions):
    """Only its own names: needs no header."""
    names = [f"{prefix}_{i}" for i in range(functions)]
    return "".join(function(rng, n, names[:i]) for i, n in enumerate(names))


def tar_of_sources(path, rng):
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as tar:
        for i in range(SOURCES):
            data = source(rng, f"file{i}", FUNCTIONS).encode()
            info = tarfile.TarInfo(f"src/file{i:02}.c")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def make(folder):
    rng = random.Random(2006)
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(SCRIPTS):
        shutil.copy(os.path.join(SCRIPTS, name), folder)
    with open(os.path.join(folder, "text"), "w") as out:
        out.write(text(rng))
    with open(os.path.join(folder, "big.c"), "w") as out:
        out.write(source(rng, "big", 24))
    tar_of_sources(os.path.join(folder, "src.tar"), rng)
