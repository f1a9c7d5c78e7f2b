// graph.js: blocks and what they lead to, in layers from the top, as SVG. Nodes are links.
//
// Layers: the distance from the first block, so an edge goes down one layer, stays, or goes back up. In a layer nodes
// stand by the middle of those above and below them (a few sweeps of barycentres).
import {h, hex, short, svg} from "./dom.js";

const NODE = {w: 190, h: 46}, GAP = {x: 26, y: 54}, EDGE = 14;

function layers_of(nodes, edges, first) {
    const depth = new Map([[first, 0]]), next = new Map(nodes.map((n) => [n.block, []]));
    for (const e of edges) if (next.has(e.from) && next.has(e.to)) next.get(e.from).push(e.to);
    const queue = [first];
    for (const id of queue)
        for (const to of next.get(id) || [])
            if (!depth.has(to)) depth.set(to, depth.get(id) + 1), queue.push(to);
    const layers = [];
    for (const n of nodes) (layers[depth.get(n.block) ?? 0] ||= []).push(n.block);
    return {layers, depth};
}

function order(layers, edges) {
    const near = new Map(layers.flat().map((id) => [id, []]));
    for (const e of edges) if (e.from !== e.to && near.has(e.from) && near.has(e.to)) near.get(e.from).push(e.to), near.get(e.to).push(e.from);
    for (let sweep = 0; sweep < 6; sweep++) {
        const place = new Map();
        for (const l of layers) l.forEach((id, i) => place.set(id, (i + 0.5) / l.length));
        const middle = (id) => near.get(id).reduce((s, o) => s + place.get(o), place.get(id)) / (near.get(id).length + 1);
        for (const l of layers) l.sort((a, b) => middle(a) - middle(b));
    }
}

function positions(layers) {
    const width = Math.max(...layers.map((l) => l.length)) * (NODE.w + GAP.x) - GAP.x, at = new Map();
    layers.forEach((l, y) => {
        const left = (width - l.length * (NODE.w + GAP.x) + GAP.x) / 2;
        l.forEach((id, i) => at.set(id, {x: left + i * (NODE.w + GAP.x), y: y * (NODE.h + GAP.y)}));
    });
    return {at, width, height: layers.length * (NODE.h + GAP.y) - GAP.y};
}

function path(e, at, nth, middle) {
    const a = at.get(e.from), b = at.get(e.to);
    if (e.from === e.to) {
        const x = a.x + NODE.w, y = a.y + NODE.h / 2;
        return `M${x - 12},${a.y + NODE.h} C${x - 4},${y + 52} ${x + 30},${y + 20} ${x + 1},${y}`;
    }
    if (b.y > a.y) {
        const x0 = a.x + NODE.w / 2 + nth * EDGE, y0 = a.y + NODE.h, x1 = b.x + NODE.w / 2, bend = (b.y - y0) / 2;
        return `M${x0},${y0} C${x0},${y0 + bend} ${x1},${b.y - bend} ${x1},${b.y - 1}`;
    }
    const right = a.x + NODE.w / 2 >= middle, side = right ? NODE.w : 0, sign = right ? 1 : -1; // around, on the nearer side
    const x0 = a.x + side, x1 = b.x + side, far = (right ? Math.max(x0, x1) : Math.min(x0, x1)) + sign * (26 + (a.y - b.y) / 10);
    return `M${x0},${a.y + NODE.h / 2} C${far},${a.y + NODE.h / 2} ${far},${b.y + NODE.h / 2} ${x1 + sign},${b.y + NODE.h / 2}`;
}

const cut = (s, n) => (s.length > n ? s.slice(0, n - 1) + "…" : s);

function node(n, p, first, most) {
    const heat = most ? n.samples / most : 0, label = `${hex(n.va)} ${n.symbol || ""}, ${n.samples} samples`;
    return svg("a", {href: `#/cache/block/${n.block}`, class: n.block === first ? "node first" : "node", "aria-label": label, transform: `translate(${p.x},${p.y})`},
        svg("title", {}, label), svg("rect", {width: NODE.w, height: NODE.h, rx: 7}),
        svg("rect", {width: NODE.w, height: NODE.h, rx: 7, class: "heat", "fill-opacity": (0.55 * heat).toFixed(2)}),
        svg("text", {x: 10, y: 19, class: "name"}, cut(n.symbol || hex(n.va), 23)),
        svg("text", {x: 10, y: 36, class: "more"}, `${hex(n.va)}  ${n.kind}  ${short(n.samples)} samples`));
}

export function draw_graph(place, {nodes, edges}, first) {
    const {layers} = layers_of(nodes, edges, first);
    order(layers, edges);
    const {at, width, height} = positions(layers), inside = edges.filter((e) => at.has(e.from) && at.has(e.to)), nth = new Map();
    const lines = inside.map((e) => {
        const k = nth.get(e.from) || 0;
        nth.set(e.from, k + 1);
        return svg("path", {d: path(e, at, k, width / 2 + 1), class: e.port ? "edge port" : "edge", "marker-end": "url(#arrow)"});
    });
    const most = Math.max(...nodes.map((n) => n.samples));
    const arrow = svg("marker", {id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto"}, svg("path", {d: "M0,0 8,4 0,8z"}));
    const side = 70; // for edges that go back
    const picture = svg("svg", {viewBox: `${-side} -8 ${width + 2 * side} ${height + 30}`, width: width + 2 * side, height: height + 30, role: "group",
                                "aria-label": `Graph of ${nodes.length} blocks`}, svg("defs", {}, arrow), lines, nodes.map((n) => node(n, at.get(n.block), first, most)));
    place.replaceChildren(h("div", {class: "scrolled"}, picture),
        h("p", {class: "muted small"}, "Dashed: an indirect jump or call, or a return. The fuller the colour, the more time."));
}
