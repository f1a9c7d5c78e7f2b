"""picture.py: image files of tests, and how far two pictures are apart. A picture is (width, height, rgb bytes)."""
import zlib

TOLERANCE = 6  # how six or five bits become eight differs


def read_ppm(path):
    with open(path, "rb") as f:
        data = f.read()
    fields = data.split(None, 4)[:4]
    at = data.index(fields[3]) + len(fields[3]) + 1
    return int(fields[1]), int(fields[2]), data[at:]


def read_png(path):
    """Only what novt writes: 8-bit RGB, no filters. Checks the CRCs."""
    with open(path, "rb") as f:
        data = f.read()
    at, packed, size = 8, b"", None
    while at < len(data):
        length, kind = int.from_bytes(data[at:at + 4], "big"), data[at + 4:at + 8]
        body = data[at + 8:at + 8 + length]
        crc = int.from_bytes(data[at + 8 + length:at + 12 + length], "big")
        if zlib.crc32(kind + body) != crc:
            raise ValueError("bad CRC")
        if kind == b"IHDR":
            size = int.from_bytes(body[:4], "big"), int.from_bytes(body[4:8], "big")
        packed += body if kind == b"IDAT" else b""
        at += 12 + length
    raw, row = zlib.decompress(packed), size[0] * 3 + 1
    return (*size, b"".join(raw[y * row + 1:(y + 1) * row] for y in range(size[1])))


def write_png(path, picture):
    def chunk(kind, body):
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
    width, height, rgb = picture
    rows = b"".join(b"\0" + rgb[y * width * 3:(y + 1) * width * 3] for y in range(height))
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def row(picture, y):
    return picture[2][y * picture[0] * 3:(y + 1) * picture[0] * 3]


def scaled(picture, fx, fy):
    """Every dot drawn fx times fy times."""
    rows = []
    for y in range(picture[1]):
        line = row(picture, y)
        if fx > 1:
            line = b"".join(line[i:i + 3] * fx for i in range(0, len(line), 3))
        rows.append(line * fy)
    return picture[0] * fx, picture[1] * fy, b"".join(rows)


def pixels_apart(a, b):
    """Share of pixels that differ; one may be drawn in whole multiples of the other's size."""
    if b[0] > a[0] or b[1] > a[1]:
        a, b = b, a
    fx, fy = a[0] // b[0], a[1] // b[1]
    if (b[0] * fx, b[1] * fy) != a[:2]:
        return 1.0
    if (fx, fy) != (1, 1):
        b = scaled(b, fx, fy)
    wrong = 0
    for y in range(a[1]):
        line_a, line_b = row(a, y), row(b, y)
        if line_a != line_b:
            wrong += sum(any(abs(line_a[i + k] - line_b[i + k]) > TOLERANCE for k in range(3)) for i in range(0, len(line_a), 3))
    return wrong / (a[0] * a[1])
