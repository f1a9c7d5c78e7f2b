"""web_machine.py: a machine with a web console."""
import contextlib
import http.client
import os
import re
import socket
import subprocess

from web_socket_client import Refused, WebSocket


class WebMachine:
    """One of `machines`, with --web at a free port. `opened` closes the WebSockets."""

    def __init__(self, machines, name, *options, **more):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.child = machines.start(name, "--web", f"127.0.0.1:{self.port}", *options, stderr=subprocess.PIPE, text=True, **more)
        self.url, self.token = re.search(r"(http://\S+token=([0-9a-f]{32}))", self.child.stderr.readline()).groups()
        self.cookie = f"novt-{self.port}={self.token}"
        self.opened = contextlib.ExitStack()

    def get(self, path):
        """The status."""
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        c.request("GET", path, headers={"Cookie": self.cookie})
        with contextlib.closing(c):
            return c.getresponse().status

    def open(self, path, headers=None, **more):
        s = WebSocket(self.port, path, {"Cookie": self.cookie, **(headers or {})}, **more)
        self.opened.callback(s.close)
        return s

    def refused(self, path, **headers):
        """The status of a refusal, None if there is none."""
        try:
            self.open(path, {k.replace("_", "-"): v for k, v in headers.items()})
            return None
        except Refused as r:
            return r.status

    def fds(self):
        return len(os.listdir(f"/proc/{self.child.pid}/fd"))

    def memory_kib(self):
        with open(f"/proc/{self.child.pid}/status") as f:
            return int(re.search(r"RssAnon:\s+(\d+)", f.read())[1])
