// terminal_view.js: a Terminal as elements, and the keyboard's way to it.
//
// Lines are text in the page, so that they can be selected, searched and read aloud; only those that have changed are made
// anew, once a frame. Keys arrive at a text field without a face: it brings composed characters and pasting with it.
import {h} from "./dom.js";
import {paste_bytes, key_bytes} from "./terminal_keys.js";
import {HISTORY, runs, Terminal} from "./terminal.js";

const PART = 100; // lines of the past that the browser lays out together, or not at all while they are out of sight
const SAY_MS = 700, SAY_MAX = 300; // for screen readers: when the guest has paused, the last of what it said

// The 16 colours are the theme's, the rest is as xterm has it.
function colour(c) {
    if (typeof c === "string") return c;
    if (c >= 232) { const v = 8 + 10 * (c - 232); return `rgb(${v},${v},${v})`; }
    const level = (n) => (n ? 55 + 40 * n : 0), n = c - 16;
    return `rgb(${level(Math.floor(n / 36))},${level(Math.floor(n / 6) % 6)},${level(n % 6)})`;
}

function paint(span, style, cursor) {
    let {fg, bg} = style;
    if (style.bold && fg !== null && fg < 8) fg += 8;
    const names = ["bold", "dim", "italic", "underline", "blink", "hidden", "strike"].filter((n) => style[n]);
    if (style.inverse) names.push("inverse");
    if (cursor) names.push("cursor");
    for (const [c, which] of [[fg, "--fg"], [bg, "--bg"]]) {
        if (c === null) continue;
        if (c < 16) names.push(`${which === "--fg" ? "f" : "b"}${c}`);
        else span.style.setProperty(which, colour(c));
    }
    if (fg !== null) names.push("fg");
    if (bg !== null) names.push("bg");
    span.className = names.join(" ");
    return span;
}

// Texts and elements. cursor: its column, -1: elsewhere.
function pieces(line, cursor) {
    const parts = [];
    const add = (text, style, here) => {
        if (style.fg === null && style.bg === null && Object.keys(style).length === 2 && !here) parts.push(text);
        else parts.push(paint(h("span", {}, text), style, here));
    };
    for (const [text, style, x] of runs(line)) {
        const cells = line.text.slice(x, x + runs_length(line, x)), at = cursor - x;
        if (cursor < x || at >= cells.length) { add(text, style); continue; }
        const width = cells[at + 1] === "" ? 2 : 1;
        if (at) add(cells.slice(0, at).join(""), style);
        add(cells[at] || " ", style, true);
        if (at + width < cells.length) add(cells.slice(at + width).join(""), style);
    }
    parts.push("\n");
    return parts;
}
function runs_length(line, x) {
    let n = 1;
    while (x + n < line.style.length && line.style[x + n] === line.style[x]) n++;
    return n;
}

export class TerminalView {
    // send(text): what is typed.
    constructor(send) {
        this.send = send;
        this.terminal = new Terminal(80, 24, (text) => { if (!this.quiet) send(text); });
        this.past = h("div", {class: "past"});
        this.now = h("div", {class: "now"});
        this.input = h("textarea", {"aria-label": "Serial line: what is typed goes to the guest. Control Shift Space leaves.",
            autocapitalize: "off", autocomplete: "off", autocorrect: "off", spellcheck: "false", rows: "1"});
        this.spoken = h("div", {class: "unseen", "aria-live": "polite"});
        this.el = h("div", {class: "terminal", data: {keys: ""}}, this.past, this.now, this.input, this.spoken);
        this.drawn = [];
        this.shown = 0; // lines of history so far, with forgotten ones
        this.said = "";
        this.pause = 0; // ms before the next frame is drawn
        this.listen();
        this.draw();
    }

    // ---- Output ----

    // quiet: of the past, so nothing is answered.
    write(bytes, quiet = false) {
        const bells = this.terminal.bell;
        this.quiet = quiet;
        this.terminal.write(bytes);
        this.quiet = false;
        if (this.terminal.bell !== bells && !quiet) this.flash();
        this.change();
    }

    change() {
        this.waiting ??= setTimeout(() => { this.frame = requestAnimationFrame(() => this.draw()); }, this.pause);
        clearTimeout(this.saying);
        this.saying = setTimeout(() => this.speak(), SAY_MS);
    }

    // Where much comes, drawing takes a third of the time.
    draw() {
        const began = performance.now();
        this.draw_now();
        this.waiting = undefined;
        this.pause = 2 * (performance.now() - began);
    }

