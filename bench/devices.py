"""devices.py: what devices carry: disks, TCP through a user network, consoles, timers; the same devices in novt and in TCG."""
import os
import re
import socket
import threading
import time

import guests
import linux_session
import report
from expect import Failure

MODULES = "ata_piix,sd_mod,virtio_pci,virtio_blk,e1000,virtio_net"
DISK_MIB = 128
GATEWAY = "10.0.2.2"
NICS = ("e1000", "virtio")  # eth0, eth1: the order of MODULES
DISKS = {"ide": "/dev/sda", "virtio": "/dev/vda"}
CONSOLE_LINES = 8000
LIMIT = 120


# ---- The machines ----

def make_images(out):
    """Images full of data that no hole and no zero page make easy, in the host's page cache."""
    paths = {}
    for name in DISKS:
        paths[name] = os.path.join(out, f"disk-{name}.img")
        with open(paths[name], "wb") as image:
            piece = os.urandom(1 << 20)
            for _ in range(DISK_MIB):
                image.write(piece)
    return paths


def novt_argv(novt, kernel, initrd, images):
    return [novt, "run", "--kernel", kernel, "--append", f"console=ttyS0 novt.modules={MODULES}", "--initrd", initrd, "--memory", "256M",
            "--disk", f"{images['ide']},bus=ide", "--disk", f"{images['virtio']},bus=virtio", "--net", "user,model=e1000",
            "--net", "user,model=virtio", "--display", "none", "--serial", "stdio"]


def tcg_argv(kernel, initrd, images):
    argv = ["qemu-system-i386", "-accel", "tcg", "-display", "none", "-nodefaults", "-no-reboot", "-monitor", "none", "-vga", "std",
            "-m", "256", "-chardev", "stdio,id=s,signal=off", "-serial", "chardev:s", "-kernel", kernel, "-initrd", initrd,
            "-append", f"console=ttyS0 novt.modules={MODULES}"]
    argv += ["-drive", f"file={images['ide']},if=ide,format=raw", "-drive", f"file={images['virtio']},if=virtio,format=raw"]
    for i, model in enumerate(("e1000", "virtio-net-pci")):
        argv += ["-netdev", f"user,id=n{i}", "-device", f"{model},netdev=n{i}"]
    return argv


# ---- The other end of TCP ----

class Peer:
    """A server on loopback: does what the guest asks for, by port: takes bytes, gives bytes, returns them."""

    def __init__(self):
        self.sockets = {way: socket.create_server(("127.0.0.1", 0)) for way in ("send", "receive", "echo")}
        self.ports = {way: s.getsockname()[1] for way, s in self.sockets.items()}
        for way, s in self.sockets.items():
            threading.Thread(target=self.serve, args=(way, s), daemon=True).start()

    def serve(self, way, listener):
        while True:
            try:
                connection = listener.accept()[0]
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with connection:
                try:
                    self.talk(way, connection)
                except OSError:
                    pass

    @staticmethod
    def talk(way, connection):
        zeros = bytes(1 << 16)
        while True:
            if way == "receive":
                connection.sendall(zeros)
                continue
            data = connection.recv(1 << 18)
            if not data:
                return
            if way == "echo":
                connection.sendall(data)

    def close(self):
        for s in self.sockets.values():
            s.close()


# ---- One figure each: {name: value} ----

def command(machine, line):
    return machine.child.command(line, linux_session.PROMPT, LIMIT)


def values(text):
    return {m[1]: float(m[2]) for m in re.finditer(r"^(\w+) (\d+\.\d+)\r*$", text, re.M)}


def disk(machine, bus, ms):
    return {f"{bus}_{name}": v for name, v in values(command(machine, f"bench disk {DISKS[bus]} {ms}")).items()}


def network(machine, nic, peer, ms):
    eth = f"eth{NICS.index(nic)}"
    command(machine, f"ip link set {eth} up; ip addr add 10.0.2.15/24 dev {eth}; sleep 1")
    out = {}
    for way, port in peer.ports.items():
        got = values(command(machine, f"bench stream {GATEWAY} {port} {way} {ms}"))
        if way not in got:
            raise Failure(f"{nic}: no figure of {way}")
        out[f"{nic}_tcp_{way}"] = got[way] if way != "echo" else 1 / got[way]
    command(machine, f"ip addr flush dev {eth}; ip link set {eth} down")
    return out


