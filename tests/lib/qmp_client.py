"""qmp_client.py: machines with a management console, and a client of its protocol that waits and checks."""
import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

# inc dword [2000h]; rdtsc; mov [2004h],eax; mov [2008h],edx; jmp: counts, and notes the time.
COUNTER = bytes.fromhex("ff0500200000" "0f31" "a304200000" "891508200000" "ebeb")
PATIENCE = 60


class Qmp:
    """A connection. Events that arrive are kept in `events`."""

    def __init__(self, path, negotiate=True):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.file = self.socket.makefile("rb")
        self.events = []
        self.greeting = self.receive()
        if negotiate:
            self.command("qmp_capabilities")

    def receive(self):
        """The next message; None at the end."""
        line = self.file.readline()
        return json.loads(line) if line else None

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else json.dumps(data).encode())

    def answer(self):
        while (message := self.receive()) is not None and "event" in message:
            self.events.append(message)
        return message

    def raw(self, data):
        """Sends, and gives the whole answer."""
        self.send(data)
        return self.answer()

    def command(self, name, **arguments):
        """The value returned; an error is raised."""
        message = self.raw({"execute": name, "arguments": arguments} if arguments else {"execute": name})
        if message is None or "return" not in message:
            raise AssertionError(f"{name}: {message}")
        return message["return"]

    def error(self, name, **arguments):
        """(class, description) of the error that must come."""
        message = self.raw({"execute": name, "arguments": arguments})
        return message["error"]["class"], message["error"]["desc"]

    def text(self, line):
        return self.command("human-monitor-command", **{"command-line": line})

    def event(self, name):
        """Waits for an event of this name; drops those before it."""
        while True:
            message = self.events.pop(0) if self.events else self.receive()
            if message is None:
                raise AssertionError(f"no event {name}")
            if message.get("event") == name:
                return message

    def rest(self):
        """All until the other side hangs up."""
        messages = self.events
        self.events = []
        while (message := self.receive()) is not None:
            messages.append(message)
        return messages

    def close(self):
        self.file.close()
        self.socket.close()


class Machines:
    """Machines whose sockets are in a folder of their own."""

    def __init__(self, novt):
        self.novt = os.path.abspath(novt)
        self.run_dir = tempfile.mkdtemp(prefix="novt-test-")
        self.folder = os.path.join(self.run_dir, "novt")
        self.env = {**os.environ, "XDG_RUNTIME_DIR": self.run_dir}
        self.children = []
        self.counter = self.file("counter.bin", COUNTER)

    def file(self, name, data):
        path = os.path.join(self.run_dir, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def path(self, name):
        return os.path.join(self.folder, name.replace(" ", "_") + ".sock")

    def start(self, name, *options, guest=True, **popen):
        """Starts a machine; returns it when its socket is there."""
        argv = [self.novt, "run", "--name", name, "--net", "none", "--timeout", "300", *options]
        if "--serial" not in options:
            argv += ["--serial", "none"]
        if guest:
            argv += ["--flat-image", self.counter]
        child = subprocess.Popen(argv, env=self.env, stdin=subprocess.DEVNULL, **popen)
        self.children.append(child)
        self.wait_for(self.path(name), child)
        return child

    def wait_for(self, path, child):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and child.poll() is None:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
                return
            time.sleep(0.02)
        raise AssertionError(f"no socket {path}")

    def qmp(self, name, **options):
        return Qmp(self.path(name), **options)

    def novt_command(self, *argv, timeout=PATIENCE, **options):
        return subprocess.run([self.novt, *argv], env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=timeout, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        shutil.rmtree(self.run_dir)
