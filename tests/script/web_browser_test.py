#!/usr/bin/env python3
"""web_browser_test.py NOVT [--pictures FOLDER]: the web console's pages in a headless Chromium, beside the socket of the same
Linux guest: every page loads, and what it shows is what the socket answers.

Skips (77) without Chromium or the guest. --pictures makes the screenshots of docs/CONSOLE.md instead.
"""
import os
import re
import socket
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from browser import Browser, need_browser  # noqa: E402
from expect import check  # noqa: E402
from qmp_client import Machines  # noqa: E402
from small_png import shrink  # noqa: E402

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
GUESTS = os.environ.get("NOVT_GUESTS", os.path.join(ROOT, "build", "guests"))
PAGES = ["overview", "cpu", "cache", "mmu", "exits"]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def number(text):
    return int(re.sub(r"[^0-9-]", "", text))


def go(b, where):
    """To a page, when it is there."""
    b.script("location.hash = arguments[0]", "#/" + where)
    b.wait("return document.querySelector('#page > .page.' + arguments[0])", re.split("[/?]", where)[0])


# ---- What pages show ----

def loads(b, errors=True):
    for page in PAGES:
        go(b, page)
        b.wait("return document.querySelector('#page').innerText.length > 200 && document.querySelector('#error').hidden", what=page)
        check(b.script("return document.querySelector('#nav [aria-current=page]').hash") == "#/" + page, f"{page}: the navigation tells where")
        check(b.script("return document.title").endswith("· linux"), f"{page}: the machine's name in the title")
        for width in 1280, 380:
            b.size(width, 800)
            wide = b.script("return document.documentElement.scrollWidth")
            check(wide <= width, f"{page}: no wider than {width}: {wide}")
    b.size(1280, 800)
    check(b.texts("h1") == ["linux"], "the machine's name in the heading")


def overview(b, q):
    stats = q.command("x-novt-stats")
    go(b, "overview")
    quiet = [(g, n) for g in stats for n in stats[g] if g != "machine"]
    b.wait("return document.querySelectorAll('[data-counter]').length == arguments[0]", sum(len(v) for v in stats.values()))
    shown = dict(b.script("return [...document.querySelectorAll('[data-counter]')].map((e) => [e.dataset.counter, e.textContent])"))
    for g, n in quiet:
        check(number(shown[f"{g}/{n}"]) == stats[g][n], f"overview: {g} {n} is the socket's")
    check(len(b.texts("figure.chart svg")) == 6 and b.script("return document.querySelectorAll('.chart polyline').length") >= 6, "overview: charts are drawn")
    shares = [float(t.split()[0]) for t in b.texts(".time li b")]
    check(len(shares) == 6 and abs(sum(shares) - 100) < 1, f"overview: shares of time make up all of it: {shares}")
    b.fill("[data-search]", "hidden")
    check(b.texts(".page .plain th") == ["hidden-faults"], "overview: the search finds a counter")


def registers(b, q):
    regs = q.command("x-novt-registers")
    go(b, "cpu")
    b.find("[data-register=eip]")
    shown = dict(b.script("return [...document.querySelectorAll('[data-register]')].map((e) => [e.dataset.register, e.textContent])"))
    check(len(shown) == 23 and all(int(shown[n], 16) == regs[n] for n in shown), f"registers: all {len(shown)} are the socket's")
    b.wait("return document.querySelector('.dump').textContent.length > 1000")
    dump = b.text(".dump").split("\n")
    hexes = "".join(re.sub(" ", "", line[10:59]) for line in dump)
    check(hexes == q.command("x-novt-memory", address=regs["esp"], size=256)["hex"] and int(dump[0][:8], 16) == regs["esp"], "memory: at ESP")
    b.wait("return document.querySelector('pre.code').textContent == arguments[0]", q.text("x/32i $pc"))
    check(True, "code: at EIP")
    at = q.command("x-novt-mmu-walk", address=regs["esp"])["to"]["physical"]
    go(b, f"cpu?memory=0x{at:x}&space=physical")
    b.wait("return document.querySelector('.dump')?.textContent.startsWith(arguments[0])", f"{at:08x}")
    check("".join(re.sub(" ", "", line[10:59]) for line in b.text(".dump").split("\n")) == hexes, "memory: the same by its physical address")
    b.fill(".pair section:last-child input", "0xfee00020")
    b.key("Enter")
    b.wait("return document.querySelector('.pair section:last-child .wrong').textContent.includes('lapic')")
    check(b.texts(".dump") == [""], "memory: a device is not read, and it is told why")


