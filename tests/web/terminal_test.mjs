// terminal_test.mjs FOLDER: the terminal of the web console, console/web/terminal.js and terminal_keys.js, run by node.
import {readFileSync} from "node:fs";
import {isDeepStrictEqual} from "node:util";

const load = (file) => import("data:text/javascript;base64," + readFileSync(`${process.argv[2]}/${file}`).toString("base64"));
const {Terminal, HISTORY, SLACK, runs} = await load("terminal.js");
const {key_bytes, paste_bytes} = await load("terminal_keys.js");
let failures = 0;

function same(what, got, wanted) {
    if (isDeepStrictEqual(got, wanted)) return;
    failures++;
    console.log(`FAILED: ${what}\n  got    ${JSON.stringify(got)}\n  wanted ${JSON.stringify(wanted)}`);
}
const bytes = (text) => new TextEncoder().encode(text);
function terminal(text, cols = 10, rows = 4) {
    const t = new Terminal(cols, rows, (r) => { t.said = (t.said ?? "") + r; });
    t.write(bytes(text));
    return t;
}
// The screen after `text`, without empty lines at its end; in one piece and byte by byte.
function shows(what, text, ...lines) {
    const whole = terminal(text), pieces = terminal("");
    for (const b of bytes(text)) pieces.write(Uint8Array.of(b));
    const wanted = [...lines, ...Array(4).fill("")].slice(0, 4);
    same(what, whole.screen(), wanted);
    same(what + ", byte by byte", pieces.screen(), wanted);
    same(what + ": cursor", [pieces.x, pieces.y], [whole.x, whole.y]);
}
const at = (what, text, x, y) => { const t = terminal(text); same(what, [t.x, t.y], [x, y]); };
const says = (what, text, answer) => same(what, terminal(text).said, answer);
const E = "\x1b", C = "\x1b[";

// ---- Text and wrapping ----
shows("text", "one\r\ntwo", "one", "two");
shows("wrap only with the next character", "0123456789\r\nx", "0123456789", "x");
shows("wrap", "0123456789x", "0123456789", "x");
shows("no wrap", C + "?7l0123456789abc", "012345678c");
shows("backspace after the last column", "0123456789\bx", "01234567x9");
shows("tab", "a\tb\tc", "a       bc"); // the second stops at the edge
shows("controls inside a sequence", "a" + C + "2\r\nB" + "x", "a", "", "", "x"); // CSI 2 B with a line feed inside
shows("cancelled sequence", C + "5\x18Hx", "Hx");
shows("unknown sequences", C + "?9999h" + C + "1$}" + E + "%G" + C + "99za" + C + "=1;2cb", "ab");
shows("UTF-8", "äöü€😀é", "äöü€😀é");
shows("broken UTF-8", "a\x1b[mb", "ab");
same("bytes that are no UTF-8", (() => { const t = terminal(""); t.write(Uint8Array.of(0x61, 0xFF, 0x62)); return t.screen()[0]; })(), "a\uFFFDb");
same("Latin-1", (() => { const t = terminal(""); t.decode("latin1"); t.write(Uint8Array.of(0x61, 0xE4)); return t.screen()[0]; })(), "aä");
same("wide", terminal("日本x").lines[0].text.slice(0, 6), ["日", "", "本", "", "x", " "]);
same("half a wide one is none", terminal("日\ra").lines[0].text.slice(0, 2), ["a", " "]);
same("wide at the edge", terminal("012345678日").screen().slice(0, 2), ["012345678", "日"]);
same("combining", terminal("e\u0301x").lines[0].text.slice(0, 2), ["e\u0301", "x"]);
shows("line drawing", E + "(0lqk" + E + "(Bq" + E + ")0\x0ex\x0fx", "┌─┐q│x");

// ---- Cursor ----
at("home", "abc" + C + "H", 0, 0);
at("position", C + "3;5H", 4, 2);
at("beyond the screen", C + "99;99H", 9, 3);
at("huge numbers", C + "99999999999999999999;99999999999999999999H", 9, 3);
at("up stops", C + "5A", 0, 0);
at("relative", C + "2B" + C + "3C" + C + "1D" + C + "1A", 2, 1);
at("column and row", C + "4G" + C + "2d", 3, 1);
at("next and previous line", C + "2;5H" + C + "E" + "x" + C + "2F", 0, 0);
at("save and restore", C + "2;3H" + E + "7" + C + "H" + E + "8", 2, 1);
at("origin", C + "2;3r" + C + "?6h" + C + "9;1H", 0, 2);
shows("REP", "x" + C + "3b", "xxxx");
shows("endless REP", C + "999999999b", "          ".trimEnd());

