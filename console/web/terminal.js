// terminal.js: the state of a terminal: what a program's bytes make of a screen of characters. No DOM here.
//
// A VT220 as far as Linux consoles, shells and full-screen programs use it (ECMA-48; "xterm control sequences" for the
// rest): cursor, erasing, inserting, colours, scroll regions, alternate screen, character sets, reports. All input is the
// guest's: counts are cut to the screen, strings and parameters bounded.

export const HISTORY = 2000; // lines that have left the screen
export const SLACK = 500; // ... and so many more before the oldest are forgotten, all at once
const PARAMS = 16, NUMBER = 9999, STRING = 4096;
const PLAIN = Object.freeze({fg: null, bg: null});
const GRAPHICS = "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"; // ` to ~ of the line-drawing set

// Columns of a character: 0 joins the one before, 2 are East Asian and pictures.
function columns(cp) {
    if (cp < 0x300) return 1;
    if (/^[\p{Mn}\p{Me}\p{Cf}]$/u.test(String.fromCodePoint(cp))) return 0;
    return (cp >= 0x1100 && cp < 0x1160) || (cp >= 0x2E80 && cp < 0xA4D0) || (cp >= 0xAC00 && cp < 0xD7A4) ||
        (cp >= 0xF900 && cp < 0xFB00) || (cp >= 0xFE30 && cp < 0xFE70) || (cp >= 0xFF00 && cp < 0xFF61) ||
        (cp >= 0x1F300 && cp < 0x1F650) || (cp >= 0x1F900 && cp < 0x1FA00) || (cp >= 0x20000 && cp < 0x40000) ? 2 : 1;
}

class Line {
    constructor(cols, style) {
        this.text = new Array(cols).fill(" ");
        this.style = new Array(cols).fill(style);
        this.wrapped = false; // goes on in the next
        this.stamp = 0; // grows with each change
    }
}

export class Terminal {
    // reply(text): what the terminal answers to the guest.
    constructor(cols = 80, rows = 24, reply = () => {}) {
        Object.assign(this, {cols, rows, reply, history: [], forgotten: 0, title: "", bell: 0});
        this.decode("utf-8");
        this.reset();
    }

    // "utf-8" or "latin1".
    decode(encoding) {
        this.encoding = encoding;
        this.decoder = encoding === "utf-8" ? new TextDecoder("utf-8") : null;
    }

    reset() {
        this.style = PLAIN;
        this.main = this.blank(this.rows);
        this.lines = this.main;
        this.x = this.y = 0;
        this.full = false; // the last column is written: the next character wraps
        this.top = 0;
        this.bottom = this.rows - 1;
        this.mode = {wrap: true, cursor: true, insert: false, origin: false, keys: false, paste: false, newline: false};
        this.sets = ["B", "B"];
        this.set = 0;
        this.saved = {};
        this.tabs = new Set();
        for (let x = 8; x < 1000; x += 8) this.tabs.add(x);
        this.last = " ";
        this.state = this.ground;
    }

    blank(n) { return Array.from({length: n}, () => new Line(this.cols, this.erased())); }
    // Erased places have the colour behind, nothing else.
    erased() { return this.style.bg === null ? PLAIN : Object.freeze({fg: null, bg: this.style.bg}); }
    get line() { return this.lines[this.y]; }
    get alternate() { return this.lines !== this.main; }

    // ---- Input ----

    write(bytes) {
        const text = this.decoder ? this.decoder.decode(bytes, {stream: true}) : Array.from(bytes, (b) => String.fromCharCode(b)).join("");
        for (const ch of text) this.take(ch);
    }

    take(ch) {
        const cp = ch.codePointAt(0);
        if (this.state === this.string) this.string(ch, cp);
        else if (cp === 0x1B) this.state = this.escape;
        else if (cp === 0x18 || cp === 0x1A) this.state = this.ground;
        else if (cp < 0x20) this.control(cp);
        else if (cp !== 0x7F) this.state(ch, cp);
    }