def rows(b):
    return b.script("return [...document.querySelectorAll('[aria-label=Blocks] tbody tr')].map((r) => Number(r.dataset.key))")


def cache(b, q):
    go(b, "cache")
    hot = [x["block"] for x in q.command("x-novt-tc-list", sort="hot", limit=100)["blocks"]]
    b.wait("return document.querySelectorAll('[aria-label=Blocks] tbody a').length == 20")
    check(rows(b) == hot[:20], "cache: the hottest blocks are the socket's")
    total = q.command("x-novt-tc-stat")["total"]["blocks"]
    check(number(b.texts(".card b")[0]) == total, "cache: blocks in all")
    b.click(".foot button:last-child")
    check(rows(b) == hot[20:40], "cache: the next page")
    for label, sort in [("Host", "size"), ("Host / guest", "expansion"), ("Address", "address"), ("Samples", "hot")]:
        b.script("[...document.querySelectorAll('[aria-label=Blocks] th button')].find((e) => e.textContent == arguments[0]).click()", label)
        want = [x["block"] for x in q.command("x-novt-tc-list", sort=sort, limit=100)["blocks"]][:20]
        b.wait("return JSON.stringify([...document.querySelectorAll('[aria-label=Blocks] tbody tr')].map((r) => Number(r.dataset.key)).slice(0, 1)) == arguments[0]",
               str(want[:1]))
        check(sorted(rows(b)) == sorted(want) or sort != "address", f"cache: by {label}")
    searches(b, q)


def searches(b, q):
    first = q.command("x-novt-tc-list", sort="hot", limit=1)["blocks"][0]
    b.script("document.body.focus()")
    b.key("/")
    check(b.script("return document.activeElement.matches('[data-search]')"), "the key / leads to the search")
    for text, want in [(f"0x{first['va']:x}", q.command("x-novt-tc-find", address=first["va"])),
                       ("delay", q.command("x-novt-tc-list", sym="delay*", sort="hot", limit=100)),
                       ("c0000000-cfffffff", q.command("x-novt-tc-list", va="c0000000-cfffffff", sort="hot", limit=100))]:
        b.fill("[data-search]", text)
        b.key("Enter")
        b.wait("return document.querySelector('.foot [role=status]').textContent.includes(arguments[0])", f"of {want['matches']:,}")
        check(rows(b)[0] == want["blocks"][0]["block"], f"cache: search for {text}")
    b.fill("[data-search]", "$nothing")
    b.key("Enter")
    b.wait("return document.querySelector('.field .wrong').textContent.includes('no such register')")
    check(True, "cache: a bad search is told of")
    b.fill("[data-search]", "")
    b.key("Enter")
    total = q.command("x-novt-tc-stat")["total"]["blocks"]
    b.wait("return document.querySelector('.foot [role=status]').textContent.endsWith(arguments[0])", f"of {total:,}")


