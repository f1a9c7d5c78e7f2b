// cache.js: the translation cache: totals, blocks to search and sort, pages, adaptation, written code, indirect jumps; #/cache/block/N is one block.
import {Adaptation} from "./adapt.js";
import {ask, line} from "./api.js";
import {open as open_block} from "./block.js";
import {Places} from "./code.js";
import {bytes, count, field, h, hex, percent, ratio, section} from "./dom.js";
import {Heat} from "./heat.js";
import {Table} from "./table.js";

export const title = "Translation cache";

const ROWS = 20, MOST = 100; // shown at once; the command gives no more
const host = (b) => b["hot-bytes"] + b["cold-bytes"];
const link = (b) => h("a", {href: `#/cache/block/${b.block}`, class: "mono"}, hex(b.va));

// ---- Totals ----

const card = (label, value) => h("div", {class: "card panel"}, h("b", {}, value), h("span", {}, label));

class Totals {
    constructor() {
        this.cards = h("div", {class: "cards"});
        this.kinds = new Table({name: "Blocks by mode", by: 1, key: (k) => k.kind, empty: "Nothing has been translated yet.", columns: [
            {label: "Mode", cell: (k) => k.kind, sort: (k) => k.kind},
            {label: "Blocks", num: true, cell: (k) => count(k.blocks), sort: (k) => k.blocks},
            {label: "Dead", num: true, cell: (k) => count(k.dead), sort: (k) => k.dead},
            {label: "Direct", num: true, cell: (k) => percent(k.direct, k.blocks), sort: (k) => k.direct / k.blocks},
            {label: "Copied", num: true, cell: (k) => percent(k.copies, k.blocks), sort: (k) => k.copies / k.blocks},
            {label: "Instructions", num: true, cell: (k) => count(k.instructions), sort: (k) => k.instructions},
            {label: "Host / guest", num: true, cell: (k) => ratio(host(k), k["guest-bytes"]), sort: (k) => host(k) / k["guest-bytes"]},
            {label: "Identical", num: true, cell: (k) => percent(k.identical, k.instructions), sort: (k) => k.identical / k.instructions},
            {label: "Chained", num: true, cell: (k) => percent(k.chained, k.links), sort: (k) => k.chained / k.links},
            {label: "Samples", num: true, cell: (k) => count(k.samples), sort: (k) => k.samples, title: "milliseconds of the processor's time"},
        ]});
    }
    set(r) {
        const t = r.total;
        this.cards.replaceChildren(card("blocks", count(t.blocks)), card("instructions a block", ratio(t.instructions, t.blocks)),
            card("host bytes a guest byte", ratio(host(t), t["guest-bytes"])), card("copied byte for byte", percent(t.identical, t.instructions)),
            card("links chained", percent(t.chained, t.links)), card(`of ${bytes(r.cache.capacity)} used`, bytes(r.cache.used)),
            card("processor time in blocks", percent(r.time.blocks, r.time.samples)), card("flushes", count(r.flushes)));
        this.kinds.set(r.kinds);
    }
}

// ---- Blocks ----

const sorts = {hot: "Samples", size: "Host", expansion: "Host / guest", faults: "Faults", address: "Address"};

