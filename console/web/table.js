// table.js: a table that sorts itself by its headings. Columns: {label, cell(row), sort(row), num, title}.
import {h} from "./dom.js";

export class Table {
    // by: index of the column to sort by, or -1: as given; sorted(column, down): whoever gives the rows sorts them.
    constructor({columns, by = -1, down = true, key, sorted, empty = "nothing", name}) {
        Object.assign(this, {columns, by, down, key, sorted, empty, rows: []});
        this.head = h("tr", {}, columns.map((c, i) => this.heading(c, i)));
        this.body = h("tbody");
        this.table = h("table", {"aria-label": name || null}, h("thead", {}, this.head), this.body);
        this.el = h("div", {class: "scroll"}, this.table);
    }
    heading(c, i) {
        const th = h("th", {class: c.num ? "num" : null, scope: "col", title: c.title || null});
        th.append(c.sort ? h("button", {onclick: () => this.choose(i)}, c.label) : c.label);
        return th;
    }
    choose(i) {
        this.down = this.by === i ? !this.down : this.columns[i].num !== undefined;
        this.by = i;
        if (this.sorted) this.sorted(this.columns[i], this.down);
        this.draw();
    }
    set(rows) {
        this.rows = rows;
        this.draw();
    }
    // The focus stays on its row.
    draw() {
        const at = this.body.contains(document.activeElement) ? document.activeElement.closest("tr").dataset.key : null;
        const c = this.columns[this.by], rows = [...this.rows];
        if (c && !this.sorted) {
            const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
            rows.sort((a, b) => (this.down ? -1 : 1) * compare(c.sort(a), c.sort(b)));
        }
        [...this.head.children].forEach((th, i) => {
            if (i === this.by) th.setAttribute("aria-sort", this.down ? "descending" : "ascending");
            else th.removeAttribute("aria-sort");
        });
        this.body.replaceChildren(...rows.map((r) => this.row(r)));
        if (!rows.length) this.body.append(h("tr", {}, h("td", {colspan: this.columns.length, class: "muted"}, this.empty)));
        if (at) [...this.body.rows].find((r) => r.dataset.key === at)?.querySelector("a,button")?.focus({preventScroll: true});
    }
    row(r) {
        return h("tr", {data: {key: this.key ? String(this.key(r)) : ""}},
                 this.columns.map((c) => h("td", {class: c.num ? "num" : c.class || null}, c.cell(r))));
    }
}