def serial_console(machine):
    """Bytes a second that the serial console prints, by the clock of the host."""
    command(machine, f"[ -e /tmp/text ] || seq 1000000 {1000000 + CONSOLE_LINES} > /tmp/text")
    start = time.monotonic()
    printed = len(command(machine, "cat /tmp/text"))
    return {"serial_console": printed / (time.monotonic() - start)}


def screen_console(machine):
    """Bytes a second on the VGA text screen: most of it is scrolling."""
    start = time.monotonic()
    command(machine, "cat /tmp/text > /dev/tty1")
    return {"vga_console": 8 * CONSOLE_LINES / (time.monotonic() - start)}


def timer(machine):
    return {f"timer_late_{name}": v for name, v in values(command(machine, "bench timer 200")).items()}


def figures(machine, peer, ms):
    out = {}
    for bus in DISKS:
        out |= disk(machine, bus, ms)
    for nic in NICS:
        out |= network(machine, nic, peer, ms)
    return out | serial_console(machine) | screen_console(machine) | timer(machine)


# ---- Rows ----

MIB = 1 << 20
UNITS = (("sequential", "MiB/s", MIB), ("random", "IOPS", 1), ("echo", "us", 1e-6), ("late", "us", 1e-6), ("tcp", "MiB/s", MIB),
         ("console", "KiB/s", 1024))


def unit_of(name):
    return next((unit, scale) for part, unit, scale in UNITS if part in name)


def row(name, taken):
    """taken: {system: [value]}. gain is how much better novt is, whatever better means."""
    unit, scale = unit_of(name)
    less = unit == "us"
    out = {"name": name, "unit": unit, "target": not less and "console" not in name,
           "gain": None, "values": {s: report.spread([v / scale for v in vs]) for s, vs in taken.items()}}
    if "tcg" in taken:
        out["gain"] = report.spread([t / n if less else n / t for n, t in zip(taken["novt"], taken["tcg"])])
    return out


def measure(novt, guest_files, initrd, out, rounds, ms, with_tcg, say):
    kernel = os.path.join(guest_files, "vmlinuz-686")
    images = {system: make_images_in(out, system) for system in ("novt", "tcg")}
    argvs = {"novt": novt_argv(novt, kernel, initrd, images["novt"])}
    if with_tcg:
        argvs["tcg"] = tcg_argv(kernel, initrd, images["tcg"])
    machines, taken, peer = {}, {}, Peer()
    try:
        for system, argv in argvs.items():
            machines[system] = guests.Guest(argv)
        for _ in range(rounds):
            for system, machine in machines.items():
                for name, value in figures(machine, peer, ms).items():
                    taken.setdefault(name, {}).setdefault(system, []).append(value)
    finally:
        peer.close()
        for machine in machines.values():
            machine.close()
    rows = [row(name, t) for name, t in taken.items()]
    for r in rows:
        say(f"{r['name']}: {r['values']['novt']['median']:.3g} {r['unit']}" + (f", gain {r['gain']['median']:.2f}" if r["gain"] else ""))
    return rows


def make_images_in(out, system):
    folder = os.path.join(out, f"images-{system}")
    os.makedirs(folder, exist_ok=True)
    return make_images(folder)


def table(rows):
    def cells(r, system):
        v = r["values"].get(system)
        return [f"{v['median']:,.4g}" if v["median"] < 1000 else f"{v['median']:,.0f}"] if v else [""]
    body = [[r["name"], *cells(r, "novt"), *cells(r, "tcg"), r["unit"], f"{r['gain']['median']:.2f}" if r["gain"] else "",
             f"{r['gain']['low']:.2f}-{r['gain']['high']:.2f}" if r["gain"] else ""] for r in rows]
    return report.table(["devices", "novt", "TCG", "unit", "novt better by", "range"], body)