    draw_now() {
        const t = this.terminal, stay = this.el.scrollHeight - this.el.scrollTop - this.el.clientHeight > 4;
        this.draw_past();
        while (this.now.children.length > t.rows) this.now.lastChild.remove();
        while (this.now.children.length < t.rows) this.now.append(h("div"));
        this.drawn.length = t.rows;
        t.lines.forEach((line, y) => this.draw_row(line, y));
        if (!stay) this.el.scrollTop = this.el.scrollHeight;
        this.input.style.top = `${this.now.children[t.y].offsetTop}px`;
    }

    draw_past() {
        const t = this.terminal, all = t.forgotten + t.history.length, fresh = Math.min(all - this.shown, t.history.length);
        if (!t.history.length) this.past.replaceChildren();
        for (let i = t.history.length - fresh; i < t.history.length;) i += this.add_past(t.history, i);
        this.shown = all;
        let lines = [...this.past.children].reduce((sum, part) => sum + part.lines, 0);
        while (lines - (this.past.firstChild?.lines ?? 0) >= HISTORY) {
            lines -= this.past.firstChild.lines;
            this.past.firstChild.remove();
        }
    }

    // Lines from the i-th on, as many as there are or fit into the last part; how many.
    add_past(history, i) {
        let part = this.past.lastChild;
        if (!part || part.lines >= PART) {
            part = h("div");
            part.lines = 0;
            this.past.append(part);
        }
        const n = Math.min(history.length - i, PART - part.lines);
        part.append(...history.slice(i, i + n).flatMap((line) => pieces(line, -1)));
        part.normalize();
        part.lines += n;
        part.style.containIntrinsicBlockSize = `${1.25 * part.lines}em`;
        return n;
    }

    draw_row(line, y) {
        const t = this.terminal, cursor = t.mode.cursor && y === t.y ? t.x : -1, was = this.drawn[y];
        if (was && was.line === line && was.stamp === line.stamp && was.cursor === cursor) return;
        this.now.children[y].replaceChildren(...pieces(line, cursor));
        this.drawn[y] = {line, stamp: line.stamp, cursor};
    }

    flash() {
        this.el.classList.add("bell");
        setTimeout(() => this.el.classList.remove("bell"), 150);
    }

    speak() {
        const text = this.terminal.screen().join("\n").trim();
        if (text === this.said) return;
        const fresh = text.startsWith(this.said) ? text.slice(this.said.length) : text;
        this.said = text;
        this.spoken.textContent = fresh.trim().slice(-SAY_MAX);
    }

    // ---- Size ----

    resize(cols, rows) {
        this.terminal.resize(cols, rows);
        this.drawn = [];
        this.el.style.setProperty("--rows", rows);
        this.draw();
    }

    // Columns and rows that fit into so many pixels.
    fit(width, height) {
        const probe = h("span", {class: "unseen"}, "0".repeat(100));
        this.now.append(probe);
        const box = probe.getBoundingClientRect(), line = this.now.firstChild.getBoundingClientRect().height;
        probe.remove();
        return [Math.max(20, Math.min(300, Math.floor(width / (box.width / 100)))), Math.max(5, Math.min(120, Math.floor(height / line)))];
    }

    clear() {
        this.terminal.reset();
        this.terminal.write(new TextEncoder().encode("\x1b[3J"));
        this.drawn = [];
        this.change();
    }

    // ---- Input ----

    focus() { this.input.focus({preventScroll: true}); }

    type(text) {
        this.el.scrollTop = this.el.scrollHeight;
        this.send(text);
    }

    key(e) {
        if (e.ctrlKey && e.shiftKey && e.key === " ") { this.input.blur(); this.leave?.(); }
        else if (e.shiftKey && (e.key === "PageUp" || e.key === "PageDown")) this.el.scrollBy(0, (e.key === "PageUp" ? -0.9 : 0.9) * this.el.clientHeight);
        else if (e.ctrlKey && e.shiftKey && e.key.toLowerCase() === "c") navigator.clipboard?.writeText(String(getSelection()));
        else {
            const bytes = key_bytes(e, this.terminal.mode.keys);
            if (bytes === null) return;
            this.type(bytes);
        }
        e.preventDefault();
    }

    take_text(e) {
        if (e.isComposing) return;
        const text = this.input.value;
        this.input.value = "";
        if (text) this.type(text.replace(/\n/g, "\r"));
    }

    listen() {
        this.input.addEventListener("keydown", (e) => this.key(e));
        this.input.addEventListener("input", (e) => this.take_text(e));
        this.input.addEventListener("compositionend", (e) => this.take_text(e));
        this.input.addEventListener("paste", (e) => {
            e.preventDefault();
            this.type(paste_bytes(e.clipboardData.getData("text/plain"), this.terminal.mode.paste));
        });
        this.el.addEventListener("mouseup", () => { if (getSelection().isCollapsed) this.focus(); });
    }

    close() {
        clearTimeout(this.waiting);
        cancelAnimationFrame(this.frame);
        clearTimeout(this.saying);
    }
}
