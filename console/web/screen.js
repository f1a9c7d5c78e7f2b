// screen.js: the guest's screen, keyboard and mouse, by noVNC.
import {h} from "./dom.js";
import {address, may_focus, why_closed} from "./web_socket.js";

export const title = "Screen";

const RETRY_MS = 2000;
const WITHOUT = "This novt was built without noVNC, so there is no screen here. Install the package novnc and build again; " +
    "or look with novt screenshot, or --display vnc.";

// noVNC's keyboard listens at its canvas alone: what is held down when that loses the keyboard would stay so in the guest.
class Held {
    constructor(frame, release) {
        const codes = new Set();
        frame.addEventListener("keydown", (e) => codes.add(e.code), true);
        frame.addEventListener("keyup", (e) => codes.delete(e.code), true);
        this.release = () => { for (const code of codes) release(code); codes.clear(); };
        frame.addEventListener("focusout", this.release);
    }
}

function save_picture(canvas) {
    canvas?.toBlob((blob) => {
        const a = h("a", {href: URL.createObjectURL(blob), download: `screen-${new Date().toISOString().slice(0, 19).replace(/[:T]/g, "-")}.png`});
        a.click();
        setTimeout(() => URL.revokeObjectURL(a.href), 1000);
    });
}

export function open(root) {
    let RFB, rfb = null, retry, closed = false;
    const note = h("p", {class: "note", role: "status"}, "Connecting…"), size = h("span", {class: "muted"});
    const frame = h("div", {class: "guest-screen", data: {keys: ""}});
    const canvas = () => frame.querySelector("canvas");
    const held = new Held(frame, (code) => rfb?.sendKey(0, code, false));

    function connect() {
        const socket = new WebSocket(address("/ws/screen"));
        socket.addEventListener("close", (e) => {
            rfb = null;
            frame.classList.remove("live");
            if (closed) return;
            note.textContent = why_closed(e) + " Trying again.";
            retry = setTimeout(connect, RETRY_MS);
        });
        rfb = new RFB(frame, socket, {shared: true});
        rfb.background = "transparent";
        rfb.addEventListener("connect", () => {
            note.textContent = "";
            frame.classList.add("live");
            canvas().setAttribute("aria-label", "Screen of the guest. Control Shift Space leaves.");
            scale();
            if (may_focus(root)) rfb.focus();
        });
    }

    function scale() {
        frame.classList.toggle("scaled", fits.checked);
        if (rfb) rfb.scaleViewport = fits.checked || document.fullscreenElement === frame;
    }

    async function start() {
        try {
            RFB = (await import("/novnc/core/rfb.js")).default;
        } catch {
            note.textContent = WITHOUT;
            for (const b of root.querySelectorAll("button, input")) b.disabled = true;
            return;
        }
        if (!closed) connect();
    }

    // As much as the browser lets go of: in full screen, Escape and Alt-Tab may be the guest's as well.
    async function fill_screen() {
        try {
            await frame.requestFullscreen();
            await navigator.keyboard?.lock?.();
        } catch (e) { note.textContent = e.message; }
        rfb?.focus();
    }

    const button = (text, onclick, title) => h("button", {type: "button", onclick, title}, text);
    const fits = h("input", {type: "checkbox"});
    fits.checked = localStorage.getItem("novt-screen-fits") !== "no";
    fits.addEventListener("change", () => { localStorage.setItem("novt-screen-fits", fits.checked ? "yes" : "no"); scale(); });
    const first = button("Ctrl-Alt-Delete", () => { rfb?.sendCtrlAltDel(); rfb?.focus(); });
    root.append(
        h("div", {class: "head"}, h("h2", {}, "Screen ", size), h("div", {class: "tools"}, first,
            button("Save picture", () => save_picture(canvas()), "The screen as a PNG file"),
            h("label", {class: "check"}, fits, "Scale to fit"), button("Full screen", fill_screen))),
        note, frame,
        h("p", {class: "muted hint"}, "Click into the screen to type; Ctrl-Shift-Space leaves it. The guest's own keyboard layout decides what keys mean."));
    frame.addEventListener("keydown", (e) => {
        if (!e.ctrlKey || !e.shiftKey || e.code !== "Space") return;
        e.preventDefault();
        e.stopPropagation();
        held.release();
        first.focus();
    }, true);
    document.addEventListener("fullscreenchange", scale);
    scale();
    start();
    return {
        tick() { if (rfb && canvas()) size.textContent = `${canvas().width} × ${canvas().height}`; },
        close() {
            closed = true;
            clearTimeout(retry);
            held.release();
            document.removeEventListener("fullscreenchange", scale);
            rfb?.disconnect();
        },
    };
}
