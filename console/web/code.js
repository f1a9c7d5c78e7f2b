// code.js: code that is written, indirect jumps and calls, returns, and one page of guest memory.
import {ask, line} from "./api.js";
import {count, field, h, hex, section} from "./dom.js";
import {Table} from "./table.js";

const MOST = 100;
const code = (va) => h("a", {href: `#/cpu?code=0x${hex(va)}`, class: "mono"}, hex(va));
const block = (n, va) => h("a", {href: `#/cache/block/${n}`, class: "mono"}, hex(va));
const symbol = {label: "Symbol", cell: (s) => s.symbol || "", class: "symbol", sort: (s) => s.symbol || ""};
const limited = (table) => h("div", {class: "limited"}, table.el);

// ---- Code that is written ----

const written_table = (name) => new Table({name, by: 3, key: (s) => `${s.frame} ${s.pc}`, empty: "Nobody has written where code is.", columns: [
    {label: "Frame", cell: (s) => hex(s.frame, 5), class: "mono", sort: (s) => s.frame},
    {label: "Written by", cell: (s) => (s.pc === undefined ? "a device" : code(s.pc)), sort: (s) => s.pc ?? -1},
    symbol,
    {label: "Blocks dropped", num: true, cell: (s) => count(s.blocks), sort: (s) => s.blocks},
    {label: "By writes", num: true, cell: (s) => count(s.drops), sort: (s) => s.drops},
    {label: "Harmless writes", num: true, cell: (s) => count(s.harmless), sort: (s) => s.harmless, title: "to the page, beside all code"},
]});

class Written {
    constructor() {
        this.about = h("p", {class: "muted small"});
        this.table = written_table("Written code");
        this.el = section("Code that is written", null, this.about, limited(this.table));
    }
    async refresh() {
        const r = await ask("x-novt-tc-smc"), t = r.total, f = r.forgotten;
        this.about.textContent = `${count(t.drops)} writes dropped ${count(t.blocks)} blocks, ${count(t.harmless)} were harmless` +
            (f.drops || f.harmless ? `; ${count(f.drops + f.harmless)} of them have no row any more.` : ".");
        this.table.set(r.rows);
    }
}

// ---- Indirect jumps and calls, returns ----

const target = (t) => h("li", {}, t.block === undefined ? code(t.va) : block(t.block, t.va), " ", t.symbol || "");

class Indirect {
    constructor() {
        this.about = h("p", {class: "muted small"});
        this.returns = h("p", {class: "muted small", data: {returns: ""}});
        this.table = new Table({name: "Indirect jumps", by: 4, key: (s) => `${s.block} ${s.va}`, empty: "None has been translated yet.", columns: [
            {label: "Code at", cell: (s) => block(s.block, s.va), sort: (s) => s.va},
            symbol,
            {label: "What", cell: (s) => s.what, sort: (s) => s.what},
            {label: "Targets", cell: (s) => (s.many ? "many" : h("ul", {class: "targets"}, s.targets.map(target))), sort: (s) => (s.many ? MOST : s.targets.length)},
            {label: "Samples", num: true, cell: (s) => count(s.samples), sort: (s) => s.samples, title: "of its block"},
            {label: "Misses", num: true, cell: (s) => count(s.misses), sort: (s) => s.misses, title: "times that the engine had to find the target"},
        ]});
        this.el = section("Indirect jumps, calls and returns", null, this.about, this.returns, limited(this.table));
    }
    async refresh() {
        const r = await ask("x-novt-tc-indirect", {limit: MOST}), b = await ask("x-novt-tc-returns");
        this.about.textContent = `${count(r.matches)} indirect jumps and calls: ${count(r.targets)} targets in chains of their own, ${count(r.many)} with too many ` +
            `go by the jump cache; ${count(r.misses)} times the engine had to look.`;
        this.returns.textContent = `Returns: ${count(b.pads)} places await a call's; the predictions were dropped ${count(b.resets)} times; ` +
            (b.counting ? `${count(b.executed)} executed, ${count(b.misses)} went elsewhere than predicted.` : "how many are executed is told after tc count on.");
        this.table.set(r.sites);
    }
}

// ---- One page ----

class Page {
    constructor() {
        this.about = h("p", {class: "muted small", role: "status"});
        this.blocks = new Table({name: "Blocks of the page", key: (b) => b.block, empty: "No block is from this page.", columns: [
            {label: "Address", cell: (b) => block(b.block, b.va)}, symbol,
            {label: "Mode", cell: (b) => `${b.kind}${b.direct ? "" : " checked"}`},
            {label: "Guest", num: true, cell: (b) => count(b["guest-bytes"]), title: "bytes"},
            {label: "Samples", num: true, cell: (b) => count(b.samples)},
        ]});
        this.written = written_table("Writes to the page");
        this.found = h("div");
        this.field = field("Guest-physical address", {hint: "0x100000", submit: (text) => this.show(text), failed: () => this.found.replaceChildren()});
        this.el = section("One page of memory", null, this.field, this.found);
    }
    async show(text) {
        if (!text) return;
        const p = await line(`tc page --limit ${MOST} ${text}`);
        this.about.textContent = `Page ${hex(p.physical)}: writes are ${p.protected ? "watched" : "free"}; ${count(p.matches)} blocks, ${count(p.samples)} samples` +
            (p.matches > p.blocks.length ? `; the first ${p.blocks.length}:` : ".");
        this.blocks.set(p.blocks);
        this.written.set(p.written);
        this.found.replaceChildren(this.about, limited(this.blocks), p.written.length ? limited(this.written) : "");
    }
}

export class Places {
    constructor() {
        this.parts = [new Written(), new Indirect()];
        this.el = [...this.parts.map((p) => p.el), new Page().el];
    }
    async refresh() {
        for (const p of this.parts) if (!p.el.matches(":focus-within")) await p.refresh();
    }
}
