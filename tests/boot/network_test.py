#!/usr/bin/env python3
"""network_test.py NOVT GUESTS [MODEL...]: Linux drives each network adapter: a lease by DHCP, a file each way, a forwarded port.

The other ends are servers of this program on loopback. Skips (77) without the guest.
"""
import hashlib
import http.server
import os
import random
import re
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import linux_session  # noqa: E402
from expect import Child, check  # noqa: E402

DRIVERS = {"e1000": "e1000", "rtl8139": "8139too", "ne2k_pci": "ne2k-pci", "ne2k_isa": "ne ne.io=0x340 ne.irq=5",
           "virtio": "virtio_pci,virtio_net"}
JUMPERS = {"ne2k_isa": ",iobase=0x340,irq=5"}
DATA = random.Random(1).randbytes(3 << 20)
DIGEST = hashlib.md5(DATA).hexdigest()
PROMPT = linux_session.PROMPT


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        self.wfile.write(DATA)

    def log_message(self, *_):
        pass


def serve_http():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def listen():
    """A listening socket on loopback."""
    s = socket.create_server(("127.0.0.1", 0))
    s.settimeout(120)
    return s


def drain(connection):
    digest = hashlib.md5()
    while block := connection.recv(65536):
        digest.update(block)
    return digest.hexdigest()


def lease(child):
    out = child.command("udhcpc -i eth0 -n -q -t 10", PROMPT, 120)
    check("10.0.2.15" in out, "DHCP gives 10.0.2.15", child)
    out = child.command("ping -c 1 -W 20 10.0.2.2", PROMPT)
    check(re.search(r"1 packets received", out), "the gateway answers a ping", child)


def download(child, port):
    child.command(f"wget -q -O /tmp/down http://10.0.2.2:{port}/file", PROMPT, 300)
    check(DIGEST in child.command("md5sum /tmp/down", PROMPT), "a file comes whole", child)


def upload(child):
    with listen() as server:
        child.send(f"nc 10.0.2.2 {server.getsockname()[1]} < /tmp/down\n")
        with server.accept()[0] as connection:
            connection.settimeout(120)
            digest = drain(connection)
        child.expect(PROMPT, 120)
    check(digest == DIGEST, "a file goes whole", child)


def forwarded(child, port):
    child.send("nc -l -p 7777 < /dev/null > /tmp/in & sleep 1; echo listening-now\n")
    child.expect(r"^listening-now")
    child.expect(PROMPT)
    with socket.create_connection(("127.0.0.1", port), timeout=60) as s:
        s.sendall(DATA[:500000])
    digest = hashlib.md5(DATA[:500000]).hexdigest()
    check(digest in child.command("wait; md5sum /tmp/in", PROMPT, 120), "a forwarded port leads into the guest", child)


def unheard(child):
    """UDP datagrams that came for a port where nobody listens (busybox has no UDP server)."""
    return int(re.search(r"^Udp: \d+ (\d+)", child.command("cat /proc/net/snmp", PROMPT), re.M).group(1))


def forwarded_datagram(child, port):
    before = unheard(child)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _ in range(3):
            s.sendto(b"one datagram", ("127.0.0.1", port))
    for _ in range(20):
        if (now := unheard(child)) >= before + 3:
            break
    check(now == before + 3, "and so do datagrams", child)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(novt, guests, model):
    print(f"-- {model}", flush=True)
    inbound, datagrams, web = free_port(), free_port(), serve_http()
    args = [novt, "run", "--memory", "160M", "--kernel", os.path.join(guests, "vmlinuz-686"), "--initrd",
            os.path.join(guests, "initramfs-modules.gz"), "--append", f"console=ttyS0 novt.modules={DRIVERS[model]}",
            "--net", f"user,model={model},hostfwd=tcp:127.0.0.1:{inbound}-:7777,hostfwd=udp:127.0.0.1:{datagrams}-:7778"
            f"{JUMPERS.get(model, '')}"]
    with Child(args) as child:
        linux_session.boot(child)
        lease(child)
        download(child, web)
        upload(child)
        forwarded(child, inbound)
        forwarded_datagram(child, datagrams)
        linux_session.poweroff(child)


def main():
    novt, guests, *models = sys.argv[1:]
    linux_session.need_modules(guests)
    for model in models or DRIVERS:
        run(novt, guests, model)


main()
