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

    def post(self, request, **headers):
        body = request if isinstance(request, (str, bytes)) else json.dumps(request)
        return self.ask("POST", "/api", body, **{"Content_Type": "application/json", **headers})

    def run(self, command, **headers):
        return self.post({"execute": command}, **headers)

    def answer(self, request):
        status, text = self.post(request)
        check(status == 200, f"{request}: an answer")
        return json.loads(text)


def bad_requests(w):
    for name in ["quit", "x-novt-line", "human-monitor-command", "screendump", "eject", "change", "x-novt-tc-flush", "inject-nmi",
                 "x-novt-serial-attach", "qmp_capabilities", "nothing", ""]:
        check("no such command" in w.answer({"execute": name})["error"], f"not for the page: {name!r}")
    for line in ["quit", "tc flush", "screendump /tmp/x", "eject ide1-cd0", "nmi", "help", "sendkey a"]:
        check("no such command" in w.answer({"line": line})["error"], f"nor as a line: {line}")
    for line in ["", "nothing", "x/0x 0", "x/9999x 0", "mmu walk", "tc show -1", "print 1/0", "print " + "(" * 2000, "tc list --limit 101"]:
        check("error" in w.answer({"line": line}), f"bad line {line[:20]!r}")
    for args in [{"block": "1"}, {"block": 1, "more": 2}, {}]:
        check("arameter" in w.answer({"execute": "x-novt-tc-show", "arguments": args})["error"], f"bad arguments {args}")
    for body in ["", "{", "[]", "{}", "null", '{"execute": 1}', '{"line": null}', '{"line": "x 0", "execute": "stop"}', "\0", b"\xff\xfe",
                 '{"execute": "query-status", "arguments": []}', '{"execute": "stop", "execute": "cont"}',
                 '{"line": "x 0", "arguments": {}}', "[" * 4000]:
        check(w.post(body)[0] == 400, f"bad body {body[:60]!r}")
    for size in 4097, 5000, 1 << 20, 10 << 20:
        check(too_long(w, size), f"a body of {size} bytes")
    check(w.ask("POST", "/", "{}", Content_Type="application/json")[0] == 404, "only one place takes requests")
    for method in ["PUT", "DELETE", "OPTIONS", "PATCH"]:
        check(w.ask(method, "/api")[0] == 405, method)


def too_long(w, size):
    """It may hang up before it has all."""
    try:
        return w.post("x" * size)[0] == 413
    except (BrokenPipeError, ConnectionResetError):
        return True


def lines(w):
    check(w.answer({"execute": "x-novt-memory", "arguments": {"address": 0x7C00, "size": 2, "physical": True}})["return"].get("hex")
          in ("ebfe", "0000"), "a command with arguments")
    check(w.answer({"line": "print 6*7", "text": True})["return"]["text"] == "0x2a\n", "a line, and what it prints")
    regs = w.answer({"execute": "x-novt-registers"})["return"]
    check(w.answer({"line": "print $eip"})["return"]["text"] == f"{regs['eip']:#x}\n", "a line that knows registers")
    check(w.answer({"line": "info status", "text": True})["return"]["text"].startswith("VM status: "), "a command by its line")
    check(w.answer({"line": "tc stat"})["return"] == w.answer({"execute": "x-novt-tc-stat"})["return"], "by either of its names")


def test(w):
    host = f"127.0.0.1:{w.port}"
    for path in ["/", "/metrics", "/app.js", "/nothing"]:
        check(w.ask("GET", path, token=False)[0] == 403, f"{path} without the token")
        check(w.ask("GET", path + "?token=" + "0" * 32, token=False)[0] == 403, f"{path} with a wrong token")
        check(w.ask("GET", path, Host="evil.example:80")[0] == 403, f"{path} by another name")
    check(w.ask("GET", "/?token=" + w.token, token=False)[0] == 200, "the page by the URL")
    for path in ["/", "/app.js", "/pages.js", "/console.css", "/icon.svg", "/metrics"]:
        check(w.ask("GET", path)[0] == 200, path)
    for path in ["/../app.js", "/%2e%2e/etc/passwd", "//app.js", "/app.js/", "/app.js%00", "/index.html", "/api", "/etc/passwd"]:
        check(w.ask("GET", path)[0] == 404, f"no such asset: {path}")
    for bad in [{"Origin": "http://evil.example"}, {"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"},
                {"Content_Type": "text/plain"}, {"Origin": "null"}]:
        check(w.run("stop", **bad)[0] == 403, f"not from our page: {bad}")
    check(json.loads(w.run("query-status")[1])["return"]["status"] in ("paused", "prelaunch"), "state")
    check(w.run("stop", Origin="http://" + host, Sec_Fetch_Site="same-origin")[0] == 200, "our page")
    bad_requests(w)
    lines(w)
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
