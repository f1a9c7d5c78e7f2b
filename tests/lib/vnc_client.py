"""vnc_client.py: as much of a VNC client as tests need: RFC 6143, raw, zlib, ZRLE and Tight encoding, VNC authentication by openssl-free DES."""
import socket
import struct
import time
import zlib


class VncError(Exception):
    pass


class VncClient:
    def __init__(self, port, response=None, encodings=(0, -223), wait=10, shared=1):
        """response: function from the challenge to 16 bytes, for VNC authentication."""
        self.sock = self._connect(port, wait)
        self.zlib, self.zrle, self.tight = (zlib.decompressobj() for _ in range(3))
        self.key_codes, self.answers = False, []
        self._handshake(response)
        self.send(bytes([shared]))
        self.width, self.height = struct.unpack(">HH", self.recv(4))
        self.recv(16)
        self.name = self.recv(struct.unpack(">I", self.recv(4))[0])
        self.pixels = bytearray(self.width * self.height * 4)
        self.send(struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings))

    @staticmethod
    def _connect(port, wait):
        end = time.time() + wait
        while True:
            try:
                sock = socket.create_connection(("127.0.0.1", port), timeout=10)
                return sock
            except OSError:
                if time.time() > end:
                    raise
                time.sleep(0.05)

    def _handshake(self, response):
        if not self.recv(12).startswith(b"RFB 003.008"):
            raise VncError("not RFB 3.8")
        self.send(b"RFB 003.008\n")
        types = self.recv(self.recv(1)[0])
        wanted = 2 if response else 1
        if wanted not in types:
            raise VncError(f"security types {list(types)}")
        self.send(bytes([wanted]))
        if response:
            self.send(response(self.recv(16)))
        if struct.unpack(">I", self.recv(4))[0]:
            raise VncError(self.recv(struct.unpack(">I", self.recv(4))[0]).decode())

    def send(self, data):
        self.sock.sendall(data)

    def recv(self, n):
        data = b""
        while len(data) < n:
            more = self.sock.recv(n - len(data))
            if not more:
                raise VncError("connection closed")
            data += more
        return data

    def key(self, keysym, down):
        self.send(struct.pack(">BBxxI", 4, down, keysym))

    def key_code(self, keysym, code, down):
        self.send(struct.pack(">BBHII", 255, 0, down, keysym, code))

    def tap(self, keysym):
        self.key(keysym, 1)
        self.key(keysym, 0)

    def update(self, incremental):
        """Asks for a picture and applies what comes."""
        self.send(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))
        kind, count = struct.unpack(">BxH", self.recv(4))
        if kind:
            raise VncError(f"message {kind}")
        for _ in range(count):
            self._rect(*struct.unpack(">HHHHi", self.recv(12)))
        return count

    def _rect(self, x, y, w, h, encoding):
        if encoding == -223:
            self.width, self.height, self.pixels = w, h, bytearray(w * h * 4)
            return
        if encoding == -308:
            self.recv(4 + 16)
            self.answers.append((x, y))
            if x != 1 and (w, h) != (self.width, self.height):
                self.width, self.height, self.pixels = w, h, bytearray(w * h * 4)
            return
        if encoding == -258:
            self.key_codes = True
            return
        if encoding == 16:
            data = self._tile(self.zrle.decompress(self.recv(struct.unpack(">I", self.recv(4))[0])), w, h)
        elif encoding == 7:
            data = self._tight(w, h)
        elif encoding == 6:
            data = self.zlib.decompress(self.recv(struct.unpack(">I", self.recv(4))[0]))
        else:
            data = self.recv(w * h * 4)
        for row in range(h):
            at = ((y + row) * self.width + x) * 4
            self.pixels[at:at + w * 4] = data[row * w * 4:(row + 1) * w * 4]

    @staticmethod
    def _tile(data, w, h):
        """One ZRLE tile of at most 64x64, in the native format."""
        kind, at = data[0], 1
        if not kind:
            pixels = [data[at + 3 * i:at + 3 * i + 3] for i in range(w * h)]
        else:
            palette, bits = [data[at + 3 * i:at + 3 * i + 3] for i in range(kind)], 1 if kind <= 2 else 2 if kind <= 4 else 4
            at, stride = at + 3 * kind, (w * bits + 7) // 8
            if kind == 1:
                pixels, stride = palette * (w * h), 0
            else:
                pixels = [palette[data[at + y * stride + x * bits // 8] >> (8 - bits - x * bits % 8) & ((1 << bits) - 1)]
                          for y in range(h) for x in range(w)]
            if len(data) != at + stride * h:
                raise VncError("ZRLE tile has another length")
        return b"".join(p + b"\0" for p in pixels)

    def _tight_data(self, n):
        if n < 12:
            return self.recv(n)
        length, shift = 0, 0
        while True:
            byte = self.recv(1)[0]
            length |= (byte if shift == 14 else byte & 0x7F) << shift
            if byte < 0x80 or shift == 14:
                break
            shift += 7
        data = self.tight.decompress(self.recv(length))
        if len(data) != n:
            raise VncError("Tight rectangle has another length")
        return data

    def _tight(self, w, h):
        kind = self.recv(1)[0]
        if kind == 0x80:
            pixels = [self.recv(3)] * (w * h)
        elif kind == 0:
            data = self._tight_data(w * h * 3)
            pixels = [data[i:i + 3] for i in range(0, len(data), 3)]
        elif kind == 0x40 and self.recv(1) == b"\x01":
            palette = [self.recv(3) for _ in range(self.recv(1)[0] + 1)]
            stride = (w + 7) // 8 if len(palette) == 2 else w
            data = self._tight_data(stride * h)
            if len(palette) == 2:
                pixels = [palette[data[y * stride + x // 8] >> (7 - x % 8) & 1] for y in range(h) for x in range(w)]
            else:
                pixels = [palette[i] for i in data]
        else:
            raise VncError(f"Tight rectangle of kind {kind:#x}")
        return b"".join(p[::-1] + b"\0" for p in pixels)

    def rgb(self):
        """The picture as rows of (r, g, b) bytes: one bytes object."""
        p = self.pixels
        out = bytearray(self.width * self.height * 3)
        out[0::3], out[1::3], out[2::3] = p[2::4], p[1::4], p[0::4]
        return bytes(out)

    def close(self):
        self.sock.close()
