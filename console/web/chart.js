// chart.js: a live chart of a few lines over the last minutes, in SVG.
import {h, svg, short} from "./dom.js";

const W = 300, H = 90, SPAN = 120; // units of the drawing; seconds shown

// A round number not below n.
function round_up(n) {
    const power = 10 ** Math.floor(Math.log10(n));
    return [1, 2, 5, 10].map((f) => f * power).find((v) => v >= n);
}

export class Chart {
    // lines: [{label, points()}]; max: of the scale, else it follows the values; unit: behind numbers.
    constructor({title, lines, max, unit = "", format = short}) {
        Object.assign(this, {lines, max, unit, format});
        this.now = lines.map(() => h("b"));
        this.top = h("span", {class: "top"});
        this.plot = svg("svg", {viewBox: `0 0 ${W} ${H}`, preserveAspectRatio: "none", role: "img", "aria-label": title});
        const legend = lines.map((l, i) => h("li", {class: `line${i}`}, h("span", {}, l.label), this.now[i]));
        this.el = h("figure", {class: "chart"}, h("figcaption", {}, title), h("ul", {class: "legend"}, legend),
                    h("div", {class: "plot"}, this.top, this.plot),
                    h("div", {class: "axis"}, h("span", {}, `${SPAN / 60} min ago`), h("span", {}, "now")));
    }
    draw() {
        const all = this.lines.map((l) => l.points().filter(([age]) => age <= SPAN));
        const highest = Math.max(0, ...all.flat().map((p) => p[1]));
        const max = this.max ?? round_up(Math.max(highest, 1));
        const grid = [0.25, 0.5, 0.75].map((y) => svg("line", {x1: 0, x2: W, y1: H * y, y2: H * y, class: "grid"}));
        const at = ([age, v]) => `${(W - age * W / SPAN).toFixed(1)},${(H - Math.min(v / max, 1) * (H - 2) - 1).toFixed(1)}`;
        this.top.textContent = this.format(max) + this.unit;
        this.plot.replaceChildren(...grid, ...all.flatMap((points, i) => this.line(points, i, at)));
        all.forEach((points, i) => {
            this.now[i].textContent = points.length ? this.format(points[points.length - 1][1]) + this.unit : "–";
        });
    }
    line(points, i, at) {
        if (points.length < 2) return [];
        const path = points.map(at).join(" "), first = at(points[0]).split(",")[0];
        const under = `${first},${H} ${path} ${W},${H}`;
        return [i ? "" : svg("polygon", {points: under, class: `area line${i}`}), svg("polyline", {points: path, class: `line${i}`})];
    }
}