    ground(ch, cp) {
        if (cp >= 0x80 && cp < 0xA0) return;
        const set = this.sets[this.set];
        this.put(set === "0" && cp >= 0x60 && cp < 0x7F ? GRAPHICS[cp - 0x60] : ch);
    }

    control(cp) {
        switch (cp) {
        case 7: this.bell++; break;
        case 8: this.go(this.x - 1, this.y); break;
        case 9: this.tab(1); break;
        case 10: case 11: case 12:
            if (this.mode.newline) this.x = 0;
            this.index();
            break;
        case 13: this.go(0, this.y); break;
        case 14: this.set = 1; break;
        case 15: this.set = 0; break;
        }
    }

    // ---- Characters ----

    touch(line = this.line) { line.stamp = ++this.stamps; }
    stamps = 0;

    put(ch) {
        const width = columns(ch.codePointAt(0));
        if (!width) return this.join(ch);
        if (this.full || (width === 2 && this.x === this.cols - 1 && this.mode.wrap)) this.wrap();
        if (this.mode.insert) this.shift_cells(width);
        const end = Math.min(this.x + width, this.cols);
        for (let x = this.x; x < end; x++) this.set_cell(x, x === this.x ? ch : "", this.style);
        this.last = ch;
        this.full = end === this.cols && this.mode.wrap;
        this.x = Math.min(end, this.cols - 1);
        this.touch();
    }

    // Half of a wide character is none.
    set_cell(x, ch, style) {
        const text = this.line.text;
        if (text[x] === "" && x > 0 && ch !== "") text[x - 1] = " ";
        if (text[x + 1] === "" && ch !== "" && x + 1 < this.cols) text[x + 1] = " ";
        text[x] = ch;
        this.line.style[x] = style;
    }

    join(ch) {
        let x = this.full ? this.x : this.x - 1;
        if (x > 0 && this.line.text[x] === "") x--;
        if (x >= 0 && this.line.text[x].length < 16) this.line.text[x] += ch;
        this.touch();
    }

    wrap() {
        this.full = false;
        if (!this.mode.wrap) return;
        this.line.wrapped = true;
        this.x = 0;
        this.index();
    }

    // ---- Cursor ----

    go(x, y) {
        this.x = Math.max(0, Math.min(x, this.cols - 1));
        this.y = Math.max(0, Math.min(y, this.rows - 1));
        this.full = false;
    }

    // Rows count from the top of the region in origin mode, and stay in it.
    go_from_home(x, y) {
        if (!this.mode.origin) return this.go(x, y);
        this.go(x, Math.min(this.top + y, this.bottom));
    }

    // Up and down stop at the edge of the region if they begin inside.
    move(dx, dy) {
        const y = this.y + dy;
        const least = this.y >= this.top ? this.top : 0, most = this.y <= this.bottom ? this.bottom : this.rows - 1;
        this.go(this.x + dx, Math.max(least, Math.min(y, most)));
    }

    tab(n) {
        for (let x = this.x + Math.sign(n); n && x >= 0 && x < this.cols; x += Math.sign(n))
            if (this.tabs.has(x) || x === 0) { this.go(x, this.y); n -= Math.sign(n); }
        if (n) this.go(n > 0 ? this.cols - 1 : 0, this.y);
    }

    save() {
        const {x, y, style, set, full} = this;
        this.saved = {x, y, style, set, full, sets: [...this.sets], origin: this.mode.origin};
    }

    restore() {
        const s = this.saved;
        this.mode.origin = s.origin ?? false;
        this.go(s.x ?? 0, s.y ?? 0);
        Object.assign(this, {style: s.style ?? PLAIN, set: s.set ?? 0, sets: [...(s.sets ?? ["B", "B"])]});
        this.full = (s.full ?? false) && this.x === this.cols - 1;
    }

    // ---- Lines ----

    index() {
        this.full = false;
        if (this.y === this.bottom) this.scroll_up(1);
        else if (this.y < this.rows - 1) this.y++;
    }

