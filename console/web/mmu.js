// mmu.js: the shadow MMU: one address through the guest's tables and our caches, views, differences.
import {ask, line} from "./api.js";
import {columns, Counting} from "./counting.js";
import {bytes, count, field, h, hex, section} from "./dom.js";
import {Table} from "./table.js";

export const title = "Shadow MMU";

const ROWS = 200;

// ---- A walk ----

const BITS = [[0, "P"], [1, "W"], [2, "U"], [3, "PWT"], [4, "PCD"], [5, "A"], [6, "D"], [7, "PS"], [8, "G"]];
const bits = (e) => BITS.filter(([b]) => (e >> b) & 1).map(([, n]) => n).join(" ");

const step = (label, value, more) => h("li", {class: "step panel"}, h("h3", {}, label), h("b", {class: "mono"}, value), h("span", {class: "muted small"}, more || ""));

function target(to) {
    const what = to.device ? `device ${to.device}` : to.frame < 0 ? "no memory" : `frame ${hex(to.frame, 5)}${to.code ? ", with translated code" : ""}`;
    const rights = [to.user ? "user" : "supervisor", to.writable ? "writable" : "read-only", to.dirty && "dirty", to.global && "global"].filter(Boolean).join(", ");
    return step("physical", hex(to.physical), `${bytes(to["page-size"])} page, ${rights}; ${what}`);
}

function shadow(label, p) {
    const tlb = ["read", "write", "code"].filter((k) => p[`tlb-${k}`]).join(", ") || "nothing";
    const view = p.view ? `frame ${hex(p["view-frame"], 5)}, ${p["view-writable"] ? "writable" : "read-only"}` : "not mapped";
    return h("tr", {}, h("th", {scope: "row"}, label), h("td", {}, tlb), h("td", {}, view));
}

function walked(w) {
    const steps = [step("linear", hex(w.va))];
    if (!w.paging) steps.push(step("paging", "off"));
    else for (const k of ["cr3", "pdpte", "pde", "pte"]) if (w[k] !== undefined) steps.push(step(k, hex(w[k], w.pae ? 16 : 8), k === "cr3" ? "" : bits(w[k])));
    steps.push(w.present ? target(w.to) : step("physical", "not present"));
    return [h("ol", {class: "walk"}, steps), h("div", {class: "scroll"}, h("table", {}, h("thead", {}, h("tr", {},
        ["Access by", "TLB for checked accesses", "View for direct accesses"].map((t) => h("th", {scope: "col"}, t)))),
        h("tbody", {}, shadow("supervisor", w.supervisor), shadow("user", w.user))))];
}

function walk(start) {
    const out = h("div", {class: "stack", "aria-live": "polite"});
    const form = field("Linear address", {value: start, hint: "$esp, 0xc0000000", button: "Walk", failed: () => out.replaceChildren(),
        submit: async (text) => out.replaceChildren(...walked(await line(`mmu walk ${text}`)))});
    form.input.dataset.search = "";
    form.run();
    return section("One address", form, out);
}

// ---- Views ----

const kind = (v) => h("span", {}, v.kind, v.current ? h("span", {class: "tag good"}, "current") : "");

function spaces_table() {
    return new Table({name: "Views", key: (v) => v.view, by: 3, columns: [
        {label: "View", cell: (v) => h("a", {href: `#/mmu/view/${v.view}`}, String(v.view)), sort: (v) => v.view},
        {label: "Kind", cell: kind, sort: (v) => v.kind},
        {label: "CR3", cell: (v) => (v.cr3 === undefined ? "" : hex(v.cr3)), sort: (v) => v.cr3 || 0, class: "mono"},
        {label: "Pages", num: true, cell: (v) => count(v.pages), sort: (v) => v.pages},
        {label: "Writable", num: true, cell: (v) => count(v.writable), sort: (v) => v.writable},
        {label: "Large regions", num: true, cell: (v) => count(v["large-regions"]), sort: (v) => v["large-regions"]},
        {label: "Page tables", num: true, cell: (v) => count(v["page-regions"]), sort: (v) => v["page-regions"]},
        {label: "Host mappings", num: true, cell: (v) => count(v.vmas), sort: (v) => v.vmas},
        {label: "User code", cell: (v) => (!v.mature ? "checked" : v.low ? "direct, window at 0" : "direct"), sort: (v) => (v.mature ? 1 : 0) + (v.low ? 1 : 0)},
    ]});
}

