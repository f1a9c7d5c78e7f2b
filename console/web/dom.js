// dom.js: elements and numbers. Text is always set as text: names come from the guest.

function fill(e, props, children) {
    for (const [k, v] of Object.entries(props || {})) {
        if (v === undefined || v === null || v === false) continue;
        if (k.startsWith("on")) e.addEventListener(k.slice(2), v);
        else if (k === "data") Object.assign(e.dataset, v);
        else e.setAttribute(k, v === true ? "" : v);
    }
    e.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
    return e;
}

export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);
export const svg = (tag, props, ...children) => fill(document.createElementNS("http://www.w3.org/2000/svg", tag), props, children);

export const hex = (n, digits = 8) => n.toString(16).padStart(digits, "0");
const whole = new Intl.NumberFormat("en-US", {maximumFractionDigits: 0});
export const count = (n) => whole.format(n);
export const ratio = (a, b, digits = 1) => (b ? (a / b).toFixed(digits) : "–");
export const percent = (a, b) => (b ? (100 * a / b).toFixed(1) + " %" : "–");

// 1234567 -> "1.2 M".
export function short(n) {
    for (const [limit, letter] of [[1e9, " G"], [1e6, " M"], [1e3, " k"]])
        if (Math.abs(n) >= limit) return (n / limit).toFixed(n / limit < 10 ? 1 : 0) + letter;
    return Number.isInteger(n) ? String(n) : n.toFixed(n < 10 ? 1 : 0);
}
export function bytes(n) {
    for (const [limit, letter] of [[1 << 30, " GiB"], [1 << 20, " MiB"], [1 << 10, " KiB"]])
        if (n >= limit) return (n / limit).toFixed(n / limit < 10 ? 1 : 0) + letter;
    return n + " B";
}

// A section with a heading; `tools` stand beside that.
export const section = (title, tools, ...children) =>
    h("section", {}, h("div", {class: "head"}, h("h2", {}, title), tools), ...children);

// A form of one text field; submit(value) may throw, which is shown below, after failed().
export function field(label, {value = "", hint, button = "Show", extra, submit, failed}) {
    const input = h("input", {value, spellcheck: "false", autocomplete: "off", placeholder: hint || null});
    const error = h("p", {class: "wrong", role: "status"});
    const form = h("form", {class: "field"}, h("label", {}, h("span", {}, label), input), extra, h("button", {}, button), error);
    form.run = async () => {
        try {
            await submit(input.value.trim());
            error.textContent = "";
        } catch (e) {
            failed?.();
            error.textContent = e.message;
        }
    };
    form.input = input;
    form.addEventListener("submit", (e) => { e.preventDefault(); form.run(); });
    return form;
}
