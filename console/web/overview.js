// overview.js: what the machine does, and all its counters.
import {ask} from "./api.js";
import {Chart} from "./chart.js";
import {bytes, count, h, section} from "./dom.js";
import {course, latest} from "./stats.js";
import {Time} from "./time.js";

export const title = "Overview";

const get = (group, ...names) => (s) => names.reduce((sum, n) => sum + (s[group]?.[n] ?? 0), 0);
const speed = (label, group, ...names) => ({label, points: () => course(get(group, ...names), {rate: true})});

// Of guest time, which stands still while the machine is stopped.
function busy(now, before) {
    const time = before ? now.machine["guest-ns"] - before.machine["guest-ns"] : 0;
    const idle = before ? now.machine["halted-ns"] - before.machine["halted-ns"] : 0;
    return time > 0 ? 100 * Math.min(1, Math.max(0, 1 - idle / time)) : 0;
}

const charts = () => [
    new Chart({title: "Processor", max: 100, unit: " %", format: (v) => v.toFixed(0),
               lines: [{label: "not halted", points: () => course(busy)}]}),
    new Chart({title: "Exits a second", lines: [speed("callouts", "translator", "callouts"),
               speed("slow accesses", "translator", "slow-accesses"), speed("TLB misses", "translator", "tlb-misses"),
               speed("direct faults", "translator", "direct-faults")]}),
    new Chart({title: "Blocks translated a second", lines: [speed("translated", "translator", "blocks"),
               speed("killed by writes", "translator", "code-writes-blocks")]}),
    new Chart({title: "Page faults a second", lines: [speed("hidden", "mmu", "hidden-faults"), speed("true", "mmu", "true-faults")]}),
    new Chart({title: "Interrupts a second", lines: [speed("interrupts", "machine", "interrupts")]}),
    new Chart({title: "Code cache", format: bytes, lines: [{label: "used", points: () => course(get("translator", "cache-used"))}]}),
];

function counters(stats, wanted) {
    const groups = [];
    for (const [group, all] of Object.entries(stats)) {
        const found = Object.entries(all).filter(([n]) => `${group} ${n}`.toLowerCase().includes(wanted));
        if (!found.length) continue;
        const rows = found.map(([n, v]) => h("tr", {}, h("th", {scope: "row"}, n), h("td", {class: "num", data: {counter: `${group}/${n}`}}, count(v))));
        groups.push(h("div", {class: "panel"}, h("h3", {}, group), h("table", {class: "plain"}, h("tbody", {}, rows))));
    }
    return groups.length ? groups : [h("p", {class: "muted"}, "No counter has this name.")];
}

export function open(root) {
    const all = charts(), search = h("input", {type: "search", placeholder: "Search counters", "aria-label": "Search counters", data: {search: ""}});
    const list = h("div", {class: "columns"}), time = new Time();
    let beats = 0;
    const draw = () => {
        if (!latest()) return;
        for (const c of all) c.draw();
        list.replaceChildren(...counters(latest(), search.value.trim().toLowerCase()));
    };
    search.addEventListener("input", draw);
    root.append(h("div", {class: "charts"}, all.map((c) => c.el)), section("Where time goes", h("span", {class: "muted small"}, "since the start"), time.el),
                section("Counters", search, list));
    draw();
    const share = async () => time.set((await ask("x-novt-tc-stat")).time);
    share().catch(() => {});
    return {tick: async () => {
        draw();
        if (++beats % 2) await share();
    }};
}
