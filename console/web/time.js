// time.js: where time goes, as tc stat knows it: a bar of shares and what they are made of.
import {count, h, percent} from "./dom.js";

// Parts of the command's time, as its text has them.
const groups = [
    ["Translated code", ["blocks", "stubs"]], ["Translator", ["translator", "engine"]], ["Callouts", ["callouts", "exceptions", "monitor"]],
    ["Shadow faults", ["faults", "accesses"]], ["Devices", ["ports", "registers", "events"]], ["Idle", ["idle"]],
];
const sum = (time, parts) => parts.reduce((s, p) => s + time[p], 0);

export class Time {
    constructor() {
        this.el = h("div", {class: "panel time"});
    }
    // Of all time, or of what has passed since `before`.
    set(time, before = null) {
        const part = (names) => sum(time, names) - (before ? sum(before, names) : 0), total = time.total - (before ? before.total : 0);
        const shares = groups.map(([, parts]) => Math.max(0, part(parts)));
        const bar = shares.map((n, i) => h("div", {class: `share line${i}`, title: `${groups[i][0]} ${percent(n, total)}`}));
        const items = groups.map(([label, parts], i) => h("li", {class: `line${i}`, data: {time: label}}, h("span", {}, label), h("b", {}, percent(shares[i], total)),
            parts.length > 1 ? h("span", {class: "parts"}, parts.map((p) => `${p} ${percent(part([p]), total)}`).join(", ")) : null));
        this.el.replaceChildren(h("div", {class: "stacked", "aria-hidden": "true"}, bar), h("ul", {class: "legend"}, items),
            h("p", {class: "muted small"}, `of ${count(total)} ms of the machine's time, sampled each millisecond`));
        bar.forEach((b, i) => { b.style.flexGrow = total ? shares[i] / total : 0; });
    }
}
