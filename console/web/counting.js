// counting.js: events by the instruction that makes them, which are counted only after a click.
import {ask} from "./api.js";
import {count, h, hex, section} from "./dom.js";
import {Table} from "./table.js";

const MOST = 200;

// Columns that several lists have.
export const columns = {
    kind: {label: "Kind", cell: (r) => r.kind, sort: (r) => r.kind},
    count: {label: "Count", num: true, cell: (r) => count(r.count), sort: (r) => r.count},
    pc: {label: "Instruction at", cell: (r) => h("a", {href: `#/cpu?code=0x${hex(r.pc)}`, class: "mono"}, hex(r.pc)), sort: (r) => r.pc},
    symbol: {label: "Symbol", cell: (r) => r.symbol || "", class: "symbol", sort: (r) => r.symbol || ""},
};

// what: for x-novt-watch; command: gives the lists; lists: [{name, member, columns, by}].
export class Counting {
    constructor({title, what, command, lists}) {
        Object.assign(this, {what, command, lists});
        this.button = h("button", {type: "button", onclick: () => this.toggle()}, "Count");
        this.about = h("p", {class: "muted small", role: "status"});
        this.tables = lists.map((l) => new Table({name: l.name, columns: l.columns, by: l.by, empty: "Nothing has been counted."}));
        this.el = section(title, this.button, this.about, h("div", {class: "pair tables"}, this.tables.map((t, i) =>
            h("div", {}, h("h3", {}, lists[i].name), h("div", {class: "limited"}, t.el)))));
    }
    async toggle() {
        this.button.disabled = true;
        try {
            await ask("x-novt-watch", {what: this.what, enable: !this.on});
            await this.refresh();
        } catch (e) { this.about.textContent = e.message; }
        this.button.disabled = false;
    }
    async refresh() {
        const r = await ask(this.command, {limit: MOST}), sum = (o) => Object.values(o).reduce((a, b) => a + b, 0);
        this.on = r.counting;
        this.button.textContent = this.on ? "Stop counting" : "Count";
        const parts = Object.entries(r.totals).map(([k, n]) => `${k} ${count(n)}`).join(", "), lost = sum(r.lost);
        this.about.textContent = !this.on && !sum(r.totals) ? "Not counting. It costs the machine a little while it is on." :
            `In ${(r.ns / 1e9).toFixed(1)} s of guest time: ${parts}` + (lost ? `; ${count(lost)} are not listed, for want of room` : "");
        this.tables.forEach((t, i) => t.set(r[this.lists[i].member]));
    }
}
