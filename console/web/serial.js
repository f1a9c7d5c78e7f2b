// serial.js: the first serial line in a terminal.
import {h} from "./dom.js";
import {TerminalView} from "./terminal_view.js";
import {address, may_focus, why_closed} from "./web_socket.js";

export const title = "Serial";

const SIZES = ["80x24", "80x25", "100x30", "132x43", "fit"], PIECE = 16384, RETRY_MS = 2000, PAST_MS = 300;
const setting = (name, values) => {
    const kept = localStorage.getItem(`novt-serial-${name}`);
    return values.includes(kept) ? kept : values[0];
};

function choice(label, name, values, texts, change) {
    const select = h("select", {"aria-label": label}, values.map((v) => h("option", {value: v}, texts[v] ?? v)));
    select.value = setting(name, values);
    select.addEventListener("change", () => { localStorage.setItem(`novt-serial-${name}`, select.value); change(select.value); });
    return select;
}

export function open(root) {
    let socket, retry, closed = false, size = setting("size", SIZES), encoding = setting("encoding", ["utf-8", "latin1"]);
    const note = h("p", {class: "note", role: "status"}, "Connecting…");
    const view = new TerminalView(send);

    function encode(text) {
        if (encoding === "utf-8") return new TextEncoder().encode(text);
        return Uint8Array.from(text, (ch) => (ch.charCodeAt(0) < 256 ? ch.charCodeAt(0) : 0x3F));
    }
    function send(text) {
        const bytes = encode(text);
        for (let i = 0; i < bytes.length && socket?.readyState === WebSocket.OPEN; i += PIECE) socket.send(bytes.slice(i, i + PIECE));
    }

    // The line begins with its history, to which nothing may be answered: questions in it have been answered long ago.
    function connect() {
        let since = null;
        socket = new WebSocket(address("/ws/serial"));
        socket.binaryType = "arraybuffer";
        socket.onopen = () => {
            since = performance.now();
            note.textContent = "";
            view.clear();
            view.el.classList.add("live");
            if (may_focus(root)) view.focus();
        };
        socket.onmessage = (e) => view.write(new Uint8Array(e.data), performance.now() - since < PAST_MS);
        socket.onclose = (e) => {
            view.el.classList.remove("live");
            if (closed) return;
            note.textContent = why_closed(e) + " Trying again.";
            retry = setTimeout(connect, RETRY_MS);
        };
    }

    function resize() {
        if (size !== "fit") return view.resize(...size.split("x").map(Number));
        const style = getComputedStyle(view.el), inner = (a, b) => parseFloat(style[a]) + parseFloat(style[b]);
        const height = innerHeight - view.el.getBoundingClientRect().top - scrollY - 48;
        view.resize(...view.fit(root.clientWidth - inner("paddingLeft", "paddingRight") - 24, height - inner("paddingTop", "paddingBottom")));
    }
    const resized = () => { if (size === "fit") resize(); };

    const sizes = choice("Size", "size", SIZES, {"80x24": "80 × 24", "80x25": "80 × 25", "100x30": "100 × 30", "132x43": "132 × 43", fit: "Fit the window"},
        (v) => { size = v; resize(); view.focus(); });
    const encodings = choice("Characters", "encoding", ["utf-8", "latin1"], {"utf-8": "UTF-8", latin1: "Latin-1"},
        (v) => { encoding = v; view.terminal.decode(v); view.focus(); });
    const leave = h("button", {type: "button", onclick: () => { view.clear(); view.focus(); }}, "Clear");
    root.append(
        h("div", {class: "head"}, h("h2", {}, "First serial line"), h("div", {class: "tools"}, sizes, encodings,
            h("button", {type: "button", title: "The guest cannot know the size of this terminal: types stty rows … cols …",
                onclick: () => { send(`stty rows ${view.terminal.rows} cols ${view.terminal.cols}\r`); view.focus(); }}, "Tell the size"), leave)),
        note, h("div", {class: "terminal-frame"}, view.el),
        h("p", {class: "muted hint"}, "Select and copy as usual; Ctrl-Shift-V or the menu pastes; Shift-Page Up scrolls back; Ctrl-Shift-Space leaves the terminal."));
    view.terminal.decode(encoding);
    view.leave = () => leave.focus();
    resize();
    addEventListener("resize", resized);
    connect();
    return {
        close() {
            closed = true;
            clearTimeout(retry);
            removeEventListener("resize", resized);
            socket.close();
            view.close();
        },
    };
}
