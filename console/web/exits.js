// exits.js: what leaves translated code, and what devices do.
import {ask, printed} from "./api.js";
import {columns, Counting} from "./counting.js";
import {count, h, hex, percent, section, short} from "./dom.js";
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

const by_place = () => new Counting({title: "Exits by place", what: "exits", command: "x-novt-exits-top", lists: [
    {name: "Exits by cause and instruction", member: "exits", by: 0, columns: [columns.count,
        {label: "Cause", cell: (r) => r.cause, class: "mono", sort: (r) => r.cause},
        {label: "Cycles each", num: true, cell: (r) => (r.cycles === undefined ? "–" : count(r.cycles / r.count)), sort: (r) => (r.cycles ?? 0) / r.count},
        columns.pc, columns.symbol]},
]});

const devices_by_place = () => new Counting({title: "Device accesses", what: "io", command: "x-novt-io", lists: [
    {name: "Ports and device memory", member: "places", by: -1, columns: [
        {label: "Address", cell: (r) => (r.space === "port" ? `port ${hex(r.address, 4)}` : hex(r.address)), class: "mono", sort: (r) => r.address},
        {label: "Device", cell: (r) => r.device, sort: (r) => r.device},
        {label: "Reads", num: true, cell: (r) => count(r.reads), sort: (r) => r.reads},
        {label: "Writes", num: true, cell: (r) => count(r.writes), sort: (r) => r.writes}]},
    {name: "By instruction", member: "by-pc", by: 0, columns: [columns.count, columns.kind,
        {label: "Address", cell: (r) => hex(r.address, 4), class: "mono", sort: (r) => r.address}, columns.pc, columns.symbol]},
]});

// What the text console prints.
const texts = {"Interrupt controllers": "info pic", "Interrupts": "irq", "Local APIC": "info lapic", "Drives": "info block", "Network": "info network", "Memory and ports": "info mtree"};

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
    const places = [by_place(), devices_by_place()];
    root.append(section("Exits by instruction", h("span", {class: "muted small"}, "since the start"), h("div", {class: "limited"}, exits.table.el)), ...places.map((p) => p.el), section("Devices", null, h("div", {class: "stack"}, devices)));
    const tick = async () => {
        exits.set(await ask("x-novt-exits"));
        for (const p of places) await p.refresh();
        for (const d of devices) await d.show();
    };
    tick().catch(() => {});
    return {tick};
}