def block(b, q):
    id = rows(b)[0]
    d = q.command("x-novt-tc-show", block=id)
    b.click("[aria-label=Blocks] tbody a")
    b.find(".listing")
    check(b.script("return location.hash") == f"#/cache/block/{id}", "a click on the hottest block leads to it")
    check(b.texts(".guest-text") == [n["text"] for n in d["code"]], "block: the guest's code is the socket's")
    host = [x["text"] for x in d["hot-entry"]] + [x["text"] for n in d["code"] for x in n["hot"]]
    check([t for t in b.texts(".listing .host")] == host, "block: and the host's")
    check(len(b.texts(".listing tbody")) == len(d["code"]) + bool(d["hot-entry"]), "block: instruction by instruction")
    classes = b.script("return [...document.querySelectorAll('.listing .tags .tag:first-child')].map((e) => e.textContent)")
    check(classes == [n["class"] for n in d["code"]], "block: with their classes")
    kept = b.script("return [...document.querySelectorAll('.listing .tags .kept')].map((e) => e.textContent)")
    check(kept == [f"flags {n['flags']}" for n in d["code"] if n["flags"] != "untouched"], "block: what their accesses do to the flags")
    spans = b.script("return [...document.querySelectorAll(\"[aria-label='Fault map'] tbody tr\")].map((r) => [r.dataset.key, r.cells[3].textContent])")
    check(spans == [[str(m["host"]), f"{m['va']:08x}" if "va" in m else "nobody's"] for m in d["map"]], "block: its fault map")
    graph = q.command("x-novt-tc-graph", block=id, limit=20)
    b.find("svg .node")
    check(sorted(b.script("return [...document.querySelectorAll('svg .node')].map((e) => Number(e.getAttribute('href').split('/').pop()))"))
          == sorted(n["block"] for n in graph["nodes"]), "block: its graph has the socket's nodes")
    check(len(b.texts("svg .edge")) == len(graph["edges"]) > 0, "block: and edges")
    other = next(n["block"] for n in graph["nodes"] if n["block"] != id)
    b.script("document.querySelector(`svg .node[href='#/cache/block/${arguments[0]}']`).dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true, view: window}))", other)
    b.wait("return location.hash.endsWith('/' + arguments[0]) && document.querySelector('.crumbs')?.textContent.includes(arguments[0])", str(other))
    check(True, "block: a click on a node leads there")
    go(b, "cache/block/999999999")
    b.wait("return document.querySelector('.wrong')?.textContent.includes('there is no block')")
    check(True, "block: one that is not there")


def dot(b, q):
    """What the button would save."""
    id = q.command("x-novt-tc-list", limit=1)["blocks"][0]["block"]
    go(b, f"cache/block/{id}")
    b.script("window.saved = null; URL.createObjectURL = (blob) => { blob.text().then((t) => { window.saved = t; }); return '#/cache'; };"
             "HTMLAnchorElement.prototype.click = () => {}")
    b.find(".graph svg")
    b.script("[...document.querySelectorAll('button')].find((e) => e.textContent.includes('DOT')).click()")
    check(b.wait("return window.saved") == q.text(f"tc graph {id} --dot --limit 20"), "block: the graph as DOT")


def heat(b, q):
    r, stat = q.command("x-novt-tc-pages", limit=16384), q.command("x-novt-tc-stat")
    pages = r["pages"]
    check(r["matches"] == len(pages) == len({p["frame"] for p in pages}), "tc pages: each page once")
    for name in "blocks", "samples", "guest-bytes":
        check(sum(p[name] for p in pages) == stat["total"][name], f"tc pages: {name} make up the total")
    check(q.text("tc pages --limit 1").splitlines()[1].startswith(f"{pages[0]['va']:08x}"), "tc pages: the hottest first")
    go(b, "cache")
    places = {p["va"] for p in pages}
    b.wait("return document.querySelectorAll('.page-cell').length == arguments[0]", len(places))
    top = pages[0]["va"]
    b.wait("return document.querySelectorAll('[aria-label=Blocks] tbody a').length == 20")
    b.script("document.querySelector(`.heatmap a[href='#/cache?find=${arguments[0]}']`).dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true, view: window}))",
             f"{top:08x}-{top + 4095:08x}")
    want = q.command("x-novt-tc-list", va=f"{top:x}-{top + 4095:x}", limit=100)
    b.wait("return document.querySelector('.foot [role=status]')?.textContent.endsWith(arguments[0])", f"of {want['matches']:,}")
    check(rows(b) == [x["block"] for x in want["blocks"]][:20], "cache: a click on the hottest page lists its blocks")


