// app.js: what stands around the pages: navigation, state and buttons, light and dark, keys.
import {ask} from "./api.js";
import {h} from "./dom.js";
import {pages} from "./pages.js";
import {sample} from "./stats.js";

const at = (id) => document.getElementById(id);
const root = at("page");
let name = "novt", current = {}, where = null;

// ---- Errors ----

function complain(e) {
    at("error").textContent = e ? e.message : "";
    at("error").hidden = !e;
}

// ---- Navigation ----

const links = Object.entries(pages).map(([id, page], i) =>
    h("a", {href: `#/${id}`, data: {page: id}}, page.title, h("kbd", {"aria-hidden": "true"}, String(i + 1))));
at("nav").append(...links);

function open() {
    const [path, query] = location.hash.slice(2).split("?"), [id, ...rest] = path.split("/");
    const page = Object.hasOwn(pages, id) ? id : Object.keys(pages)[0];
    if (location.hash && !location.hash.startsWith("#/")) return; // inside a page
    current.close?.();
    for (const a of links)
        if (a.dataset.page === page) a.setAttribute("aria-current", "page");
        else a.removeAttribute("aria-current");
    document.title = `${pages[page].title} · ${name}`;
    const fresh = h("div", {class: `page ${page}`});
    root.replaceChildren(fresh);
    current = {};
    try { current = pages[page].open(fresh, rest, new URLSearchParams(query || "")) || {}; } catch (e) { complain(e); }
    if (where !== null && where !== page) root.focus({preventScroll: true});
    if (where !== page) scrollTo(0, 0);
    where = page;
}
addEventListener("hashchange", open);

// ---- State and buttons ----

function show_state(status) {
    const running = status.status === "running";
    at("state").textContent = status.status;
    at("state").dataset.state = running ? "running" : status.status === "shutdown" ? "ended" : "stopped";
    for (const b of document.querySelectorAll("[data-do]"))
        b.disabled = b.dataset.do === "stop" ? !running : b.dataset.do === "cont" ? running : false;
}

async function show_name() {
    name = (await ask("query-name")).name || "novt";
    at("name").textContent = name;
    document.title = `${pages[where].title} · ${name}`;
}

// A button with data-sure must be pressed twice.
function sure(b) {
    if (!b.dataset.sure || b.dataset.asked) return true;
    const label = b.textContent;
    b.dataset.asked = "1";
    b.textContent = b.dataset.sure;
    setTimeout(() => { delete b.dataset.asked; b.textContent = label; }, 3000);
    return false;
}

for (const b of document.querySelectorAll("[data-do]"))
    b.addEventListener("click", async () => {
        if (!sure(b)) return;
        try {
            await ask(b.dataset.do);
            show_state(await ask("query-status"));
        } catch (e) { complain(e); }
    });

// ---- Light and dark ----

const themes = ["auto", "light", "dark"];
function show_theme(theme) {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    at("theme").textContent = `Theme: ${theme}`;
    localStorage.setItem("novt-theme", theme);
}
function next_theme() {
    const now = document.documentElement.dataset.theme || "auto";
    show_theme(themes[(themes.indexOf(now) + 1) % themes.length]);
}
at("theme").addEventListener("click", next_theme);
show_theme(themes.includes(localStorage.getItem("novt-theme")) ? localStorage.getItem("novt-theme") : "auto");

// ---- Keys ----

// Rows of tables that lead somewhere: arrows go from one to the next.
function step(down) {
    const all = [...root.querySelectorAll("tbody a")], i = all.indexOf(document.activeElement);
    const next = i < 0 ? undefined : all[i + (down ? 1 : -1)];
    next?.focus();
    return !!next;
}

const keys = {
    "/": () => root.querySelector("[data-search]")?.focus(),
    t: next_theme,
    ArrowDown: () => step(true),
    ArrowUp: () => step(false),
};

// What is typed into a field, or into an element with data-keys (the guest's), is not for us.
addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.altKey || e.metaKey || e.defaultPrevented || e.target.closest?.("input,select,textarea,[data-keys]")) return;
    const link = /^[1-9]$/.test(e.key) && links[e.key - 1];
    if (link) location.hash = link.hash;
    else if (!Object.hasOwn(keys, e.key) || keys[e.key]() === false) return;
    e.preventDefault();
});

// ---- Life ----

async function beat() {
    try {
        show_state(await ask("query-status"));
        await sample();
        await current.tick?.();
        complain(null);
    } catch (e) { complain(e); }
}

history.replaceState(null, "", "/" + location.hash); // the token
open();
show_name().catch(complain);
for (;;) {
    if (!document.hidden) await beat();
    await new Promise((r) => setTimeout(r, 1000));
}
