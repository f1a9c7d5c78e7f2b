#!/usr/bin/env python3
"""web_test.py NOVT: who may ask the web console (token, name, origin), what it serves, and that its numbers are the
machine's."""
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from expect import check  # noqa: E402


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Web:
    def __init__(self, port, token):
        self.port, self.token = port, token

    def ask(self, method, path, body=None, token=True, **headers):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if token:
            headers["Cookie"] = f"novt-{self.port}={self.token}"
        c.request(method, path, body, headers)
        r = c.getresponse()
        return r.status, r.read().decode()

    def run(self, command, **headers):
        return self.ask("POST", "/api", json.dumps({"execute": command}), **{"Content_Type": "application/json", **headers})


def test(w):
    host = f"127.0.0.1:{w.port}"
    for path in ["/", "/metrics", "/console.js", "/nothing"]:
        check(w.ask("GET", path, token=False)[0] == 403, f"{path} without the token")
        check(w.ask("GET", path + "?token=" + "0" * 32, token=False)[0] == 403, f"{path} with a wrong token")
        check(w.ask("GET", path, Host="evil.example:80")[0] == 403, f"{path} by another name")
    check(w.ask("GET", "/?token=" + w.token, token=False)[0] == 200, "the page by the URL")
    for path in ["/console.js", "/console.css", "/metrics"]:
        check(w.ask("GET", path)[0] == 200, path)
    for path in ["/../console.js", "/%2e%2e/etc/passwd", "//console.js", "/console.js/", "/console.js%00", "/etc/passwd"]:
        check(w.ask("GET", path)[0] == 404, f"no such asset: {path}")
    for bad in [{"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"},
                {"Content_Type": "text/plain"}, {"Origin": "null"}]:
        check(w.run("stop", **bad)[0] == 403, f"not from our page: {bad}")
    check(json.loads(w.run("query-status")[1])["return"]["status"] in ("paused", "prelaunch"), "state")
    check(w.run("stop", Origin="http://" + host, Sec_Fetch_Site="same-origin")[0] == 200, "our page")
    check("error" in json.loads(w.run("quit")[1]), "not every command is here")
    for body in ["", "{", "[]", '{"execute": 1}', "\0"]:
        check(w.ask("POST", "/api", body, Content_Type="application/json")[0] == 400, f"bad body {body!r}")
    check(w.ask("POST", "/api", "x" * 5000, Content_Type="application/json")[0] == 413, "long body")
    stats = json.loads(w.run("x-novt-stats")[1])["return"]
    text = w.ask("GET", "/metrics")[1]
    for group, counters in stats.items():
        for name in counters:
            plain = re.sub("[^A-Za-z0-9]", "_", f"novt_{group}_{name}")
            check(re.search(rf"^{plain} -?\d+$", text, re.M), f"metric {plain}")
    held = [socket.create_connection(("127.0.0.1", w.port)) for _ in range(20)]
    for s in held:
        s.sendall(b"GET / HT")
    check(w.run("query-status")[0] == 200, "an answer beside slow clients")
    for s in held:
        s.close()


def main():
    port = free_port()
    with tempfile.TemporaryDirectory() as d:
        image = os.path.join(d, "image")
        with open(image, "wb") as f:
            f.write(b"\xeb\xfe" + bytes(508) + b"\x55\xaa")
        p = subprocess.Popen([sys.argv[1], "run", "--disk", image, "-S", "--control", "off", "--web", f"127.0.0.1:{port}"],
                             stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, text=True)
        try:
            url = re.search(r"http://127\.0\.0\.1:\d+/\?token=([0-9a-f]{32})\n", p.stderr.readline())
            check(url, "the URL at the start")
            test(Web(port, url[1]))
        finally:
            p.terminate()
            p.wait(20)
    for bad in ["", "0.0.0.0:80", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:80x", "127.0.0.1"]:
        r = subprocess.run([sys.argv[1], "run", "--web", bad], capture_output=True, text=True)
        check(r.returncode == 1 and r.stderr.count("\n") == 1, f"--web {bad}: one line, exit 1")


main()