function budget(s) {
    return [h("meter", {min: 0, max: s.budget, value: s.vmas, "aria-label": "host mappings"}),
            ` ${count(s.vmas)} of ${count(s.budget)} host mappings, ${count(s.tables)} page tables kept, ${count(s["reverse-map"])} writable pages watched`];
}

function open_view(root, number) {
    const table = new Table({name: `View ${number}`, columns: [
        {label: "From", cell: (r) => hex(r.va), class: "mono", sort: (r) => r.va},
        {label: "To", cell: (r) => hex(r.va + r.pages * 4096 - 1), class: "mono"},
        {label: "Size", num: true, cell: (r) => bytes(r.pages * 4096), sort: (r) => r.pages},
        {label: "Frame", cell: (r) => hex(r.frame, 5), class: "mono", sort: (r) => r.frame},
        {label: "Rights", cell: (r) => (r.writable ? "read, write" : "read"), sort: (r) => (r.writable ? 1 : 0)},
    ], by: 0, down: false, empty: "This view maps nothing at present."});
    const about = h("p", {class: "muted small"});
    root.append(h("p", {class: "crumbs"}, h("a", {href: "#/mmu"}, "Shadow MMU"), ` / view ${number}`), section(`View ${number}`, null, about, table.el));
    ask("x-novt-mmu-view", {view: Number(number)}).then((r) => {
        const pages = r.runs.reduce((s, x) => s + x.pages, 0);
        about.textContent = `${count(pages)} pages in ${count(r.runs.length)} runs${r.runs.length > ROWS ? `; the first ${ROWS} are shown` : ""}${r.complete ? "" : ", and more"}`;
        table.set(r.runs.slice(0, ROWS));
    }, (e) => { about.textContent = e.message; });
}

// ---- Differences ----

const kinds = [["same", "as in the tables"], ["absent", "not mapped yet"], ["stale", "stale"], ["too-much", "too many rights"]];

function differences() {
    const out = h("div", {class: "stack"}), button = h("button", {type: "button"}, "Compare now");
    button.addEventListener("click", async () => {
        button.disabled = true;
        try {
            const d = await ask("x-novt-mmu-diff");
            const rows = Object.entries(d).map(([who, v]) => h("tr", {}, h("th", {scope: "row"}, who), kinds.map(([k]) => h("td", {class: "num"}, count(v[k])))));
            const pages = Object.entries(d).flatMap(([who, v]) => v.pages.map((p) => `${who} ${hex(p.va)} ${p.what}, frame ${hex(p.frame, 5)}`));
            out.replaceChildren(h("div", {class: "scroll"}, h("table", {}, h("thead", {}, h("tr", {}, h("th", {scope: "col"}, "View"),
                kinds.map(([, t]) => h("th", {class: "num", scope: "col"}, t)))), h("tbody", {}, rows))), pages.length ? h("pre", {class: "panel scrolled"}, pages.join("\n")) : "");
        } catch (e) { out.replaceChildren(h("p", {class: "wrong"}, e.message)); }
        button.disabled = false;
    });
    return section("The guest's tables against the views", button, out);
}

// ---- Faults ----

const faults = () => new Counting({title: "Faults by place", what: "faults", command: "x-novt-mmu-faults", lists: [
    {name: "By instruction", member: "by-pc", by: 0, columns: [columns.count, columns.kind, columns.pc, columns.symbol]},
    {name: "By page", member: "by-page", by: 0, columns: [columns.count, columns.kind,
        {label: "Page", cell: (r) => hex(r.page) + (r.kind === "smc" ? " physical" : ""), class: "mono", sort: (r) => r.page}]},
]});

// ---- The page ----

export function open(root, path, query) {
    if (path[0] === "view") return open_view(root, path[1]);
    const table = spaces_table(), about = h("p", {class: "muted small"}), places = faults();
    root.append(walk(query.get("walk") || "$eip"), section("Views", null, about, table.el), differences(), places.el);
    const tick = async () => {
        const s = await ask("x-novt-mmu-spaces");
        about.replaceChildren(...budget(s));
        table.set(s.views);
        await places.refresh();
    };
    tick().catch(() => {});
    return {tick};
}
