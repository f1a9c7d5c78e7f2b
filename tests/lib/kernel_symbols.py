"""kernel_symbols.py: the symbols of a Linux kernel image (bzImage, xz), read from the tables that the kernel itself uses.

Debian ships its System.map in a package of 800 MB only. The tables are found as in scripts/kallsyms.c of Linux
6.1.y: offsets, relative base, count, names, markers, order of names, token table, token index. Written apart from novt's own reader, to
compare with it.
"""
import lzma
import struct


def _unpacked(path):
    data = open(path, "rb").read()
    at = data.find(b"\xfd7zXZ\0")
    if at < 0:
        raise ValueError("%s: no xz payload" % path)
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(data[at:])


def _tokens(image):
    digits = b"".join(bytes((c, 0)) for c in b"0123456789")
    at = -1
    while (at := image.find(digits, at + 1)) >= 0:
        end = at
        for _ in range(256 - ord("0")):
            end = image.index(b"\0", end) + 1
        index = (end + 3) & ~3
        offsets = struct.unpack_from("<256H", image, index)
        start = at - offsets[ord("0")]
        if offsets[0] == 0 and start > 0 and image[start + offsets[255]:end].count(b"\0") == 1:
            return start, [image[start + o:image.index(b"\0", start + o)] for o in offsets]
    raise ValueError("no token table")


def _names(image, start):
    """Where the names begin, and how many there are. Later kernels have a list of three bytes a name behind the markers."""
    for count in range(1000, 1 << 20):
        end = start - (3 * count + 3 & ~3)
        blocks = (count + 255) // 256
        markers = end - 4 * blocks
        if image[markers:markers + 4] != b"\0\0\0\0" or not 512 <= struct.unpack_from("<I", image, markers + 4)[0] < 32768:
            continue
        last = struct.unpack_from("<I", image, end - 4)[0]
        for names in range((markers - last) & ~3, markers - last - 256 * 128, -4):
            if struct.unpack_from("<I", image, names - 4)[0] == count:
                return names, count
    raise ValueError("no names")


def symbols(path):
    """A list of (address, type, name), sorted by address."""
    image = _unpacked(path)
    start, tokens = _tokens(image)
    names, count = _names(image, start)
    base = struct.unpack_from("<I", image, names - 8)[0]
    out = []
    for offset in struct.unpack_from("<%dI" % count, image, names - 8 - 4 * count):
        length = image[names]
        name = b"".join(tokens[b] for b in image[names + 1:names + 1 + length]).decode()
        names += 1 + length
        out.append((base + offset, name[0], name[1:]))
    return out


def write_map(path, table):
    """The same as a System.map."""
    with open(path, "w") as f:
        for address, kind, name in table:
            f.write("%08x %s %s\n" % (address, kind, name))
