"""image.py: random images for the hostile-input tests, a pure function of a seed.

`monkey` fills the tables and records that monkey.asm runs; `noise` is bytes without a plan, `soup` is instructions
without a kernel, `ports` writes to every I/O port. Physical layout of a monkey image, loaded at 1 MiB:
  100000 monkey.asm   110000 GDT, LDT   111000 IDT: sane, random   112000 TSSs   120000 page directories
  128000 page tables  138000 PAE        160000 64 records          170000 what each visit restores (list: 10C000)
Memory ends at 16 MiB.
"""
import random
import struct

BASE, RECORDS, RECORD, COUNT, CODE, CODE_BYTES = 0x100000, 0x160000, 256, 64, 112, 144
MEMORY = 16 << 20
RESTORE, PRISTINE = 0x10C000, 0x170000
PDS, PD_COUNT, PTS, PT_COUNT = 0x120000, 8, 0x128000, 16
PDPTS, PAE_PDS, PAE_PD_COUNT, PAE_PTS, PAE_PT_COUNT = 0x138000, 0x139000, 8, 0x141000, 12
CODE32, DATA32, USER_CODE, USER_DATA, CODE16, DATA16, TSS, LDT, DF_TSS = 0x08, 0x10, 0x1B, 0x23, 0x28, 0x30, 0x38, 0x40, 0x48
EDGES = (0, 0x400, 0x500, 0x7FFE, 0x9FFFD, 0xA0000, 0xB8000, 0xBFFFE, 0xC0000, 0xD0000, 0xE0000, 0xEFFFF, 0xF0000, 0xFFFF0, 0xFFFFF,
         0x100000, 0x10FFEF, 0x110000, 0x111000, 0x112000, 0x120000, 0x128000, 0x138000, 0x160000, 0x200000, 0x3FFFFE, 0x400000,
         0x7FFFFF, MEMORY - 16, MEMORY - 1, MEMORY, 0x40000000, 0x7FFFFFFF, 0x80000000, 0xBFFFFFFF, 0xC0000000, 0xE0000000, 0xFEC00000,
         0xFEC00010, 0xFED00000, 0xFEE00000, 0xFEE000B0, 0xFEE00300, 0xFEE00380, 0xFFC00000, 0xFFFC0000, 0xFFFF0000, 0xFFFFFFF0,
         0xFFFFFFFC, 0xFFFFFFFF)
VALUES = (0, 1, 2, 3, 4, 7, 8, 0x10, 0x7F, 0x80, 0xFF, 0x100, 0xFFF, 0x1000, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000,
          0xFFFFFFFE, 0xFFFFFFFF)
ENDS_RUN = (0xF4, 0xF7, 0xCF9, 0x64, 0x92, 0x604, 0xB004)  # debug exit, resets, power-off: they would only shorten a run


def u32(v):
    return struct.pack("<I", v & 0xFFFFFFFF)


class Gen(random.Random):
    """Random numbers the way processors dislike them."""

    def u32(self):
        return self.getrandbits(32)

    def chance(self, percent):
        return self.randrange(100) < percent

    def near(self):
        return (self.choice(EDGES) + self.choice((0, 0, 0, 1, -1, 2, -2, 3, -3, -4, -8, -16, self.randrange(-4096, 4096)))) & 0xFFFFFFFF

    def value(self):
        kind = self.randrange(4)
        return self.u32() if kind == 0 else self.choice(VALUES) if kind == 1 else self.near()

    def noise(self, n):
        return self.randbytes(n)

    def port(self):
        port = self.choice((0x20, 0x21, 0xA0, 0xA1, 0x40, 0x41, 0x42, 0x43, 0x60, 0x61, 0x70, 0x71, 0x3F8, 0x3F9, 0x3FA, 0x3FD, 0xCF8,
                            0xCFC, 0xCFD, 0xCFE, 0xCFF, 0x510, 0x511, 0x514, 0x518, 0x00, 0x08, 0x0B, 0x0F, 0x80, 0x87, 0xD6, 0x402, 0xF0, 0xF1,
                            0xB2, 0xB3, 0x1F0, 0x1F7, 0x3F4, 0x3D4, 0x600, 0xB000, 0xFFFF, self.getrandbits(16)))
        return 0x80 if port in ENDS_RUN else port


