// adapt.js: which instructions' direct accesses have faulted, and what changed when.
import {ask} from "./api.js";
import {count, h, hex, section, svg} from "./dom.js";
import {Table} from "./table.js";

const WIDTH = 1000, LANE = 26, LATEST = 200;
const verdict = (s) => (s.guilty ? "guilty" : s.until ? "served" : "watched");
const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
const code = (s) => (s.va === undefined ? "" : h("a", {href: `#/cpu?code=0x${hex(s.va)}`, class: "mono"}, hex(s.va)));
const physical = (s) => (s.physical === undefined ? `CR3 ${hex(s.cr3)}` : hex(s.physical));

// ---- The past ----

const kinds = {faults: "too many faults", "never-direct": "never direct", retry: "tried again", "space-mature": "space of age"};

class Timeline {
    constructor() {
        this.plot = h("div", {class: "panel scrolled timeline"});
        this.about = h("p", {class: "muted small"});
        this.table = new Table({name: "Changes", by: 0, key: (s) => `${s.ms} ${s.what} ${physical(s)}`, empty: "Nothing has changed yet.", columns: [
            {label: "When", num: true, cell: (s) => seconds(s.ms), sort: (s) => s.ms, title: "of the processor's time"},
            {label: "What", cell: (s) => kinds[s.what] || s.what, sort: (s) => s.what},
            {label: "Code at", cell: code, sort: (s) => s.va ?? -1},
            {label: "Symbol", cell: (s) => s.symbol || "", class: "symbol", sort: (s) => s.symbol || ""},
            {label: "Physical", cell: physical, class: "mono", sort: physical},
            {label: "Verdict number", num: true, cell: (s) => s.verdicts ?? "", sort: (s) => s.verdicts ?? 0},
            {label: "Checked until", num: true, cell: (s) => (s["until-ms"] === undefined ? "" : seconds(s["until-ms"])), sort: (s) => s["until-ms"] ?? 0},
        ]});
        this.el = [this.about, this.plot, h("details", {class: "changes"}, h("summary", {}, `The latest ${LATEST} changes`), h("div", {class: "limited"}, this.table.el))];
    }
    lane(what, y, rows, now) {
        const x = (ms) => (140 + (WIDTH - 160) * ms / Math.max(now, 1)).toFixed(1);
        const marks = rows.filter((s) => s.what === what).map((s) => svg("line", {x1: x(s.ms), x2: x(s.ms), y1: y - 8, y2: y + 8, class: `mark ${what}`},
            svg("title", {}, `${seconds(s.ms)} ${kinds[what]} ${s.symbol || physical(s)}`)));
        return [svg("text", {x: 0, y: y + 4}, kinds[what]), svg("line", {x1: 140, x2: WIDTH - 20, y1: y, y2: y, class: "grid"}), ...marks];
    }
    set(r) {
        const height = LANE * (Object.keys(kinds).length + 1), now = r["now-ms"];
        const lanes = Object.keys(kinds).flatMap((k, i) => this.lane(k, LANE * (i + 0.6), r.history, now));
        this.about.textContent = `${count(r.total)} changes in ${seconds(now)} of the processor's time` + (r.total > r.history.length ? `; the latest ${count(r.history.length)} are kept` : "");
        this.plot.replaceChildren(svg("svg", {viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": "Changes over time"}, lanes,
            svg("text", {x: 140, y: height - 6}, "0 s"), svg("text", {x: WIDTH - 20, y: height - 6, "text-anchor": "end"}, seconds(now))));
        this.table.set(r.history.slice(-LATEST));
    }
}

// ---- Now ----

class Sites {
    constructor() {
        this.about = h("p", {class: "muted small"});
        this.table = new Table({name: "Adaptation", by: 5, key: (s) => s.physical, empty: "No direct access has faulted.", columns: [
            {label: "Code at", cell: code, sort: (s) => s.va ?? -1},
            {label: "Symbol", cell: (s) => s.symbol || "", class: "symbol", sort: (s) => s.symbol || ""},
            {label: "Physical", cell: (s) => hex(s.physical), class: "mono", sort: (s) => s.physical},
            {label: "Verdict", cell: (s) => h("span", {class: `tag ${verdict(s)}`}, verdict(s)), sort: verdict},
            {label: "Faults", num: true, cell: (s) => count(s.faults), sort: (s) => s.faults},
            {label: "Verdicts", num: true, cell: (s) => count(s.verdicts), sort: (s) => s.verdicts},
            {label: "Level", num: true, cell: (s) => count(s.level), sort: (s) => s.level, title: "doubles the time"},
            {label: "Checked for", num: true, cell: (s) => (s.guilty ? `${seconds(s["ms-left"])} more` : "–"), sort: (s) => s["ms-left"]},
        ]});
    }
    set(r) {
        const n = (what) => count(r.sites.filter((s) => verdict(s) === what).length);
        this.about.textContent = `Instructions whose direct accesses have faulted: ${n("guilty")} guilty, which are checked for a while, ${n("served")} served, ${n("watched")} watched.`;
        this.table.set(r.sites);
    }
}

export class Adaptation {
    constructor() {
        this.timeline = new Timeline();
        this.sites = new Sites();
        this.el = section("Adaptation", null, this.sites.about, h("div", {class: "limited"}, this.sites.table.el), h("h3", {class: "later"}, "What changed when"), this.timeline.el);
    }
    async refresh() {
        this.sites.set(await ask("x-novt-tc-adapt"));
        this.timeline.set(await ask("x-novt-tc-adapt", {history: true}));
    }
}
