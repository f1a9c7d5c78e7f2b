#!/usr/bin/env python3
"""vnc_password_test.py NOVT: who gets past a VNC password: right, wrong, none given, none set.

DES comes from openssl's triple DES with three equal keys; without openssl only refusals are tested.
"""
import contextlib
import os
import shutil
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402
from vnc_client import VncClient, VncError  # noqa: E402

PASSWORD = "Ab 1~xyz"


def response(password):
    """RFC 6143, 7.2.2: the challenge, encrypted; each byte of the key with its bits reversed."""
    key = bytes(int(f"{byte:08b}"[::-1], 2) for byte in password.encode()[:8].ljust(8, b"\0")).hex()

    def answer(challenge):
        argv = ["openssl", "enc", "-des-ede3", "-nopad", "-K", key * 3]
        return subprocess.run(argv, input=challenge, capture_output=True, check=True).stdout
    return answer


@contextlib.contextmanager
def server(novt, *options):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    argv = [novt, "run", "--serial", "none", "--display", ",".join([f"vnc=127.0.0.1:{port - 5900}", *options]), "--timeout", "60"]
    child = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    try:
        yield port
    finally:
        child.terminate()
        check(child.wait(10) == 0, "it ends when asked to")


def refusal(port, answer):
    """What the server says to a client that should not get in; None if it does."""
    try:
        VncClient(port, answer).close()
        return None
    except VncError as error:
        return str(error)


def sees_picture(port, answer=None):
    client = VncClient(port, answer)
    client.update(0)
    client.close()
    return client.width > 0


def talk(port, *parts):
    """Sends bytes after the greeting; returns all that comes until the server hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s:
        for part in parts:
            s.sendall(part)
        data = b""
        while more := s.recv(4096):
            data += more
        return data


def old_client(port, answer):
    """Protocol 3.3, in which the server chooses the type. Returns the result word."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as s, s.makefile("rb") as f:
        f.read(12)
        s.sendall(b"RFB 003.003\n")
        check(f.read(4) == struct.pack(">I", 2), "3.3: the server wants a password")
        s.sendall(answer(f.read(16)))
        return struct.unpack(">I", f.read(4))[0]


def with_password(novt):
    with server(novt, f"password={PASSWORD}") as port:
        check(refusal(port, None) == "security types [2]", "a client without a password finds nothing else offered")
        why = b"this security type was not offered"
        check(talk(port, b"RFB 003.008\n\x01")[12:] == b"\x01\x02" + struct.pack(">II", 1, len(why)) + why,
              "one that goes on without is turned away")
        check(refusal(port, lambda challenge: challenge) == "wrong password", "the challenge itself is no answer")
        check(refusal(port, lambda challenge: bytes(16)) == "wrong password", "neither are zeros")
        if not shutil.which("openssl"):
            print("skip: no openssl")
            return
        for wrong in ("", PASSWORD[:-1], PASSWORD.lower(), "other"):
            check(refusal(port, response(wrong)) == "wrong password", f"wrong: {wrong!r}")
        right = response(PASSWORD)
        check(refusal(port, lambda c: right(c)[:8] + bytes(8)) == "wrong password", "half of the answer is wrong")
        check(sees_picture(port, right), "the right password opens")
        check(sees_picture(port, response(PASSWORD + "more")), "eight characters count")
        check(old_client(port, right) == 0 and old_client(port, response("no")) == 1, "3.3: right and wrong")


def without_password(novt):
    with server(novt) as port:
        check(refusal(port, lambda challenge: bytes(16)) == "security types [1]", "without a password none is asked for")
        check(struct.unpack(">I", talk(port, b"RFB 003.008\n\x02")[14:18])[0] == 1, "and none is taken")
        check(sees_picture(port), "everybody sees the picture")


def main():
    novt = os.path.abspath(sys.argv[1])
    with_password(novt)
    without_password(novt)


if __name__ == "__main__":
    main()