// ---- Erasing, inserting ----
shows("erase to the end of the line", "abcdef" + C + "3D" + C + "K", "abc");
shows("erase to its beginning", "abcdef" + C + "3D" + C + "1K", "    ef");
shows("erase the screen below", "1\r\n2\r\n3" + C + "2;1H" + C + "J", "1");
shows("erase the screen above", "1\r\n2\r\n3" + C + "2;1H" + C + "1J", "", "", "3");
shows("erase all", "1\r\n2" + C + "2Jx", "", " x");
shows("erase characters", "abcdef" + C + "H" + C + "2X", "  cdef");
shows("insert characters", "abcdef" + C + "2G" + C + "2@", "a  bcdef");
shows("delete characters", "abcdef" + C + "2G" + C + "2P", "adef");
shows("insert mode", "abc\r" + C + "4hx" + C + "4ly", "xybc");
shows("insert lines", "1\r\n2\r\n3" + C + "2H" + C + "L", "1", "", "2", "3");
shows("delete lines", "1\r\n2\r\n3" + C + "1H" + C + "2M", "3");
same("deleted lines are no history", terminal("1\r\n2" + C + "H" + C + "M").history.length, 0);

// ---- Scrolling ----
shows("scroll", "1\r\n2\r\n3\r\n4\r\n5", "2", "3", "4", "5");
shows("scroll region", "1\r\n2\r\n3\r\n4" + C + "2;3r" + C + "3H\n", "1", "3", "", "4");
shows("reverse index", "1\r\n2" + C + "H" + E + "M", "", "1", "2");
shows("reverse index in a region", "1\r\n2\r\n3\r\n4" + C + "2;3r" + C + "2H" + E + "M", "1", "", "2", "4");
shows("SU, SD", "1\r\n2\r\n3\r\n4" + C + "2S" + C + "T", "", "3", "4");
shows("bad regions", C + "3;2r" + C + "4;4r1\r\n2\r\n3\r\n4\r\n5", "2", "3", "4", "5");
const long = terminal(Array.from({length: HISTORY + SLACK + 10}, (_, i) => `${i}\r\n`).join(""));
same("history is bounded", [long.history.length, long.forgotten], [HISTORY + 6, SLACK + 1]);
same("history", long.text_of(long.history[0]), `${SLACK + 1}`);
same("a region's lines are no history", terminal(C + "2;3r" + C + "3H\n\n\n").history.length, 0);
same("CSI 3 J forgets", terminal("1\n2\n3\n4\n5\n" + C + "3J").history.length, 0);

// ---- Modes, screens ----
shows("alternate screen", "main" + C + "?1049h" + C + "Hother" + C + "?1049l!", "main!");
same("no history from it", terminal(C + "?1049h1\n2\n3\n4\n5\n6").history.length, 0);
same("modes", (({cursor, keys, paste}) => [cursor, keys, paste])(terminal(C + "?25l" + C + "?1;2004h").mode), [false, true, true]);
shows("reset", "abc" + C + "2;3r" + C + "4h" + E + "cx", "x");
same("soft reset", terminal(C + "2;3r" + C + "?25l" + C + "!p").mode.cursor, true);
same("title", terminal(E + "]0;hello\x07" + E + "]2;there" + E + "\\x").title, "there");
shows("strings are swallowed", E + "P1$r" + E + "\\a" + E + "]52;c;AAAA\x07b" + E + "_x" + E + "\\c", "abc");
same("an endless string is bounded", terminal(E + "]0;" + "x".repeat(100000)).text.length <= 4096, true);
same("endless parameters are bounded", terminal(C + "1;".repeat(100000)).params.length <= 4096, true);

// ---- Answers ----
says("status", C + "5n", C + "0n");
says("cursor", C + "2;5H" + C + "6n", C + "2;5R");
says("attributes", C + "c" + E + "Z", C + "?62;22c" + C + "?6c");
says("nothing for titles", E + "]2;?\x07" + C + "21t", undefined);

