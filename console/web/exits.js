// exits.js: which sensitive instructions leave translated code, and what devices do.
import {ask, printed} from "./api.js";
import {count, h, percent, section, short} from "./dom.js";
import {Table} from "./table.js";

export const title = "Exits & devices";

class Exits {
    constructor() {
        this.total = 0;
        this.before = null;
        this.table = new Table({name: "Exits", by: 1, key: (r) => r.name, empty: "No instruction has left translated code.", columns: [
            {label: "Instruction", cell: (r) => r.name, class: "mono", sort: (r) => r.name},
            {label: "Exits", num: true, cell: (r) => count(r.n), sort: (r) => r.n},
            {label: "A second", num: true, cell: (r) => short(r.rate), sort: (r) => r.rate},
            {label: "Share", num: true, cell: (r) => percent(r.n, this.total), sort: (r) => r.n},
            {label: "", cell: (r) => h("div", {class: "bar"}, h("div", {class: "fill", data: {share: r.n}})), class: "bars"},
        ]});
    }
    set(rows) {
        const now = performance.now(), most = Math.max(1, ...Object.values(rows));
        const rate = (name, n) => (this.before ? Math.max(0, n - (this.before.rows[name] || 0)) * 1000 / (now - this.before.now) : 0);
        this.total = Object.values(rows).reduce((a, b) => a + b, 0);
        this.table.set(Object.entries(rows).map(([name, n]) => ({name, n, rate: rate(name, n)})));
        for (const f of this.table.el.querySelectorAll(".fill")) f.style.width = `${100 * f.dataset.share / most}%`;
        this.before = {now, rows};
    }
}

// What the text console prints.
const texts = {"Interrupt controllers": "info pic", "Local APIC": "info lapic", "Drives": "info block", "Network": "info network", "Memory and ports": "info mtree"};

function device(label, line) {
    const out = h("pre", {class: "scrolled"}), box = h("details", {class: "panel"}, h("summary", {}, label), out);
    box.show = async () => {
        if (!box.open) return;
        try { out.textContent = await printed(line) || "none"; } catch (e) { out.textContent = e.message; }
    };
    box.addEventListener("toggle", box.show);
    return box;
}

export function open(root) {
    const exits = new Exits(), devices = Object.entries(texts).map(([label, line]) => device(label, line));
    root.append(section("Exits by instruction", h("span", {class: "muted small"}, "since the start"), h("div", {class: "limited"}, exits.table.el)), section("Devices", null, h("div", {class: "stack"}, devices)));
    const tick = async () => {
        exits.set(await ask("x-novt-exits"));
        for (const d of devices) await d.show();
    };
    tick().catch(() => {});
    return {tick};
}