def adaptation(b, q):
    go(b, "cache")
    sites, past = q.command("x-novt-tc-adapt")["sites"], q.command("x-novt-tc-adapt", history=True)
    b.find("[aria-label=Adaptation] tbody .tag")
    check(len(b.texts("[aria-label=Adaptation] tbody .tag")) == len(sites), "adaptation: each instruction")
    b.wait("return document.querySelectorAll('.timeline .mark').length == arguments[0]", len(past["history"]))
    check(past["history"], "adaptation: each change on the time line")


def places(b, q):
    """Written code, indirect jumps, returns, one page."""
    written, sites, back = q.command("x-novt-tc-smc"), q.command("x-novt-tc-indirect", limit=100), q.command("x-novt-tc-returns")
    go(b, "cache")
    keys = "return [...document.querySelectorAll(`[aria-label='${arguments[0]}'] tbody tr[data-key]`)].map((r) => r.dataset.key)"
    b.wait("return document.querySelectorAll(\"[aria-label='Indirect jumps'] tbody tr[data-key]\").length == arguments[0]", len(sites["sites"]))
    check(sorted(b.script(keys, "Written code")) == sorted(f"{w['frame']} {w.get('pc', 'undefined')}" for w in written["rows"]) != [], "written code: the socket's rows")
    check(sorted(b.script(keys, "Indirect jumps")) == sorted(f"{s['block']} {s['va']}" for s in sites["sites"]) != [], "indirect jumps: the socket's sites")
    check(f"{back['pads']:,} places" in b.text("[data-returns]") and f"dropped {back['resets']:,} times" in b.text("[data-returns]"), "returns: the socket's numbers")
    at = written["rows"][0]["frame"] << 12
    page = q.command("x-novt-tc-page", address=at, limit=100)
    b.fill(".page > section:last-child input", f"0x{at:x}")
    b.key("Enter")
    b.wait("return document.querySelector('.page > section:last-child [role=status].muted')?.textContent.includes(arguments[0])", f"{page['matches']:,} blocks")
    check(b.script(keys, "Blocks of the page") == [str(x["block"]) for x in page["blocks"]], "one page: its blocks")
    check(len(b.script(keys, "Writes to the page")) == len(page["written"]) > 0, "one page: who has written there")


def mmu(b, q):
    walk = q.command("x-novt-mmu-walk", address=q.command("x-novt-registers")["eip"])
    spaces = q.command("x-novt-mmu-spaces")
    go(b, "mmu")
    b.find(".walk .step")
    check(int(b.texts(".walk .step:last-child b")[0], 16) == walk["to"]["physical"], "mmu: the walk of EIP ends where the socket's does")
    b.find("[aria-label=Views] tbody a")
    shown = b.script("return [...document.querySelectorAll('[aria-label=Views] tbody tr')].map((r) => [r.cells[0], r.cells[3]].map((c) => c.textContent))")
    check(sorted((int(v), number(n)) for v, n in shown) == sorted((v["view"], v["pages"]) for v in spaces["views"]), "mmu: all views with their pages")
    b.script("[...document.querySelectorAll('button')].find((e) => e.textContent == 'Compare now').click()")
    b.wait("return document.querySelectorAll('.stack td.num').length >= 8")
    d = q.command("x-novt-mmu-diff")
    check([number(t) for t in b.texts(".stack td.num")] == [d[w][k] for w in d for k in ("same", "absent", "stale", "too-much")], "mmu: the differences")
    go(b, "mmu/view/0")
    b.wait("return document.querySelectorAll('.page tbody tr').length > 1")
    runs = q.command("x-novt-mmu-view", view=0)["runs"]
    check(b.texts(".page tbody td:first-child") == [f"{r['va']:08x}" for r in runs][:200], "mmu: what a view maps")


