// heat.js: where translated code lies: a cell for each guest page, half a MiB a row, the fuller the hotter.
import {ask} from "./api.js";
import {bytes, count, h, hex, section, svg} from "./dom.js";

const COLUMNS = 128, CELL = 8, PITCH = 9, LABEL = 76, MOST = 16384, ROW_BYTES = COLUMNS * 4096;

// Pages at the same linear address (of different processes) share a cell.
function cells_of(pages) {
    const cells = new Map();
    for (const p of pages) {
        const c = cells.get(p.va) || {va: p.va, symbol: p.symbol, blocks: 0, samples: 0, guest: 0};
        c.blocks += p.blocks;
        c.samples += p.samples;
        c.guest += p["guest-bytes"];
        cells.set(p.va, c);
    }
    return [...cells.values()].sort((a, b) => a.va - b.va);
}

export class Heat {
    constructor() {
        this.by = h("select", {"aria-label": "Colour by"}, h("option", {value: "samples"}, "by time"), h("option", {value: "blocks"}, "by blocks"));
        this.by.addEventListener("change", () => this.draw());
        this.about = h("p", {class: "muted small", role: "status"});
        this.plot = h("div", {class: "panel scrolled heatmap"});
        this.plot.addEventListener("keydown", (e) => this.key(e));
        this.plot.addEventListener("focusin", (e) => this.tell(e.target));
        this.plot.addEventListener("mouseover", (e) => this.tell(e.target.closest("a")));
        this.pages = [];
        this.el = section("Code by guest page", this.by, this.about, this.plot);
    }
    async refresh() {
        if (this.plot.matches(":hover, :focus-within")) return;
        this.pages = (await ask("x-novt-tc-pages", {limit: MOST})).pages;
        this.draw();
    }
    cell(c, row, most) {
        const share = Math.log1p(c[this.by.value]) / Math.log1p(most), x = LABEL + (c.va % ROW_BYTES) / 4096 * PITCH;
        const tell = `${hex(c.va)} ${c.symbol || ""}: ${count(c.blocks)} blocks of ${bytes(c.guest)}, ${count(c.samples)} samples`;
        return svg("a", {href: `#/cache?find=${hex(c.va)}-${hex(c.va + 4095)}`, tabindex: -1, "aria-label": tell},
            svg("rect", {x, y: row * PITCH, width: CELL, height: CELL, rx: 1.5, class: "page-cell", "fill-opacity": (0.13 + 0.87 * share).toFixed(2)}));
    }
    draw() {
        const cells = cells_of(this.pages), most = Math.max(1, ...cells.map((c) => c[this.by.value]));
        const starts = [...new Set(cells.map((c) => Math.floor(c.va / ROW_BYTES)))], row = new Map(starts.map((s, i) => [s, i]));
        const labels = starts.map((s, i) => svg("text", {x: 0, y: i * PITCH + CELL - 0.5}, hex(s * ROW_BYTES)));
        const width = LABEL + COLUMNS * PITCH, height = Math.max(1, starts.length) * PITCH;
        const all = cells.map((c) => this.cell(c, row.get(Math.floor(c.va / ROW_BYTES)), most));
        all[0]?.setAttribute("tabindex", 0);
        this.summary = `${count(this.pages.length)} pages with code. A row is ${bytes(ROW_BYTES)}; a click lists a page's blocks.`;
        this.about.textContent = this.summary;
        this.plot.replaceChildren(svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": "Code by guest page"}, labels, all));
    }
    tell(link) { this.about.textContent = link?.getAttribute?.("aria-label") || this.summary; }
    // Arrows go from page to page; there is one stop for Tab.
    key(e) {
        const by = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[e.key], all = [...this.plot.querySelectorAll("a")];
        const next = by && all[all.indexOf(document.activeElement) + by];
        if (!next) return;
        e.preventDefault();
        next.focus();
    }
}
