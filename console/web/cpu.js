// cpu.js: registers, memory and code by address.
import {ask, printed, value} from "./api.js";
import {field, h, hex, section} from "./dom.js";

export const title = "Registers & memory";

const PAGE = 256; // bytes of memory shown
const FLAGS = [[0, "CF"], [2, "PF"], [4, "AF"], [6, "ZF"], [7, "SF"], [8, "TF"], [9, "IF"], [10, "DF"], [11, "OF"], [14, "NT"],
               [16, "RF"], [17, "VM"], [18, "AC"], [19, "VIF"], [20, "VIP"], [21, "ID"]];

// ---- Registers ----

const groups = [
    ["General", ["eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp"]],
    ["Control", ["eip", "eflags", "cr0", "cr2", "cr3", "cr4"]],
    ["Debug", ["dr0", "dr1", "dr2", "dr3", "dr6", "dr7"]],
    ["System", ["efer", "apicbase", "tsc"]],
];

class Registers {
    constructor() {
        this.before = null;
        this.el = h("div");
    }
    number(r, name, digits = 8) {
        const changed = this.before && this.before[name] !== r[name];
        return h("div", {class: changed ? "reg changed" : "reg"}, h("span", {}, name), h("b", {class: "mono", data: {register: name}}, hex(r[name], digits)));
    }
    segments(r) {
        const row = (name) => {
            const s = r[name], table = name === "gdt" || name === "idt";
            return h("tr", {}, h("th", {scope: "row"}, name), [table ? "" : hex(s.selector, 4), hex(s.base), hex(s.limit), table ? "" : hex(s.attributes, 4)]
                     .map((t) => h("td", {class: "mono"}, t)));
        };
        const head = ["", "selector", "base", "limit", "attributes"].map((t) => h("th", {scope: "col"}, t));
        return h("div", {class: "panel scrolled"}, h("h3", {}, "Segments and tables"), h("table", {class: "plain"}, h("thead", {}, h("tr", {}, head)),
                 h("tbody", {}, ["cs", "ds", "es", "ss", "fs", "gs", "ldt", "tr", "gdt", "idt"].map(row))));
    }
    float(f) {
        const list = (label, all) => all.map((v, i) => h("div", {class: "reg wide"}, h("span", {}, label + i), h("b", {class: "mono"}, v)));
        const words = ["fcw", "fsw", "ftw", "mxcsr"].map((n) => h("div", {class: "reg"}, h("span", {}, n), h("b", {class: "mono"}, hex(f[n], n === "mxcsr" ? 8 : 4))));
        return h("details", {class: "panel", open: this.float_open, ontoggle: (e) => { this.float_open = e.target.open; }},
                 h("summary", {}, "FPU and SSE"), h("div", {class: "regs"}, words), h("div", {class: "regs wide"}, list("st", f.st), list("xmm", f.xmm)));
    }
    set(r) {
        const flags = FLAGS.map(([bit, name]) => h("span", {class: r.eflags >>> bit & 1 ? "flag on" : "flag"}, name));
        const state = `CPL ${r.cpl}, A20 ${r.a20 ? "on" : "off"}${r.halted ? ", halted" : ""}${r.inhibit ? ", interrupts inhibited" : ""}`;
        const [general, control, debug, system] = groups.map(([name, all]) => h("div", {class: "panel"}, h("h3", {}, name),
            h("div", {class: name === "System" ? "regs one" : "regs"}, all.map((n) => this.number(r, n, n === "efer" || n === "tsc" ? 16 : 8)))));
        control.append(h("p", {class: "flags", "aria-label": "Flags"}, flags), h("p", {class: "muted small"}, state));
        this.el.replaceChildren(h("div", {class: "columns"}, h("div", {class: "stack"}, general, control), h("div", {class: "stack"}, debug, system),
                                this.segments(r)), this.float(r.fpu));
        this.before = r;
    }
}

// ---- Memory ----

const ascii = (b) => (b >= 32 && b < 127 ? String.fromCharCode(b) : "·");

function dump(at, text) {
    const rows = [];
    for (let i = 0; i < text.length / 2; i += 16) {
        const b = Array.from({length: 16}, (_, k) => parseInt(text.slice(2 * (i + k), 2 * (i + k) + 2), 16));
        const part = (from) => b.slice(from, from + 8).map((v) => hex(v, 2)).join(" ");
        rows.push(`${hex(at + i)}  ${part(0)}  ${part(8)}  ${b.map(ascii).join("")}`);
    }
    return rows.join("\n");
}

function memory(start, physical) {
    const out = h("pre", {class: "panel scrolled dump", "aria-live": "polite"});
    const space = h("label", {class: "choice"}, h("span", {}, "Address is"), h("select", {},
        h("option", {value: "linear"}, "linear"), h("option", {value: "physical", selected: physical}, "physical")));
    const choice = space.querySelector("select");
    let at = null;
    const show = async (address) => {
        const is_physical = choice.value === "physical";
        at = is_physical ? address : address >>> 0;
        const r = await ask("x-novt-memory", {address: at, size: PAGE, physical: is_physical});
        out.textContent = dump(at, r.hex);
    };
    const form = field("Memory at", {value: start, hint: "$esp, 0xc0000000, $ebp-16", extra: space, failed: () => { out.textContent = ""; },
        submit: async (text) => show(await value(text))});
    const move = (by) => h("button", {type: "button", onclick: () => {
        if (at === null) return;
        form.input.value = "0x" + hex(Math.max(0, at + by));
        form.run();
    }}, by < 0 ? "Previous" : "Next");
    choice.addEventListener("change", () => form.run());
    form.append(h("span", {class: "buttons"}, move(-PAGE), move(PAGE)));
    form.run();
    return section("Memory", null, form, out);
}

// ---- Code ----

function code(start) {
    const out = h("pre", {class: "panel scrolled code", "aria-live": "polite"});
    const form = field("Code at (linear)", {value: start, hint: "$pc, 0xc0100000", failed: () => { out.textContent = ""; },
        submit: async (text) => { out.textContent = await printed(`x/32i ${text}`); }});
    form.run();
    return [section("Code", null, form, out), form];
}

export function open(root, path, query) {
    const registers = new Registers(), [listing, form] = code(query.get("code") || "$pc");
    root.append(section("Registers", h("span", {class: "muted small"}, "every second; what has changed is marked"), registers.el),
                h("div", {class: "pair"}, listing, memory(query.get("memory") || "$esp", query.get("space") === "physical")));
    const tick = async () => registers.set(await ask("x-novt-registers"));
    const follow = async () => {
        await tick();
        if (form.input.value === "$pc" && document.activeElement !== form.input) await form.run();
    };
    tick().catch(() => {});
    return {tick: follow};
}
