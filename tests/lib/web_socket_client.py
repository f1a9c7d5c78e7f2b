"""web_socket_client.py: as much of a WebSocket client (RFC 6455) as tests need, good and bad manners alike."""
import base64
import os
import socket
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Refused(Exception):
    """The handshake's answer was not 101: .status."""

    def __init__(self, status, body):
        super().__init__(f"{status} {body}")
        self.status, self.body = status, body


def frame(op, payload=b"", fin=True, mask=b"\x12\x34\x56\x78", reserved=0):
    """A client's frame; mask None: none."""
    n = len(payload)
    head = bytes([(0x80 if fin else 0) | reserved << 4 | op])
    bit = 0x80 if mask else 0
    head += bytes([bit | n]) if n < 126 else struct.pack(">BH", bit | 126, n) if n < 1 << 16 else struct.pack(">BQ", bit | 127, n)
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(payload)) if mask else head + payload


class WebSocket:
    def __init__(self, port, path, headers=None, timeout=20, first=b""):
        """headers: replace the usual ones; None as a value leaves one out. first: sent with the request."""
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self.pending, self.code, self.reason = b"", None, ""
        usual = {"Host": f"127.0.0.1:{port}", "Upgrade": "websocket", "Connection": "Upgrade",
                 "Origin": f"http://127.0.0.1:{port}", "Sec-WebSocket-Version": "13",
                 "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode()}
        lines = [f"{k}: {v}" for k, v in {**usual, **(headers or {})}.items() if v is not None]
        self.sock.sendall("\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode() + first)
        self.file = self.sock.makefile("rb")
        status = int(self.file.readline().split()[1])
        fields = dict(line.decode().strip().lower().split(": ", 1) for line in iter(self.file.readline, b"\r\n"))
        if status != 101:
            body = self.file.read(int(fields.get("content-length", 0))).decode()
            self.close()
            raise Refused(status, body)

    def send(self, data, op=BINARY, **how):
        self.sock.sendall(frame(op, data, **how))

    def sendall(self, data):
        self.send(data)

    def message(self):
        """(opcode, payload) of the next frame; None when the server has hung up."""
        head = self.file.read(2)
        if len(head) < 2:
            return None
        n = head[1]
        if n >= 126:
            n = int.from_bytes(self.file.read(2 if n == 126 else 8), "big")
        payload = self.file.read(n)
        if head[0] & 0x0F == CLOSE:
            self.code, self.reason = int.from_bytes(payload[:2], "big"), payload[2:].decode()
        return head[0] & 0x0F, payload

    def recv(self, n):
        """Like a socket's: bytes of the stream, b"" at its end."""
        while not self.pending:
            found = self.message()
            if found is None or found[0] == CLOSE:
                return b""
            if found[0] == BINARY:
                self.pending += found[1]
        data, self.pending = self.pending[:n], self.pending[n:]
        return data

    def until(self, text):
        data = b""
        while text not in data:
            more = self.recv(4096)
            if not more:
                raise AssertionError(f"closed with {self.code} before {text!r} came: {data[-200:]!r}")
            data += more
        return data

    def ended(self):
        """Reads to the end; the close code, None without."""
        while self.message() is not None:
            pass
        return self.code

    def close(self):
        self.file.close()
        self.sock.close()