class Blocks {
    constructor(query) {
        this.page = 0;
        this.by = Object.hasOwn(sorts, query.get("sort")) ? query.get("sort") : "hot";
        const columns = [
            {label: "Address", by: "address", cell: link, class: "mono"},
            {label: "Symbol", cell: (b) => b.symbol || "", class: "symbol"},
            {label: "Mode", cell: (b) => [b.kind, b.direct ? "" : " checked", b.copy ? " copy" : ""].join("")},
            {label: "Instructions", num: true, cell: (b) => count(b.instructions)},
            {label: "Guest", num: true, cell: (b) => count(b["guest-bytes"]), title: "bytes"},
            {label: "Host", by: "size", num: true, cell: (b) => count(host(b)), title: "bytes"},
            {label: "Host / guest", by: "expansion", num: true, cell: (b) => ratio(host(b), b["guest-bytes"])},
            {label: "Samples", by: "hot", num: true, cell: (b) => count(b.samples), title: "milliseconds of the processor's time"},
            {label: "Faults", by: "faults", num: true, cell: (b) => count(b.faults), title: "of direct accesses, lately"},
        ];
        for (const c of columns) c.sort = c.by;
        this.table = new Table({name: "Blocks", columns, by: columns.findIndex((c) => c.by === this.by), key: (b) => b.block,
                                empty: "No block is like this.", sorted: (c) => this.sort(c.by)});
        this.search = field("Address, range or symbol", {value: query.get("find") || "", hint: "$eip, 0xc0100000, c0100000-c01fffff, delay", button: "Find",
                                                         submit: () => this.restart()});
        this.search.input.dataset.search = "";
        this.about = h("span", {class: "muted small", role: "status"});
        this.back = h("button", {type: "button", onclick: () => this.turn(-1)}, "Previous");
        this.forth = h("button", {type: "button", onclick: () => this.turn(1)}, "Next");
        this.el = section("Blocks", this.search, this.table.el, h("div", {class: "foot"}, this.about, h("span", {class: "buttons"}, this.back, this.forth)));
        this.found = {blocks: [], matches: 0};
    }
    // What the search says, by the command that knows it.
    async ask() {
        const text = this.search.input.value.trim();
        if (!text) return ask("x-novt-tc-list", {sort: this.by, limit: MOST});
        if (/^[0-9a-f]+-[0-9a-f]+$/i.test(text)) return ask("x-novt-tc-list", {sort: this.by, limit: MOST, va: text});
        if (/^[$0-9(~-]/.test(text)) return line(`tc find ${text}`);
        return ask("x-novt-tc-list", {sort: this.by, limit: MOST, sym: text.endsWith("*") ? text : text + "*"});
    }
    async refresh() {
        this.found = await this.ask();
        this.draw();
    }
    async restart() {
        this.page = 0;
        await this.refresh();
    }
    // The command gives the foremost first: there is one direction.
    sort(by) {
        this.by = by;
        this.table.down = by !== "address";
        this.search.run();
    }
    turn(by) {
        this.page += by;
        this.draw();
    }
    draw() {
        const {blocks, matches} = this.found, last = Math.max(0, Math.ceil(blocks.length / ROWS) - 1);
        this.page = Math.min(Math.max(this.page, 0), last);
        const first = this.page * ROWS, rows = blocks.slice(first, first + ROWS);
        this.table.set(rows);
        this.back.disabled = !this.page;
        this.forth.disabled = this.page === last;
        const kept = matches > blocks.length ? `, the foremost ${blocks.length} of ${count(matches)}` : ` of ${count(matches)}`;
        this.about.textContent = !rows.length ? "" : `${first + 1} to ${first + rows.length}${kept}`;
    }
    // Rows do not move under the pointer or the focus.
    get quiet() { return this.table.el.matches(":hover, :focus-within"); }
}

// ---- The page ----

export function open(root, path, query) {
    if (path[0] === "block") return open_block(root, path[1]);
    const totals = new Totals(), blocks = new Blocks(query), heat = new Heat(), adaptation = new Adaptation(), places = new Places();
    let beats = 0;
    root.append(section("Totals", null, totals.cards, totals.kinds.el), blocks.el, heat.el, adaptation.el, ...places.el);
    const all = async () => {
        totals.set(await ask("x-novt-tc-stat"));
        await adaptation.refresh();
    };
    blocks.search.run();
    all().then(() => heat.refresh()).then(() => places.refresh()).catch(() => {});
    return {tick: async () => {
        if (++beats % 2) return;
        await all();
        if (beats % 10 === 0) await heat.refresh();
        if (beats % 10 === 4) await places.refresh();
        if (!blocks.quiet) await blocks.refresh().catch(() => {}); // a bad search has been told of
    }};
}