def exits(b, q):
    go(b, "exits")
    want = q.command("x-novt-exits")
    b.find("[aria-label=Exits] .bar")
    shown = dict(b.script("return [...document.querySelectorAll('[aria-label=Exits] tbody tr')].map((r) => [r.cells[0], r.cells[1]].map((c) => c.textContent))"))
    check({k: number(v) for k, v in shown.items()} == want, "exits: every row is the socket's")
    b.script("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    b.wait("return [...document.querySelectorAll('details pre')].every((e) => e.textContent)")
    check(q.text("info pic") in b.texts("details pre"), "devices: as the text console has them")


def counting(b, q):
    """Counts while the machine runs for a while, then looks at both sides."""
    for page, command, n in [("exits", "x-novt-exits-top", 1), ("exits", "x-novt-io", 2), ("mmu", "x-novt-mmu-faults", 1)]:
        go(b, page)
        b.wait("return [...document.querySelectorAll('.head button')].some((e) => e.textContent == 'Count' && !e.disabled)")
        b.script("[...document.querySelectorAll('.head button')].find((e) => e.textContent == 'Count').click()")
        b.wait("return [...document.querySelectorAll('.head button')].filter((e) => e.textContent == 'Stop counting').length == arguments[0]", n)
        check(q.command(command)["counting"], f"{page}: the button begins to count for {command}")
    q.command("cont")
    while not (q.command("x-novt-exits-top")["exits"] and q.command("x-novt-io")["places"]):
        pass
    q.command("stop")
    top, io = q.command("x-novt-exits-top", limit=200), q.command("x-novt-io", limit=200)
    go(b, "exits")
    names = {"[aria-label='Exits by cause and instruction']": len(top["exits"]), "[aria-label='Ports and device memory']": len(io["places"]),
             "[aria-label='By instruction']": len(io["by-pc"])}
    for css, n in names.items():
        b.wait("return document.querySelectorAll(arguments[0] + ' tbody tr').length == arguments[1]", css, n)
    b.wait("return JSON.stringify([...document.querySelectorAll(\"[aria-label='Exits by cause and instruction'] tbody td:first-child\")]"
           ".map((e) => Number(e.textContent.replace(/,/g, ''))).sort((a, b) => a - b)) == arguments[0]",
           str(sorted(e["count"] for e in top["exits"])).replace(" ", ""))
    check(True, "exits: by place as the socket's")
    for what in "exits", "io", "faults":
        q.command("x-novt-watch", what=what, enable=False)


# ---- Around the pages ----

def keys(b):
    go(b, "overview")
    for i, page in enumerate(PAGES):
        b.script("document.activeElement.blur()")
        b.key(str(i + 1))
        b.wait("return location.hash == arguments[0]", "#/" + page)
    check(True, "keys 1 to 5 lead to the pages")
    b.script("document.querySelector('h1').setAttribute('tabindex', '-1'); document.querySelector('h1').focus()")
    seen = []
    for _ in range(12):
        b.key("Tab")
        seen.append(b.script("const e = document.activeElement, s = getComputedStyle(e); return [e.dataset.do || e.id || e.dataset.page || '', s.outlineStyle != 'none']"))
    names = [n for n, _ in seen]
    check({"stop", "theme", "overview", "exits"} & set(names) and all(ring for _, ring in seen), f"Tab goes through everything, and one sees where: {names}")
    go(b, "cache")
    b.find("[aria-label=Blocks] tbody tr:nth-child(3) a")
    b.script("document.querySelector('[aria-label=Blocks] tbody a').focus()")
    b.key("Down")
    b.key("Enter")
    b.find(".listing")
    check(True, "arrows and Enter open a block")


def themes(b):
    colour = "return getComputedStyle(document.body).backgroundColor"
    light = b.script(colour)
    b.dark(True)
    dark = b.script(colour)
    check(light != dark, f"dark where the user prefers that: {light}, {dark}")
    b.click("#theme")
    check(b.text("#theme") == "Theme: light" and b.script(colour) == light, "the button makes it light")
    b.key("t")
    check(b.text("#theme") == "Theme: dark" and b.script(colour) == dark, "the key t makes it dark")
    b.click("#theme")
    b.dark(False)
    check(b.text("#theme") == "Theme: auto" and b.script(colour) == light, "and as the user prefers")


def buttons(b, q):
    b.click("[data-do=cont]")
    b.wait("return document.querySelector('#state').textContent == 'running'")
    check(q.command("query-status")["running"], "Continue lets the machine go on")
    b.click("[data-do=stop]")
    b.wait("return document.querySelector('#state').textContent == 'paused'")
    check(not q.command("query-status")["running"], "Stop stops it")
    resets = q.command("x-novt-stats")["machine"]["resets"]
    said = b.script("const e = document.querySelector('[data-do=system_reset]'); e.click(); return e.textContent")
    check(said == "Really reset?" and q.command("x-novt-stats")["machine"]["resets"] == resets,
          "Reset asks first")


def refused(b, url):
    """A browser of its own has no cookie."""
    for bad in [url.split("?")[0], url[:-1] + ("0" if url[-1] != "0" else "1")]:
        b.open(bad)
        check("token" in b.script("return document.body.innerText"), "without the right token: refused")
        status = b.script("return fetch('/api', {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'}).then((r) => r.status)")
        check(status == 403, "and so is a command")
    b.errors() # of the refusals


# ---- Pictures for the manual ----

def pictures(b, folder):
    """The way to the hottest block."""
    def shot(name, dark=False, show=None):
        b.dark(dark)
        b.script("scrollTo(0, 0)")
        if show:
            b.script("document.querySelector(arguments[0]).scrollIntoView({block: 'end'})", show)
        b.devtools("Input.dispatchMouseEvent", type="mouseMoved", x=1, y=1) # nothing is hovered at
        path = os.path.join(folder, name + ".png")
        b.screenshot(path)
        shrink(path)
        print(f"{path}: {os.path.getsize(path)} bytes")
    b.size(1100, 720)
    go(b, "overview")
    b.wait("return document.querySelectorAll('.chart polyline').length >= 6 && document.querySelectorAll('.time li').length == 6")
    shot("overview", dark=True, show=".time")
    go(b, "cache")
    b.wait("return document.querySelectorAll('[aria-label=Blocks] tbody a').length == 20 && document.querySelector('.page-cell')")
    shot("cache")
    shot("pages", show=".heatmap")
    b.click("[aria-label=Blocks] tbody a")
    b.find(".graph svg")
    shot("block")


# ---- Life ----

def start(machines):
    port = free_port()
    guest = ["--kernel", os.path.join(GUESTS, "vmlinuz-686"), "--initrd", os.path.join(GUESTS, "initramfs.gz"), "--append", "console=ttyS0",
             "--memory", "128M", "--serial", "stdio"]
    with open(os.path.join(machines.run_dir, "serial"), "w+") as serial, tempfile.TemporaryFile("w+") as errors:
        machines.start("linux", *guest, "--web", f"127.0.0.1:{port}", guest=False, stdout=serial, stderr=errors)
        errors.seek(0)
        url = re.search(r"http://\S+", errors.read())[0]
    return url


def booted(machines, q):
    """Until the guest is idle at its prompt."""
    while True:
        with open(os.path.join(machines.run_dir, "serial"), errors="replace") as f:
            if re.search(r"novt-init: ready[\s\S]*/ #", f.read()):
                return
        q.command("query-status")


def main():
    need_browser()
    if not os.path.exists(os.path.join(GUESTS, "initramfs.gz")):
        print("skipped: no guest")
        sys.exit(77)
    with Machines(sys.argv[1]) as machines, Browser() as b:
        url = start(machines)
        q = machines.qmp("linux")
        refused(b, url)
        b.open(url)
        booted(machines, q)
        if "--pictures" in sys.argv:
            pictures(b, sys.argv[sys.argv.index("--pictures") + 1])
            return
        q.command("stop")
        b.wait("return document.querySelector('#state').textContent == 'paused'")
        check(b.script("return location.search") == "", "the token leaves the address line")
        loads(b)
        for part in overview, registers, cache, block, heat, adaptation, places, mmu, exits, counting, dot:
            part(b, q)
        keys(b)
        themes(b)
        buttons(b, q)
        errors = b.errors()
        check(not errors, f"the browser has nothing to complain about {errors}")


main()
