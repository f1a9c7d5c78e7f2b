"use strict";
const at = (id) => document.getElementById(id);
async function ask(execute) {
    const r = await fetch("/api", {method: "POST", headers: {"Content-Type": "application/json"},
                                   body: JSON.stringify({execute})});
    if (!r.ok) throw new Error(await r.text());
    const answer = await r.json();
    if (answer.error) throw new Error(answer.error);
    return answer.return;
}
function row(texts, kind) {
    const tr = document.createElement("tr");
    for (const t of texts) tr.appendChild(document.createElement(kind)).textContent = t;
    return tr;
}
async function show() {
    try {
        at("state").textContent = (await ask("query-status")).status;
        const stats = await ask("x-novt-stats"), wanted = at("search").value.toLowerCase(), rows = [];
        for (const [group, counters] of Object.entries(stats)) {
            const found = Object.entries(counters).filter(([n]) => `${group} ${n}`.toLowerCase().includes(wanted));
            if (found.length) rows.push(row([group], "th"), ...found.map((c) => row(c, "td")));
        }
        at("counters").replaceChildren(...rows);
        at("error").textContent = "";
    } catch (e) { at("error").textContent = e.message; }
}
for (const b of document.querySelectorAll("[data-do]"))
    b.addEventListener("click", () => ask(b.dataset.do).then(show, (e) => { at("error").textContent = e.message; }));
at("search").addEventListener("input", show);
history.replaceState(null, "", "/");
(async () => { for (;;) { await show(); await new Promise((r) => setTimeout(r, 1000)); } })();