    reverse_index() {
        this.full = false;
        if (this.y === this.top) this.scroll_down(1);
        else if (this.y > 0) this.y--;
    }

    scroll_up(n, top = this.top) {
        n = Math.min(n, this.bottom - top + 1);
        const gone = this.lines.splice(top, n);
        this.lines.splice(this.bottom - n + 1, 0, ...this.blank(n));
        if (top === 0 && !this.alternate) this.remember(gone);
    }

    scroll_down(n, top = this.top) {
        n = Math.min(n, this.bottom - top + 1);
        this.lines.splice(this.bottom - n + 1, n);
        this.lines.splice(top, 0, ...this.blank(n));
    }

    remember(lines) {
        this.history.push(...lines);
        if (this.history.length <= HISTORY + SLACK) return;
        this.forgotten += this.history.length - HISTORY;
        this.history = this.history.slice(-HISTORY);
    }

    in_region() { return this.y >= this.top && this.y <= this.bottom; }

    // ---- Erasing ----

    erase(line, from, to) {
        const style = this.erased();
        for (let x = Math.max(0, from); x < Math.min(to, this.cols); x++) { line.text[x] = " "; line.style[x] = style; }
        if (to >= this.cols) line.wrapped = false;
        this.touch(line);
    }

    erase_in_line(what) {
        if (what > 2) return;
        this.erase(this.line, what === 0 ? this.x : 0, what === 1 ? this.x + 1 : this.cols);
        this.full = false;
    }

    erase_in_screen(what) {
        if (what === 3) { this.forgotten += this.history.length; this.history = []; return; }
        if (what > 3) return;
        this.lines.forEach((line, y) => {
            if (what === 2 || (what ? y < this.y : y > this.y)) this.erase(line, 0, this.cols);
        });
        if (what < 2) this.erase_in_line(what);
        this.full = false;
    }

    shift_cells(n) { // n > 0: makes room at the cursor, n < 0: takes cells away
        const {text, style} = this.line, k = Math.min(Math.abs(n), this.cols - this.x), e = this.erased();
        const add = [new Array(k).fill(" "), new Array(k).fill(e)];
        [text, style].forEach((cells, i) => {
            cells.splice(n > 0 ? this.cols - k : this.x, k);
            cells.splice(n > 0 ? this.x : cells.length, 0, ...add[i]);
        });
        this.full = false;
        this.touch();
    }

    // ---- Escape sequences ----

    escape(ch) {
        this.state = this.ground;
        switch (ch) {
        case "[": this.params = ""; this.state = this.sequence; break;
        case "]": case "P": case "X": case "^": case "_":
            this.text = ch;
            this.escaped = false;
            this.state = this.string;
            break;
        case "(": case ")": this.which = ch === "(" ? 0 : 1; this.state = this.charset; break;
        case "#": case "%": case "*": case "+": case " ": this.state = this.ignored; break;
        case "7": this.save(); break;
        case "8": this.restore(); break;
        case "D": this.index(); break;
        case "E": this.x = 0; this.index(); break;
        case "H": this.tabs.add(this.x); break;
        case "M": this.reverse_index(); break;
        case "Z": this.reply("\x1b[?6c"); break;
        case "c": this.reset(); break;
        }
    }

    ignored() { this.state = this.ground; }
    charset(ch) { this.sets[this.which] = ch; this.state = this.ground; }

