"""debian_archive.py: a small Debian archive on loopback, with one package that has a command and a big file."""
import functools
import gzip
import hashlib
import http.server
import os
import random
import subprocess
import threading

NAME = "novt-hello"
BIG_BYTES = 6 << 20


def _package(folder):
    tree = os.path.join(folder, "tree")
    os.makedirs(os.path.join(tree, "DEBIAN"))
    os.makedirs(os.path.join(tree, "usr/bin"))
    with open(os.path.join(tree, "DEBIAN/control"), "w") as f:
        f.write(f"Package: {NAME}\nVersion: 1.0\nArchitecture: all\nMaintainer: none <none@invalid>\nDescription: says hello\n")
    command = os.path.join(tree, "usr/bin", NAME)
    with open(command, "w") as f:
        f.write("#!/bin/sh\necho hello from a package\n")
    os.chmod(command, 0o755)
    os.makedirs(os.path.join(tree, "usr/share"))
    with open(os.path.join(tree, "usr/share", NAME), "wb") as f:
        f.write(random.Random(2).randbytes(BIG_BYTES))
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, os.path.join(folder, f"{NAME}.deb")], check=True, stdout=subprocess.DEVNULL)


def _index(folder):
    deb = os.path.join(folder, f"{NAME}.deb")
    with open(deb, "rb") as f:
        data = f.read()
    control = subprocess.run(["dpkg-deb", "-f", deb], check=True, capture_output=True, text=True).stdout
    text = f"{control}Filename: ./{NAME}.deb\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n\n".encode()
    packed = gzip.compress(text, mtime=0)
    for name, content in (("Packages", text), ("Packages.gz", packed)):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(content)
    with open(os.path.join(folder, "Release"), "w") as f:
        f.write("SHA256:\n")
        for name, content in (("Packages", text), ("Packages.gz", packed)):
            f.write(f" {hashlib.sha256(content).hexdigest()} {len(content)} {name}\n")


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def serve(folder):
    """Makes the archive in an empty folder and serves it until the program ends; returns the port."""
    _package(folder)
    _index(folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port
