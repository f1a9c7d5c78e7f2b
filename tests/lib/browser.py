"""browser.py: a headless Chromium, driven through chromedriver by the W3C WebDriver protocol.

Waits are for conditions in the page; timeouts only bound a hang.
"""
import base64
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

PATIENCE = 60
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver, "Elements"
KEYS = {"Tab": "\ue004", "Enter": "\ue007", "Escape": "\ue00c", "Down": "\ue015", "Up": "\ue013", "Shift": "\ue008",
        "Control": "\ue009"}


def need_browser():
    """Ends the test with exit code 77, which skips it, if there is no Chromium."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        print("skipped: no chromium")
        sys.exit(77)


class Browser:
    def __init__(self, width=1280, height=800):
        self.dir = tempfile.mkdtemp(prefix="novt-browser-")
        self.log = open(os.path.join(self.dir, "log"), "w+")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=self.log, text=True, env={**os.environ, "HOME": self.dir})
        self.port = self.session = None
        try:
            for line in self.driver.stdout:
                found = re.search(r"started successfully on port (\d+)", line)
                if found:
                    self.port = int(found[1])
                    break
            self.begin(width, height)
        except BaseException:
            self.close()
            raise

    def begin(self, width, height):
        args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--force-prefers-reduced-motion", "--hide-scrollbars",
                f"--user-data-dir={self.dir}/profile", f"--window-size={width},{height}"]
        caps = {"browserName": "chrome", "goog:chromeOptions": {"args": args, "binary": shutil.which("chromium")},
                "goog:loggingPrefs": {"browser": "ALL"}, "unhandledPromptBehavior": "dismiss"}
        answer = self.request("POST", "/session", {"capabilities": {"alwaysMatch": caps}})
        self.session = "/session/" + answer["sessionId"]

    def request(self, method, path, body=None):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        c.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        value = json.loads(c.getresponse().read())["value"]
        c.close()
        if isinstance(value, dict) and "error" in value:
            raise AssertionError(f"{path}: {value['error']}: {value['message'][:400]}")
        return value

    def command(self, path, body=None, method="POST"):
        return self.request(method, self.session + path, {} if body is None and method == "POST" else body)

    def devtools(self, name, **params):
        return self.command("/goog/cdp/execute", {"cmd": name, "params": params})

    # ---- Pages ----

    def open(self, url):
        self.command("/url", {"url": url})

    def size(self, width, height):
        """Of the page, not of the window."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def dark(self, dark):
        """What the user prefers."""
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def script(self, text, *args):
        """Runs the body of a function with these arguments; it may return a promise."""
        return self.command("/execute/sync", {"script": text, "args": list(args)})

    def wait(self, text, *args, what=None):
        """Until the script's value is true; returns it."""
        end = time.monotonic() + PATIENCE
        while not (value := self.script(text, *args)):
            if time.monotonic() > end:
                raise AssertionError(f"not within {PATIENCE} s: {what or text}\n{self.script('return document.body.innerText')[:2000]}")
            time.sleep(0.05)
        return value

    # ---- Elements, by CSS selectors ----

    def find(self, css):
        """Waits for it."""
        self.wait("return document.querySelector(arguments[0]) !== null", css, what=css)
        return self.command("/element", {"using": "css selector", "value": css})[ELEMENT]

    def text(self, css):
        self.find(css)
        return self.script("return document.querySelector(arguments[0]).textContent", css)

    def texts(self, css):
        return self.script("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", css)

    def click(self, css):
        while True:
            element = self.find(css)
            try:
                self.script("arguments[0].scrollIntoView({block: 'center'})", {ELEMENT: element})  # not under what is on top
                self.command(f"/element/{element}/click")
                return
            except AssertionError as e:
                if "stale element" not in str(e):  # the page has made it anew
                    raise

    def fill(self, css, text):
        """Replaces what is in the field."""
        element = self.find(css)
        self.command(f"/element/{element}/clear")
        self.command(f"/element/{element}/value", {"text": text})

    def key(self, *names):
        """Presses keys together, where the focus is."""
        codes = [KEYS.get(n, n) for n in names]
        actions = [{"type": "keyDown", "value": c} for c in codes] + [{"type": "keyUp", "value": c} for c in reversed(codes)]
        self.command("/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def type(self, text):
        for c in text:
            self.key(c)

    # ---- What came of it ----

    def errors(self):
        """What the browser has to complain about since the last time."""
        return [e["message"] for e in self.command("/se/log", {"type": "browser"}) if e["level"] in ("SEVERE", "WARNING")]

    def screenshot(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.command("/screenshot", method="GET")))

    def close(self):
        try:
            if self.session:
                self.request("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait(20)
            self.driver.stdout.close()
            self.log.close()
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