    // Titles and the like, up to BEL or ESC \.
    string(ch, cp) {
        const end = cp === 7 || cp === 0x18 || cp === 0x1A || (this.escaped && ch === "\\");
        if (end || (this.escaped && cp !== 0x1B)) {
            this.state = this.ground;
            const title = /^\](?:0|2);(.*)$/su.exec(this.text);
            if (end && title) this.title = title[1];
            if (!end) { this.escape(ch); }
            return;
        }
        this.escaped = cp === 0x1B;
        if (!this.escaped && this.text.length < STRING) this.text += ch;
    }

    sequence(ch, cp) {
        if (cp < 0x40) {
            if (this.params.length < STRING) this.params += ch;
            return;
        }
        this.state = this.ground;
        const [, mark, digits, middle] = /^([<=>?]?)([0-9:;]*)(.*)$/su.exec(this.params);
        const p = digits.split(/[;:]/, PARAMS).map((d) => Math.min(Number(d || 0), NUMBER));
        if (middle === "!" && ch === "p") this.reset_softly();
        else if (middle) return;
        else if (mark === "?") this.private(ch, p);
        else if (!mark) this.run(ch, p);
        else if (mark === ">" && ch === "c") this.reply("\x1b[>1;10;0c");
    }

    run(ch, p) {
        const n = Math.max(1, p[0]), rows = Math.min(n, this.rows), cols = Math.min(n, this.cols);
        switch (ch) {
        case "@": this.shift_cells(cols); break;
        case "A": this.move(0, -n); break;
        case "B": case "e": this.move(0, n); break;
        case "C": case "a": this.move(n, 0); break;
        case "D": this.move(-n, 0); break;
        case "E": this.move(0, n); this.x = 0; break;
        case "F": this.move(0, -n); this.x = 0; break;
        case "G": case "`": this.go(n - 1, this.y); break;
        case "H": case "f": this.go_from_home(Math.max(1, p[1] ?? 1) - 1, n - 1); break;
        case "I": this.tab(cols); break;
        case "J": this.erase_in_screen(p[0]); break;
        case "K": this.erase_in_line(p[0]); break;
        case "L": if (this.in_region()) { this.scroll_down(rows, this.y); this.go(0, this.y); } break;
        case "M": if (this.in_region()) this.delete_lines(rows); break;
        case "P": this.shift_cells(-cols); break;
        case "S": this.scroll_up(rows); break;
        case "T": this.scroll_down(rows); break;
        case "X": this.erase(this.line, this.x, this.x + n); break;
        case "Z": this.tab(-cols); break;
        case "b": for (let i = Math.min(n, this.cols * this.rows); i > 0; i--) this.put(this.last); break;
        case "c": if (!p[0]) this.reply("\x1b[?62;22c"); break;
        case "d": this.go_from_home(this.x, n - 1); break;
        case "g": this.clear_tabs(p[0]); break;
        case "h": case "l": for (const m of p) this.switch(m, ch === "h"); break;
        case "m": this.colours(p); break;
        case "n": this.report(p[0]); break;
        case "r": this.set_region(p[0], p[1] ?? 0); break;
        case "s": this.save(); break;
        case "u": this.restore(); break;
        }
    }

    // What goes here is no history.
    delete_lines(n) {
        const {history, forgotten} = this;
        this.history = [];
        this.scroll_up(n, this.y);
        Object.assign(this, {history, forgotten});
        this.go(0, this.y);
    }

    clear_tabs(what) {
        if (what === 0) this.tabs.delete(this.x);
        if (what === 3) this.tabs.clear();
    }

    set_region(top, bottom) {
        top = Math.max(1, top) - 1;
        bottom = Math.min(bottom || this.rows, this.rows) - 1;
        if (top >= bottom) return;
        Object.assign(this, {top, bottom});
        this.go_from_home(0, 0);
    }

    report(what) {
        if (what === 5) this.reply("\x1b[0n");
        if (what === 6) this.reply(`\x1b[${this.y + 1 - (this.mode.origin ? this.top : 0)};${this.x + 1}R`);
    }

    switch(mode, on) {
        if (mode === 4) this.mode.insert = on;
        if (mode === 20) this.mode.newline = on;
    }

    private(ch, p) {
        if (ch === "J") this.erase_in_screen(p[0]);
        if (ch === "K") this.erase_in_line(p[0]);
        if (ch === "n" && p[0] === 6) this.report(6);
        if (ch === "h" || ch === "l") for (const m of p) this.private_mode(m, ch === "h");
    }

    private_mode(mode, on) {
        switch (mode) {
        case 1: this.mode.keys = on; break;
        case 6: this.mode.origin = on; this.go_from_home(0, 0); break;
        case 7: this.mode.wrap = on; break;
        case 25: this.mode.cursor = on; break;
        case 47: case 1047: this.show_alternate(on); break;
        case 1048: if (on) this.save(); else this.restore(); break;
        case 1049:
            if (on) this.save();
            this.show_alternate(on);
            if (!on) this.restore();
            break;
        case 2004: this.mode.paste = on; break;
        }
    }

    show_alternate(on) {
        if (on === this.alternate) return;
        this.lines = on ? this.blank(this.rows) : this.main;
        this.full = false;
        for (const line of this.lines) this.touch(line);
    }

    reset_softly() {
        Object.assign(this.mode, {wrap: true, cursor: true, insert: false, origin: false, keys: false});
        Object.assign(this, {top: 0, bottom: this.rows - 1, style: PLAIN, sets: ["B", "B"], set: 0, saved: {}});
    }

    // ---- Colours ----

    colours(p) {
        const s = {...this.style};
        for (let i = 0; i < p.length; i++) {
            const v = p[i];
            if (v === 0) { for (const k of Object.keys(s)) delete s[k]; Object.assign(s, PLAIN); }
            else if (v === 38 || v === 48) i += this.colour(s, v === 38 ? "fg" : "bg", p, i + 1);
            else if (v === 39) s.fg = null;
            else if (v === 49) s.bg = null;
            else if (v >= 30 && v < 38) s.fg = v - 30;
            else if (v >= 40 && v < 48) s.bg = v - 40;
            else if (v >= 90 && v < 98) s.fg = v - 82;
            else if (v >= 100 && v < 108) s.bg = v - 92;
            else this.attribute(s, v);
        }
        this.style = Object.freeze(s);
    }

    attribute(s, v) {
        const on = {1: "bold", 2: "dim", 3: "italic", 4: "underline", 5: "blink", 7: "inverse", 8: "hidden", 9: "strike", 21: "underline"};
        const off = {22: ["bold", "dim"], 23: ["italic"], 24: ["underline"], 25: ["blink"], 27: ["inverse"], 28: ["hidden"], 29: ["strike"]};
        if (on[v]) s[on[v]] = true;
        for (const name of off[v] ?? []) delete s[name];
    }

    // 5;N of 256 colours, 2;R;G;B; how many parameters that were.
    colour(s, which, p, i) {
        if (p[i] === 5 && i + 1 < p.length) { s[which] = Math.min(p[i + 1], 255); return 2; }
        if (p[i] !== 2 || i + 3 >= p.length) return p.length;
        s[which] = "#" + p.slice(i + 1, i + 4).map((c) => Math.min(c, 255).toString(16).padStart(2, "0")).join("");
        return 4;
    }

    // ---- Size ----

    resize(cols, rows) {
        const fit = (line) => {
            while (line.text.length < cols) { line.text.push(" "); line.style.push(PLAIN); }
            line.text.length = line.style.length = cols;
            this.touch(line);
        };
        this.cols = cols;
        for (const screen of new Set([this.main, this.lines])) {
            const excess = Math.max(0, Math.min(screen.length - rows, screen === this.lines ? this.y + 1 - rows : screen.length - rows));
            const gone = screen.splice(0, excess);
            if (screen === this.main) this.remember(gone);
            if (screen === this.lines) this.y -= excess;
            screen.length = Math.min(screen.length, rows);
            while (screen.length < rows) screen.push(new Line(cols, PLAIN));
            screen.forEach(fit);
        }
        Object.assign(this, {rows, top: 0, bottom: rows - 1});
        this.go(this.x, this.y);
    }

    // ---- For readers ----

    text_of(line) { return line.text.join("").trimEnd(); }
    screen() { return this.lines.map((l) => this.text_of(l)); }
}

// Runs of cells that look the same: [text, style, first column].
export function runs(line) {
    const out = [];
    line.text.forEach((ch, x) => {
        const last = out[out.length - 1];
        if (last && last[1] === line.style[x]) last[0] += ch;
        else out.push([ch, line.style[x], x]);
    });
    return out;
}
