"""small_png.py: makes a browser's screenshot small: 240 colours instead of 16 million, which pictures of text and lines bear.

Follows the PNG specification (W3C), "Filtering"; only what browsers write: 8-bit RGB or RGBA, not interlaced.
"""
import collections
import zlib

COLOURS, COMMON = 240, 120


def paeth(a, b, c):
    p = a + b - c
    pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
    return a if pa <= pb and pa <= pc else b if pb <= pc else c


def unfilter(kind, line, before, n):
    """The line in place; n: bytes a dot."""
    for i, v in enumerate(line):
        left, up, corner = (line[i - n] if i >= n else 0), before[i], (before[i - n] if i >= n else 0)
        line[i] = (v + (0, left, up, (left + up) // 2, paeth(left, up, corner))[kind]) & 255


def dots(data):
    """(width, height, rows of (r, g, b))."""
    at, packed = 8, b""
    while at < len(data):
        length, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        body = data[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colour = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big"), body[8], body[9]
            if depth != 8 or colour not in (2, 6) or body[12]:
                raise ValueError("not such a PNG")
            n = 3 if colour == 2 else 4
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    raw, size, before, rows = zlib.decompress(packed), width * n, bytearray(width * n), []
    for y in range(height):
        line = bytearray(raw[y * (size + 1) + 1:(y + 1) * (size + 1)])
        if raw[y * (size + 1)]:
            unfilter(raw[y * (size + 1)], line, before, n)
        rows.append([bytes(line[x:x + 3]) for x in range(0, size, n)])
        before = line
    return width, height, rows


def apart(c, d):
    return sum((a - b) ** 2 for a, b in zip(c, d))


def choose(often):
    """The most common colours, then those that are farthest from all that are chosen: what is rare may matter."""
    palette = [c for c, _ in often.most_common(COMMON)]
    missed = {c: min(apart(c, p) for p in palette) for c in often}
    while len(palette) < COLOURS and any(missed.values()):
        far = max(missed, key=missed.get)
        palette.append(far)
        missed = {c: min(d, apart(c, far)) for c, d in missed.items()}
    return palette


def shrink(path):
    """Writes the file anew."""
    with open(path, "rb") as f:
        width, height, rows = dots(f.read())
    often = collections.Counter(d for r in rows for d in r)
    palette = choose(often)
    nearest = {c: min(range(len(palette)), key=lambda i, c=c: apart(c, palette[i])) for c in often}
    packed = zlib.compress(b"".join(b"\0" + bytes(nearest[d] for d in r) for r in rows), 9)

    def chunk(kind, body):
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 3, 0, 0, 0])
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"PLTE", b"".join(palette)) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
