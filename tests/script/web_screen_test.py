#!/usr/bin/env python3
"""web_screen_test.py NOVT: the web console's screen and serial pages in Chromium: the picture is the machine's, keys and the
mouse reach the guest, so does what is typed at the terminal; other origins get nothing."""
import base64
import http.server
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from browser import PATIENCE, Browser, need_browser  # noqa: E402
from expect import check  # noqa: E402
from qmp_client import Machines  # noqa: E402
from web_machine import WebMachine  # noqa: E402

# Echoes keys on the screen, and on COM1 what comes there, in the other case; counts the mouse's packets at 7E00h, ORs its
# buttons at 7E04h, adds its way to the right at 7E08h.
GUEST = r"""
bits 16
org 7C00h
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 7C00h
    mov di, 7E00h
    mov cx, 8
    cld
    rep stosw
    mov ax, 0C205h          ; the pointing device: packets of three bytes
    mov bh, 3
    int 15h
    mov ax, 0C207h          ; whom to call
    mov bx, mouse
    int 15h
    mov ax, 0C200h          ; on
    mov bh, 1
    int 15h
    mov si, text
.say:
    lodsb
    test al, al
    jz poll
    call show
    mov dx, 3F8h
    out dx, al
    jmp .say
poll:
    mov ah, 1
    int 16h
    jz .serial
    mov ah, 0
    int 16h
    call show
.serial:
    mov dx, 3FDh
    in al, dx
    test al, 1
    jz poll
    mov dx, 3F8h
    in al, dx
    xor al, 20h
    out dx, al
    jmp poll
show:
    push ax
    mov ah, 0Eh
    mov bx, 7
    int 10h
    pop ax
    ret
mouse:                      ; on the stack: return address, 0, y, x, status
    push bp
    mov bp, sp
    push ax
    inc dword [cs:7E00h]
    mov ax, [bp+12]
    or [cs:7E04h], al
    movsx ax, byte [bp+10]
    add [cs:7E08h], ax
    pop ax
    pop bp
    retf
text: db 13, 10, "Ready. ", 27, "[32mGreen", 27, "[m ", 13, 10, 0
    times 510-($-$$) db 0
    dw 0AA55h
"""

PIXELS = """const c = document.querySelector(".guest-screen canvas"), d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
const rgb = new Uint8Array(d.length / 4 * 3);
for (let i = 0, j = 0; i < d.length; i += 4) { rgb[j++] = d[i]; rgb[j++] = d[i + 1]; rgb[j++] = d[i + 2]; }
let s = "";
for (let i = 0; i < rgb.length; i += 8192) s += String.fromCharCode.apply(null, rgb.subarray(i, i + 8192));
return [c.width, c.height, btoa(s)];"""


def until(condition, what):
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {PATIENCE} s: {what}")
        time.sleep(0.05)
    return value


def disk(machines):
    source, image = machines.file("guest.asm", GUEST.encode()), os.path.join(machines.run_dir, "guest.img")
    subprocess.run(["nasm", "-f", "bin", "-o", image, source], check=True)
    with open(image, "r+b") as f:
        f.truncate(1 << 20)
    return image


class Guest:
    def __init__(self, qmp):
        self.qmp = qmp

    def text(self):
        return self.qmp.text("info screen")

    def word(self, address):
        return int(re.search(r": *(\S+)", self.qmp.text(f"xp/1xw {address:#x}"))[1], 0)

    def shows(self, text):
        until(lambda: text in self.text(), f"{text!r} on the guest's screen:\n{self.text()}")
        check(True, f"the guest shows {text!r}")


def picture(b, guest, folder):
    """Stopped, as the guest draws for ever; the cursor goes on blinking."""
    guest.qmp.command("stop")
    ppm = os.path.join(folder, "screen.ppm")
    guest.qmp.command("screendump", filename=ppm)
    with open(ppm, "rb") as f:
        _, size, _, rgb = f.read().split(b"\n", 3)
    width, height = map(int, size.split())

    def same():
        w, h, data = b.script(PIXELS)
        return (w, h) == (width, height) and base64.b64decode(data) == rgb
    until(same, "the canvas shows the screen")
    check(sum(rgb) > 0, "the canvas shows the guest's screen, pixel by pixel")
    guest.qmp.command("cont")


def keys(b, guest):
    b.type("hello")
    b.key("Shift", "a")
    b.key("Shift", "1")
    guest.shows("helloA!")
    b.key("Control", "Shift", " ")
    check(b.script("return document.activeElement.textContent") == "Ctrl-Alt-Delete", "the keyboard gets out of the screen")
    b.click(".guest-screen canvas")
    b.type("xyz")
    guest.shows("helloA!xyz")


