// block.js: one block: guest code beside host code, and the graph of what it leads to.
import {ask, printed} from "./api.js";
import {count, h, hex, section} from "./dom.js";
import {draw_graph} from "./graph.js";
import {Table} from "./table.js";

const host_address = (n) => n.toString(16);
const tag = (text, kind = "") => h("span", {class: `tag ${kind}`}, text);

// ---- Facts ----

function facts(b) {
    const list = [["Mode", b.kind], ["Accesses", b.direct ? "direct" : "checked"], ["Samples", count(b.samples)], ["Faults", count(b.faults)],
                  ["Instructions", count(b.instructions)], ["Guest bytes", count(b["guest-bytes"])],
                  ["Host bytes", `${count(b["hot-bytes"])} hot, ${count(b["cold-bytes"])} cold`], ["Guest frame", hex(b.frame, 5)]];
    return h("dl", {class: "panel facts"}, list.map(([k, v]) => h("div", {}, h("dt", {}, k), h("dd", {}, v))));
}

// ---- Listings ----

function tags(n) {
    const all = [tag(n.class)];
    if (n.reason) all.push(tag(n.reason, "sensitive"));
    if (n.flags !== "untouched") all.push(tag(`flags ${n.flags}`, "kept"));
    if (n.identical) all.push(tag("identical", "good"));
    if (n["guilty-until"]) all.push(tag("guilty", "guilty"));
    return h("div", {class: "tags", title: n.title || null}, all);
}

const host_cells = (l) => (l ? [h("td", {class: "at"}, host_address(l.at)), h("td", {class: "host"}, l.text)] : [h("td"), h("td")]);

// An instruction and its host code, side by side; a body of the table each.
function instruction(n) {
    const rows = n.hot.length ? n.hot : [null], span = {rowspan: rows.length};
    return h("tbody", {}, rows.map((l, i) => h("tr", {},
        i ? null : [h("td", {class: "at", ...span}, hex(n.at)), h("td", {class: "guest", ...span}, h("span", {class: "guest-text"}, n.text), tags(n))],
        host_cells(l))));
}

function entry(lines) {
    if (!lines.length) return null;
    return h("tbody", {}, lines.map((l, i) => h("tr", {}, i ? null : h("td", {class: "muted", colspan: 2, rowspan: lines.length}, "entry from other pages"), host_cells(l))));
}

function side_by_side(b) {
    const head = h("thead", {}, h("tr", {}, h("th", {colspan: 2, scope: "colgroup"}, "Guest"), h("th", {colspan: 2, scope: "colgroup"}, "Host")));
    return h("div", {class: "scroll"}, h("table", {class: "listing", "aria-label": "Guest code beside host code"}, head, entry(b["hot-entry"]), b.code.map(instruction)));
}

function out_of_line(b) {
    const lines = (all) => all.map((l) => `${host_address(l.at)}  ${l.text}`);
    const parts = [...lines(b["cold-entry"])];
    for (const n of b.code) if (n.cold.length) parts.push(`; of ${hex(n.at)} ${n.text}`, ...lines(n.cold));
    if (!parts.length) return null;
    return h("details", {class: "panel"}, h("summary", {}, `Out of line: ${count(b["cold-bytes"])} bytes of slow paths and stubs`),
             h("pre", {class: "scrolled cold"}, parts.join("\n")));
}

// Whose fault it is where the host faults; ESP is R14 and so much.
function fault_map(b) {
    const table = new Table({name: "Fault map", key: (m) => m.host, columns: [
        {label: "Host", cell: (m) => host_address(m.host), class: "mono"},
        {label: "Bytes", num: true, cell: (m) => count(m.bytes)},
        {label: "Part", cell: (m) => m.part},
        {label: "Guest", cell: (m) => (m.va === undefined ? "nobody's" : hex(m.va)), class: "mono"},
        {label: "ESP", num: true, cell: (m) => m.esp || "", title: "less R14"},
    ]});
    table.set(b.map);
    return h("details", {class: "changes"}, h("summary", {}, `Fault map: ${count(b.map.length)} ranges of host bytes`), h("div", {class: "limited"}, table.el));
}

// ---- Where it leads ----

function ways(b) {
    const items = b.ways.map((w) => h("li", {}, tag(w.kind), " ", w.to < 0 ? h("span", {class: "mono"}, hex(w.va)) :
        h("a", {href: `#/cache/block/${w.to}`, class: "mono"}, hex(w.va)), " ", w.symbol || "", w.to < 0 ? h("span", {class: "muted"}, " by the engine") : ""));
    return items.length ? h("ul", {class: "panel ways"}, items) : h("p", {class: "muted"}, "It leads nowhere directly.");
}

function download(name, text) {
    const url = URL.createObjectURL(new Blob([text], {type: "text/vnd.graphviz"}));
    h("a", {href: url, download: name}).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
}

function graph_of(b) {
    const place = h("div", {class: "panel graph"}), limit = h("select", {"aria-label": "Blocks in the graph"},
        [10, 20, 40, 80].map((n) => h("option", {value: n, selected: n === 20}, `${n} blocks`)));
    const draw = async () => {
        try { draw_graph(place, await ask("x-novt-tc-graph", {block: b.block, limit: Number(limit.value)}), b.block); }
        catch (e) { place.replaceChildren(h("p", {class: "wrong"}, e.message)); }
    };
    const dot = h("button", {type: "button", onclick: async () => download(`block-${b.block}.dot`, await printed(`tc graph ${b.block} --dot --limit ${limit.value}`))}, "Download DOT");
    limit.addEventListener("change", draw);
    draw();
    return section("Control flow", h("span", {class: "buttons"}, limit, dot), place);
}

// ---- The page ----

export function open(root, id) {
    const place = h("div");
    root.append(h("p", {class: "crumbs"}, h("a", {href: "#/cache"}, "Translation cache"), ` / block ${id}`), place);
    const show = async () => {
        const b = await ask("x-novt-tc-show", {block: Number(id)});
        const head = h("h2", {class: "title"}, h("span", {class: "mono"}, hex(b.va)), " ", b.symbol || "",
                       b.copy ? tag("copy") : null, b.dead ? tag("dead", "guilty") : null);
        place.replaceChildren(head, facts(b),
            b.dead ? h("p", {class: "wrong"}, "The block is dead: guest memory may hold other code by now.") : "",
            section("Guest and host code", h("a", {href: `#/cpu?code=0x${hex(b.va)}`}, "Memory there"), side_by_side(b), out_of_line(b), fault_map(b)),
            section("Leads to", null, ways(b)), graph_of(b));
    };
    show().catch((e) => place.replaceChildren(h("p", {class: "wrong"}, `${e.message}. A flush throws blocks away; numbers begin anew then.`)));
}