# ---- Instructions ----

class Code:
    """Emits instructions for code of 16 or 32 bits that lies at `at`."""

    def __init__(self, g, bits, at):
        self.g, self.bits, self.at, self.out = g, bits, at, bytearray()

    def raw(self, *parts):
        for part in parts:
            self.out += bytes([part]) if isinstance(part, int) else part

    def o32(self, *parts):
        self.raw(*((0x66,) if self.bits == 16 else ()), *parts)

    def mov(self, reg, value):
        self.o32(0xB8 + reg, u32(value & 0xFFFFFFFF))

    def mem(self, opcode, reg, address):
        """opcode reg, [address]"""
        self.raw(*((0x67,) if self.bits == 16 else ()), opcode, 5 | (reg & 7) << 3, u32(address & 0xFFFFFFFF))

    def control_register(self):
        g, n = self.g, self.g.choice((0, 0, 3, 4))
        value = {0: lambda: g.choice((0x80000011, 0x80010011, 0x11, 0x10, 0x8005003B, 0x1F, 0x80000001, 1 << 31, g.u32(), 0x60000011)),
                 3: lambda: page_root(g), 4: lambda: g.choice((0, 0x10, 0x20, 0xB0, 0x6F0, 0x90, 0x3, g.u32() & 0x7FF, g.u32()))}[n]()
        self.mov(0, value)
        self.raw(0x0F, 0x22, 0xC0 | n << 3)

    def flip_control(self):
        self.raw(0x0F, 0x20, 0xC0)
        self.o32(0x35, u32(self.g.choice((1, 1 << 31, 1 << 16, 8, 4, 2, 0x80000001, 1 << 18))))  # xor eax, bit
        self.raw(0x0F, 0x22, 0xC0)

    def table_register(self):
        g = self.g
        where = self.at + len(self.out) + 32
        self.mem(b"\xC7", 0, where)
        self.raw(u32(g.u32())[: 4 if self.bits == 32 else 2])
        self.mem(b"\x0F\x01", g.choice((0, 1, 2, 3)), g.choice((where, 0x111000 + g.randrange(0x1000), g.near())))

    def system(self):
        g = self.g
        self.mov(0, g.choice((TSS, LDT, DF_TSS, g.getrandbits(16), g.randrange(0, 0x400, 8))))
        self.raw(g.choice((b"\x0F\x00\xD8", b"\x0F\x00\xD0", b"\x0F\x00\xC0", b"\x0F\x00\xE0", b"\x0F\x00\xE8", b"\x0F\x02\xC8", b"\x0F\x03\xC8",
                           b"\x0F\x01\xF0", b"\x0F\x01\xE0", b"\x0F\x06", b"\x0F\x08", b"\x0F\x09", b"\x0F\x34", b"\x0F\x35", b"\x63\xC8")))

    def load_segment(self):
        g = self.g
        self.mov(0, g.choice((g.getrandbits(16), g.randrange(0x400), DATA32, USER_DATA, DATA16, 0)))
        self.raw(0x8E, 0xC0 | g.choice((0, 2, 2, 3, 4, 5, 1)) << 3)

    def far_transfer(self):
        g = self.g
        selector = g.choice((CODE32, USER_CODE, CODE16, TSS, DF_TSS, g.randrange(0x400), g.getrandbits(16)))
        offset = g.choice((self.at, self.at + g.randrange(100), g.near(), g.u32() & 0xFFFF))
        self.raw(g.choice((0xEA, 0x9A)), u32(offset)[: self.bits // 8], struct.pack("<H", selector))

    def interrupt_return(self):
        g = self.g
        values = [g.choice((self.at + g.randrange(144), g.near())), g.choice((CODE32, USER_CODE, CODE16, g.randrange(0x400))),
                  g.choice((0x202, 0x20202, 0x302, 0x4202, 0x3202, g.u32())), g.near(), g.choice((DATA32, USER_DATA, g.randrange(0x400)))]
        for v in reversed(values + [0x900] * g.choice((0, 4))):
            self.o32(0x68, u32(v))
        self.o32(g.choice((0xCF, 0xCF, 0xCB, b"\xCA\x08\x00")))

    def flags(self):
        self.o32(0x68, u32(self.g.choice((0x102, 0x202, 0x302, 0x4002, 0x3202, 0x40202, 0x10102, 0x602, self.g.u32() & 0x3F7FD7))))
        self.o32(0x9D)

    def set_registers(self):
        for reg in self.g.sample(range(8), self.g.randrange(1, 5)):
            self.mov(reg, self.g.value())

    def string(self):
        g = self.g
        self.mov(1, g.choice((0, 1, 2, 3, 7, 100, 4096, 0x10001, 0x100000, 0xFFFFFFFF)) if g.chance(20) else g.randrange(300))
        self.mov(6, g.near())
        self.mov(7, g.near())
        self.mov(0, g.u32())
        self.mov(2, g.port())
        self.raw(g.choice((0xFC, 0xFD)), *g.choice(((), (0x26,), (0x64,), (0x36,), (0x67,), (0x66,), (0x66, 0x67))), g.choice((0xF3, 0xF3, 0xF2)),
                 g.choice((0xA4, 0xA5, 0xA6, 0xA7, 0xAA, 0xAB, 0xAC, 0xAD, 0xAE, 0xAF, 0x6C, 0x6D, 0x6E, 0x6F)), 0xFC)

    def port_io(self):
        g = self.g
        self.mov(2, g.port())
        self.mov(0, g.choice((g.u32(), g.randrange(256), 0x80000000 | g.randrange(0x100) << 8 | g.randrange(64) << 2)))
        self.raw(*g.choice(((), (0x66,))), g.choice((0xEC, 0xED, 0xEE, 0xEF)))

    def pci(self):
        g = self.g
        device = g.choice((0, 0, 8, 9, 10, 11, 16, 24, g.randrange(256)))
        self.mov(0, 0x80000000 | device << 8 | g.choice((0x58, 0x5C, 0x70, 4, 0x10, 0x40, 0x80, 0x60, g.randrange(0, 256, 4))))
        self.mov(2, 0xCF8)
        self.o32(0xEF)
        self.mov(2, 0xCFC + g.randrange(4))
        self.mov(0, g.choice((0x33333333, 0x11111111, 0x22222222, 0, 0xFFFFFFFF, g.u32())))
        self.raw(g.choice((0xEE, 0xEF, 0xED)))

    def a20(self):
        self.raw(0xE4, 0x92, 0x34, 0x02, 0xE6, 0x92)

    def access(self):
        g = self.g
        self.raw(*g.choice(((), (), (0xF0,), (0x64,), (0x65,), (0x2E,), (0x36,))))
        opcode = g.choice((0x00, 0x01, 0x03, 0x29, 0x31, 0x38, 0x3A, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8B, 0x84, 0xFE, 0xFF, 0x8F, 0xD0, 0xD3, 0xF6, 0xF7,
                           0x62, 0xC4, 0xC5, b"\x0F\xA3", b"\x0F\xAB", b"\x0F\xB0", b"\x0F\xB1", b"\x0F\xC1", b"\x0F\xC7", b"\x0F\xB6", b"\x0F\xBC"))
        self.mem(opcode, g.randrange(8), g.near())

    def float(self):
        g = self.g
        opcode = g.choice((0xD8, 0xD9, 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF, b"\x0F\xAE", b"\x0F\x6F", b"\x0F\x7F", b"\x0F\x28", b"\x0F\x10", b"\x0F\x11",
                           b"\x0F\x58", b"\x0F\xE7", b"\x0F\x2B", b"\x66\x0F\x7F", b"\xF3\x0F\x6F", b"\x0F\xF7"))
        if g.chance(60):
            self.mem(opcode, g.randrange(8), g.near())
        else:
            self.raw(opcode, 0xC0 | g.randrange(64))

    def msr(self):
        g = self.g
        self.mov(1, g.choice((0x10, 0x1B, 0x174, 0x175, 0x176, 0x277, 0x2FF, 0x200, 0x250, 0xC0000080, 0xFE, 0x8B, 0x1A0, 0x179, g.u32())))
        self.mov(0, g.choice((g.near(), 0xFEE00900, 0xFEE00000, 8, 0x800)))
        self.mov(2, g.choice((0, 0, g.u32())))
        self.raw(0x0F, g.choice((0x30, 0x32, 0x31, 0x33)))

    def invalidate(self):
        self.mem(b"\x0F\x01", 7, self.g.near())

    def page_entry(self):
        g = self.g
        self.mem(0xC7, 0, g.choice((PDS, PTS, PDPTS, PAE_PTS)) + g.randrange(0x8000) & ~3)
        self.raw(u32(page_entry(g))[: 4 if self.bits == 32 else 2])

    def modify_self(self):
        g = self.g
        self.mem(g.choice((0xC6, 0xC6, 0xFE, 0x80)), 0, self.at + len(self.out) + g.randrange(-16, 24))
        self.raw(g.choice((0x90, 0xCC, 0x40, 0xEB, 0xF4, g.getrandbits(8))))

    def stack(self):
        g = self.g
        self.mov(4, g.near())
        self.raw(*(g.choice((0x50, 0x60, 0x61, 0x9C, 0x9D, 0x58, 0x06, 0x07, 0x17, 0x1F, 0xC9, b"\xC8\x10\x00\x1F", b"\x0F\xA0", b"\x0F\xA9", b"\xE8\0\0\0\0"))
                   for _ in range(g.randrange(1, 4))))

    def jump(self):
        g = self.g
        self.mov(3, g.near() if g.chance(40) else self.at + g.randrange(CODE_BYTES))
        self.o32(0xFF, g.choice((0xE3, 0xD3)))

    def branch(self):
        self.raw(self.g.choice((0xEB, 0x74, 0x75, 0x72, 0xE2, 0xE3, 0xE0)), self.g.randrange(256) if self.g.chance(20) else self.g.randrange(12))

    def loop(self):
        g = self.g
        self.mov(1, g.choice((2, 50, 1000, 20000)))
        body = Code(g, self.bits, self.at + len(self.out))
        g.choice((body.access, body.modify_self, body.float, body.page_entry, body.port_io, body.a20, body.invalidate))()
        self.raw(body.out, *((0x67,) if self.bits == 16 else ()), 0xE2, (-len(body.out) - (3 if self.bits == 16 else 2)) & 0xFF)

    def debug(self):
        g = self.g
        self.mov(0, g.choice((g.near(), 0x700 | g.u32(), 0x3FF, g.u32())))
        self.raw(0x0F, g.choice((0x23, 0x21)), 0xC0 | g.randrange(8) << 3)

    def bytes(self):
        self.raw(self.g.noise(self.g.randrange(1, 12)))

    def simple(self):
        self.raw(self.g.choice((0xCC, b"\xCD\x03", b"\xCD\x80", 0xCE, 0xF1, 0xF4, 0xFA, 0xFB, 0xFC, 0xFD, b"\x0F\x0B", b"\x0F\xA2", 0x9B, b"\xDB\xE3",
                                b"\x0F\x77", 0x37, b"\xD4\x00", b"\xF7\xF0", 0x9E, 0xD7, b"\xCD\x10", b"\xCD\x0D", 0xFB)))

    def fill(self, size):
        kinds = (self.flip_control, self.system, self.load_segment, self.far_transfer,
                 self.interrupt_return, self.flags, self.set_registers, self.string, self.string, self.port_io, self.pci, self.a20, self.access,
                 self.access, self.access, self.float, self.msr, self.invalidate, self.modify_self, self.stack, self.stack,
                 self.jump, self.branch, self.loop, self.loop, self.debug, self.bytes, self.simple)
        rare = (self.table_register, self.control_register, self.page_entry)
        self.set_registers()
        while len(self.out) < size - 2:
            self.g.choice(rare if self.g.chance(5) else kinds)()
        return bytes(self.out[: size - 2]) + b"\xCD\x80"


# ---- Tables ----

def page_entry(g):
    frame = g.choice((g.randrange(MEMORY >> 12), 0x100 + g.randrange(0x70), 0xA0 + g.randrange(0x60), 0xFEE00, 0xFEC00, 0xFFFFF, 0xFFFC0,
                      MEMORY >> 12, g.getrandbits(20), 0x120 + g.randrange(0x30)))
    return frame << 12 | (g.choice((7, 7, 7, 3, 5, 1, 0, 0x67, 0x107, 0x87, 0xE7)) if g.chance(85) else g.getrandbits(12))


def directory_entry(g, first, count):
    if g.chance(25):
        return 0
    if g.chance(50):
        return first + 4096 * g.randrange(count) | g.choice((7, 7, 7, 3, 5, 0x27))
    return page_entry(g) | (0x80 if g.chance(30) else 0)


def page_root(g):
    sane = PDS + 4096 * g.randrange(PD_COUNT)
    return g.choice((sane, sane, sane, PDPTS + 32 * g.randrange(16), PDPTS + 32 * g.randrange(16), g.near() & ~0xFFF, g.u32()))


def paging(g, image):
    def put(at, value, size):
        image[at - BASE: at - BASE + size] = value.to_bytes(size, "little")

    def fill(at, entry, size):
        pool = [(entry() & (1 << 8 * size) - 1).to_bytes(size, "little") for _ in range(200)]
        image[at - BASE: at - BASE + 4096] = b"".join(g.choices(pool, k=4096 // size))

    for i in range(PT_COUNT):
        fill(PTS + 4096 * i, lambda: page_entry(g), 4)
    for k in range(0x300):
        put(PTS + 4 * k, k << 12 | 7, 4)
    for i in range(PD_COUNT):
        fill(PDS + 4096 * i, lambda: directory_entry(g, PTS, PT_COUNT), 4)
        put(PDS + 4096 * i, PTS | 7, 4)
        if g.chance(50):
            put(PDS + 4096 * i + 4092, PDS + 4096 * i | 7, 4)

    def high():
        return g.choice((0, 0, 0, 0, 1 << 63, 1, g.getrandbits(32) << 32))

    for i in range(PAE_PT_COUNT):
        fill(PAE_PTS + 4096 * i, lambda: page_entry(g) | high(), 8)
    for k in range(0x300):
        put(PAE_PTS + 8 * k, k << 12 | 7, 8)
    for i in range(PAE_PD_COUNT):
        fill(PAE_PDS + 4096 * i, lambda: directory_entry(g, PAE_PTS, PAE_PT_COUNT) | high(), 8)
        put(PAE_PDS + 4096 * i, PAE_PTS | 7, 8)
        put(PAE_PDS + 4096 * i + 8, PAE_PTS + 4096 | 7, 8)
    for i in range(64):
        for k in range(4):
            entry = PAE_PDS + 4096 * g.randrange(PAE_PD_COUNT) | 1
            put(PDPTS + 32 * i + 8 * k, entry if k == 0 or g.chance(80) else page_entry(g), 8)


def descriptor(base, limit, access, flags):
    return struct.pack("<HHBBBB", limit & 0xFFFF, base & 0xFFFF, base >> 16 & 255, access, flags << 4 | limit >> 16 & 15, base >> 24)


def random_descriptor(g):
    if g.chance(25):  # a gate
        return struct.pack("<HHBBH", g.getrandbits(16), g.choice((CODE32, CODE16, USER_CODE, TSS, DF_TSS, g.randrange(0x400))), g.randrange(32),
                           g.choice((0x80, 0xE0)) | g.choice((4, 5, 6, 7, 12, 14, 15)), g.choice((0x10, 0, g.getrandbits(16))))
    return descriptor(g.choice((0, 0, 0x112000, 0x118000, g.near(), g.u32())), g.choice((0, 0x67, 0x1000, 0xFFFF, 0xFFFFF, g.getrandbits(20))),
                      g.choice((0x80, 0x90, 0xE0, 0xF0, 0xF0, 0x10)) | g.randrange(16), g.choice((0, 4, 8, 12, 12, 15)))


def random_gate(g, entry):
    kind = g.randrange(6)
    if kind == 0:
        return g.noise(8)
    selector = g.choice((CODE32, CODE32, CODE16, USER_CODE, TSS, DF_TSS, g.randrange(0x400)))
    offset = g.choice((entry, entry, entry, g.near(), RECORDS + g.randrange(65536)))
    kind = g.choice((0x8E, 0xEE, 0xEF, 0x85, 0xE5, 0xE6, 0x87, 0x0E, 0x8C))
    return struct.pack("<HHBBH", offset & 0xFFFF, selector, 0, kind, offset >> 16)


def tss(g, entry, sane):
    words = [g.value() for _ in range(26)]
    if sane:
        words = [0, 0x10E000, DATA32, 0x10E800, DATA32, 0x10EC00, DATA32, PDS, entry, 2] + [0] * 4 + [0x10D000, 0, 0, 0] + \
                [DATA32, CODE32, DATA32, DATA32, DATA32, DATA32, 0, 0x680000]
    bitmap = bytes(8192) if g.chance(50) else g.noise(8192)
    return struct.pack("<26I", *words) + bitmap + b"\xff"


def tables(g, image, entry):
    def put(at, data):
        image[at - BASE: at - BASE + len(data)] = data

    gdt = bytes(8) + descriptor(0, 0xFFFFF, 0x9A, 12) + descriptor(0, 0xFFFFF, 0x92, 12) + descriptor(0, 0xFFFFF, 0xFA, 12) + \
        descriptor(0, 0xFFFFF, 0xF2, 12) + descriptor(0, 0xFFFF, 0x9A, 0) + descriptor(0, 0xFFFF, 0x92, 0) + descriptor(0x112000, 0x2068, 0x89, 0) + \
        descriptor(0x110400, 0x3FF, 0x82, 0) + descriptor(0x115000, 0x2068, 0x89, 0)
    put(0x110000, gdt + b"".join(random_descriptor(g) for _ in range(128 - len(gdt) // 8)))
    put(0x110400, b"".join(random_descriptor(g) for _ in range(128)))
    gate = struct.pack("<HHBBH", entry & 0xFFFF, CODE32, 0, 0xEE, entry >> 16)
    idt = bytearray(gate * 256)
    if g.chance(80):
        idt[64:72] = struct.pack("<HHBBH", 0, DF_TSS, 0, 0x85, 0)
    put(0x111000, idt)
    put(0x111800, b"".join(random_gate(g, entry) for _ in range(256)))
    put(0x112000, tss(g, entry, g.chance(90)))
    put(0x115000, tss(g, entry, True))
    put(0x118000, tss(g, entry, False))


def record(g, at):
    """One visit to guest code: see monkey.asm for the fields."""
    mode = g.choice(("kernel", "user", "user", "code16", "v86", "wild") + ("kernel",) * 2) if g.chance(97) else "real"
    paged = g.chance(75)
    pae = g.chance(40)
    cr4 = g.choice((0, 0x10, 0x90, 0x610, 1, 3)) | (0x20 if pae else 0)
    cr0 = (0x80000011 if paged else 0x11) | g.choice((0, 0, 0x10000, 0x10022, 8, 0xC, 0x40000))
    cr3 = PDPTS + 32 * g.randrange(64) if pae else PDS + 4096 * g.randrange(PD_COUNT)
    if g.chance(2):
        cr3, cr0, cr4 = page_root(g), g.u32(), g.u32()
    idtr = struct.pack("<HI", 0x7FF, 0x111000) if g.chance(97) else \
        g.choice((struct.pack("<HI", 0x7FF, 0x111800), struct.pack("<HI", g.getrandbits(16), g.near()), g.noise(6)))
    bits = 16 if mode in ("code16", "v86", "real") else 32
    code_at, copy = at + CODE, 0
    if bits == 16:
        code_at = copy = 0x8000 + g.randrange(0x1000)
    elif g.chance(25):
        code_at = copy = g.choice((0x200FC0 + g.randrange(64), MEMORY - g.randrange(160), 0xFFFFFFC0, 0xB8000, 0xC0FF0, 0xA0000 - 40, 0x3FFFA0,
                                   0xEFFF0, 0x112000, 0x1FFFF0, 0x120000, g.near()))
    code = Code(g, bits, code_at).fill(CODE_BYTES)
    eflags = g.choice((0x202, 0x202, 0x202, 0x2, 0x302, 0x602, 0x3202, 0x4202, 0x40202)) & 0xFFFFFFFF
    cs = {"user": USER_CODE, "code16": CODE16, "v86": code_at >> 4, "wild": g.randrange(0x400)}.get(mode, CODE32)
    eip = code_at
    if mode == "v86":
        eflags |= 0x20000
        eip = code_at & 15
    if g.chance(8):
        eip = g.near()
    ss = {"user": USER_DATA, "v86": g.choice((0, 0x700, 0xFFFF, g.getrandbits(16))), "wild": g.randrange(0x400)}.get(mode, DATA32)
    iret = struct.pack("<9I", eip, cs, eflags, g.choice((0x108000, 0x7000, g.near())), ss, *(g.choice((0, 0x900, 0xFFFF, 0xB800)) for _ in range(4)))
    segs = struct.pack("<4H", *(g.choice((0xFFFF, USER_DATA, USER_DATA, 0, DATA32, DATA16, g.randrange(0x400))) if g.chance(40) else USER_DATA
                                for _ in range(4)))
    regs = struct.pack("<8I", *(g.value() for _ in range(8)))
    far = struct.pack("<HH", code_at & 15, code_at >> 4) if bits == 16 else bytes(4)
    return struct.pack("<IIII", mode == "real", cr0, cr3, cr4) + idtr + bytes(2) + segs + regs + iret + far + u32(copy) + bytes(4) + code


def pristine(image):
    """What monkey.asm needs to come back: descriptors, gates, TSSs, the identity mapping of the first 3 MiB."""
    parts = [(0x110000, 80), (0x111000, 0x800), (0x112000, 104), (0x115000, 104), (PTS, 0xC00), (PAE_PTS, 0x1800)]
    parts += [(PDS + 4096 * i, 4) for i in range(PD_COUNT)] + [(PAE_PDS + 4096 * i, 16) for i in range(PAE_PD_COUNT)]
    at = PRISTINE - BASE
    for i, (start, size) in enumerate(parts):
        struct.pack_into("<II", image, RESTORE - BASE + 8 * i, start, size)
        image[at: at + size] = image[start - BASE: start - BASE + size]
        at += size


def monkey(seed, core, visits):
    g = Gen(seed)
    image = bytearray(PRISTINE + 0x8000 - BASE)
    image[:len(core)] = core
    struct.pack_into("<III", image, 8, g.u32(), visits, 0)
    entry = struct.unpack_from("<I", core, 20)[0]
    tables(g, image, entry)
    paging(g, image)
    for i in range(COUNT):
        at = RECORDS + i * RECORD
        image[at - BASE: at - BASE + RECORD] = record(g, at)
    pristine(image)
    return bytes(image)


def noise(seed):
    g = Gen(seed)
    return g.noise(g.choice((64, 4096, 65536)))


def soup(seed, bits, at):
    g = Gen(seed)
    return b"".join(Code(g, bits, at + i * CODE_BYTES).fill(CODE_BYTES)[:-2] for i in range(40))


def ports(seed):
    """32-bit code: every port, with out and in of each size, but those that end the run."""
    g = Gen(seed)
    out = bytearray(b"\xBE" + u32(g.u32()) + b"\x31\xD2")  # mov esi, x; xor edx, edx
    top = len(out)
    # lea ecx, [edx - (p - 3)]; cmp ecx, 4; jb: an access of four bytes reaches the port from below
    tests = b"".join(b"\x8D\x8A" + u32(3 - p) + b"\x83\xF9\x04\x72\0" for p in ENDS_RUN)
    # imul esi, esi, 1664525; add esi, 1013904223; mov eax, esi; shr eax, 8; six accesses
    work = b"\x69\xF6" + u32(1664525) + b"\x81\xC6" + u32(1013904223)
    steps = [b"\xEE", b"\x66\xEF", b"\xEF", b"\xEC", b"\x66\xED", b"\xED"]
    g.shuffle(steps)
    work += b"".join(b"\x89\xF0\xC1\xE8\x08" + s for s in steps)
    body = bytearray(tests + work)
    for i in range(len(ENDS_RUN)):  # skip to the increment
        body[11 * i + 10] = len(body) - (11 * i + 11)
    out += body + b"\x42\x81\xFA\0\0\x01\0\x0F\x82"
    out += struct.pack("<i", top - (len(out) + 4))
    return bytes(out + b"\x31\xC0\xE6\xF4\xF4")