def mouse(b, guest):
    x, y = b.script("const r = document.querySelector('.guest-screen canvas').getBoundingClientRect(); return [r.left + 50, r.top + 50]")
    moves = [{"type": "pointerMove", "x": int(x) + 20 * i, "y": int(y) + 10 * i, "duration": 30} for i in range(10)]
    before = guest.word(0x7E00)
    point = lambda actions: b.command("/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": actions}]})  # noqa: E731
    point(moves + [{"type": "pointerDown", "button": 2}])
    until(lambda: guest.word(0x7E04) & 2, "the right button")  # held until the guest has looked
    point([{"type": "pointerUp", "button": 2}])
    check(guest.word(0x7E00) > before and 0 < guest.word(0x7E08) & 0xFFFF < 0x8000, "the mouse moves to the right, and its button is pressed")


def buttons(b, guest, folder):
    b.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=folder)
    b.script("[...document.querySelectorAll('button')].find((e) => e.textContent === 'Save picture').click()")
    name = until(lambda: [n for n in os.listdir(folder) if n.endswith(".png")], "the picture")[0]
    with open(os.path.join(folder, name), "rb") as f:
        head = f.read(24)
    check(head[:4] == b"\x89PNG" and struct.unpack(">II", head[16:]) == (720, 400), "the picture is saved")
    check(b.script("return document.querySelector('canvas').getBoundingClientRect().width") > 721, "it is scaled")
    b.click(".check input")
    b.wait("return document.querySelector('canvas').getBoundingClientRect().width === 720", what="it is not")
    b.script("document.querySelector('.tools button').click()")  # Ctrl-Alt-Delete
    guest.qmp.event("RESET")
    check(True, "Ctrl-Alt-Delete restarts the guest")


def serial(b, guest):
    b.script("location.hash = '#/serial'")
    b.wait("return document.querySelector('.terminal.live textarea') === document.activeElement", what="the terminal has the keyboard")
    b.wait("return document.querySelector('.terminal').innerText.includes('Ready. Green')", what="the history")
    check(b.script("return getComputedStyle([...document.querySelectorAll('.terminal .f2')].pop()).color !== "
                   "getComputedStyle(document.querySelector('.terminal')).color"), "history, with its colours")
    b.type("hello")
    b.key("Shift", "a")
    b.wait("return document.querySelector('.now').innerText.includes('HELLOa')", what="the answer")
    check(True, "what is typed is answered")
    b.script("""const data = new DataTransfer();
                data.setData("text/plain", "Paste");
                document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}))""")
    b.wait("return document.querySelector('.now').innerText.includes('pASTE')", what="pasted text")
    b.key("Control", "m")
    b.wait("return document.querySelector('.now').innerText.includes('-')", what="Ctrl-M, as the guest answers it")
    b.key("Control", "Shift", " ")
    check(b.script("return document.activeElement.textContent") == "Clear", "the keyboard gets out of the terminal")
    b.script("const s = document.querySelector('select'); s.value = '132x43'; s.dispatchEvent(new Event('change'))")
    check(b.script("return [document.querySelectorAll('.now > div').length, document.querySelector('.now > div').innerText.length]")
          == [43, 133], "another size, a line feed behind each line")


class Elsewhere(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>elsewhere</title>")

    def log_message(self, *_):
        pass


def other_origin(b, port):
    """A page at another port of the same host, whose requests carry our cookie."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    b.open(f"http://127.0.0.1:{server.server_address[1]}/")
    for path in ["/ws/serial", "/ws/screen"]:
        code = b.script("""return new Promise((done) => {
            const s = new WebSocket(arguments[0]);
            s.onmessage = () => done("data");
            s.onclose = (e) => done(e.code);
        })""", f"ws://127.0.0.1:{port}{path}")
        check(code == 1006, f"{path} from another origin")
    server.shutdown()


def main():
    need_browser()
    if not shutil.which("nasm"):
        print("skipped: no nasm")
        sys.exit(77)
    with Machines(sys.argv[1]) as machines, tempfile.TemporaryDirectory() as folder:
        m = WebMachine(machines, "web", "--disk", disk(machines), guest=False)
        guest = Guest(machines.qmp("web"))
        with Browser() as b:
            b.open(m.url + "#/screen")
            if m.get("/novnc/core/rfb.js") == 404:
                b.wait("return document.querySelector('.note').textContent.includes('without noVNC')")
                print("skipped: built without noVNC")
                sys.exit(77)
            b.wait("return document.querySelector('.guest-screen.live canvas') === document.activeElement", what="the screen has the keyboard")
            guest.shows("Ready.")
            picture(b, guest, folder)
            keys(b, guest)
            mouse(b, guest)
            buttons(b, guest, folder)
            guest.shows("Ready.")
            serial(b, guest)
            errors = [e for e in b.errors() if "willReadFrequently" not in e]  # advice to who reads the canvas: this test
            check(errors == [], f"the browser has nothing to complain about {errors}")
            other_origin(b, m.port)
            b.open(m.url + "#/serial")
            b.wait("return document.querySelector('.terminal.live')")
            guest.qmp.command("quit")
            b.wait("return document.querySelector('.note').textContent.startsWith('The machine has ended.')", what="the end is told")
            check(m.child.wait(20) == 0, "the machine ends")


if __name__ == "__main__":
    main()