// ---- Colours ----
const style = (text) => terminal(text + "x").lines[0].style[0];
same("plain", style(""), {fg: null, bg: null});
same("colours", style(C + "1;31;44m"), {fg: 1, bg: 4, bold: true});
same("bright", style(C + "97;101m"), {fg: 15, bg: 9});
same("256", style(C + "38;5;200;48;5;999m"), {fg: 200, bg: 255});
same("true colour", style(C + "38;2;1;2;999m"), {fg: "#0102ff", bg: null});
same("with colons", style(C + "38:5:17m"), {fg: 17, bg: null});
same("cut off", style(C + "38;5m"), {fg: null, bg: null});
same("back", style(C + "1;4;7;31;42m" + C + "22;24;27;39;49m"), {fg: null, bg: null});
same("empty is 0", style(C + "31m" + C + "m"), {fg: null, bg: null});
same("erased places have the background", terminal(C + "44m" + C + "2J").lines[1].style[5].bg, 4);
same("runs", runs(terminal("a" + C + "1mbc" + C + "mdefghij").lines[0]).map(([text, , x]) => [text, x]), [["a", 0], ["bc", 1], ["defghij", 3]]);

// ---- Size ----
const resized = terminal("1\r\n2\r\n3\r\n4");
resized.resize(5, 2);
same("fewer rows keep the cursor's", [resized.screen(), resized.history.length, resized.y], [["3", "4"], 2, 1]);
resized.resize(20, 5);
same("more", [resized.screen(), resized.y], [["3", "4", "", "", ""], 1]);

// ---- Random bytes: no error, nothing outside the screen ----
let seed = 1;
const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
for (let round = 0; round < 300; round++) {
    const t = terminal(""), palette = "\x1b[]()#0123456789;?hlmHJKLMPXSTr@ABCDabc日é\r\n\t\b\x07\x0e\x0f\x9b~^_\\";
    for (let i = 0; i < 50; i++) {
        t.write(bytes(Array.from({length: 40}, () => palette[random(palette.length)]).join("")));
        if (random(10) === 0) t.resize(1 + random(30), 1 + random(10));
        const fits = t.x >= 0 && t.x < t.cols && t.y >= 0 && t.y < t.rows && t.lines.length === t.rows &&
            t.main.length === t.rows && t.lines.every((l) => l.text.length === t.cols && l.style.length === t.cols);
        if (!fits) { same(`random, round ${round}`, [t.x, t.y, t.cols, t.rows, t.lines.length], "a screen"); break; }
    }
}

// ---- Keys ----
const key = (k, more = {}, application = false) => key_bytes({key: k, ...more}, application);
const ctrl = {ctrlKey: true};
same("text is not ours", [key("a"), key("A", {shiftKey: true}), key("c", {metaKey: true})], [null, null, null]);
same("controls", [key("c", ctrl), key("C", ctrl), key("[", ctrl), key(" ", ctrl), key("/", ctrl)], ["\x03", "\x03", "\x1b", "\0", "\x1f"]);
same("copy and paste are the browser's", [key("C", {...ctrl, shiftKey: true}), key("V", {...ctrl, shiftKey: true})], [null, null]);
same("Alt", [key("x", {altKey: true}), key("c", {...ctrl, altKey: true})], ["\x1bx", "\x1b\x03"]);
same("AltGr is text", key("@", {...ctrl, altKey: true, getModifierState: (m) => m === "AltGraph"}), null);
same("arrows", [key("ArrowUp"), key("ArrowUp", {}, true), key("ArrowLeft", ctrl, true)], ["\x1b[A", "\x1bOA", "\x1b[1;5D"]);
same("keys", ["Enter", "Backspace", "Tab", "Escape", "F1", "F5", "F12", "Delete", "PageUp", "Home"].map((k) => key(k)),
    ["\r", "\x7f", "\t", "\x1b", "\x1bOP", "\x1b[15~", "\x1b[24~", "\x1b[3~", "\x1b[5~", "\x1b[H"]);
same("modifiers alone", ["Shift", "Control", "Alt", "CapsLock", "Dead", "Process", "constructor"].map((k) => key(k)), Array(7).fill(null));
same("paste", [paste_bytes("a\r\nb\nc", false), paste_bytes("x\x1b[201~y", true)], ["a\rb\rc", "\x1b[200~x[201~y\x1b[201~"]);

console.log(failures ? `${failures} failed` : "ok: the terminal");
process.exit(failures ? 1 : 0);
