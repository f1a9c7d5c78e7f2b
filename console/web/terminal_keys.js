// terminal_keys.js: what a terminal sends for the keys that are no text.

const ARROWS = {ArrowUp: "A", ArrowDown: "B", ArrowRight: "C", ArrowLeft: "D", End: "F", Home: "H"};
const TILDES = {Insert: 2, Delete: 3, PageUp: 5, PageDown: 6, F5: 15, F6: 17, F7: 18, F8: 19, F9: 20, F10: 21, F11: 23, F12: 24};
const FUNCTIONS = {F1: "P", F2: "Q", F3: "R", F4: "S"};
const CONTROLS = {" ": 0, "@": 0, "2": 0, "[": 27, "3": 27, "\\": 28, "4": 28, "]": 29, "5": 29, "^": 30, "6": 30, "_": 31, "-": 31, "7": 31, "/": 31, "8": 127, "?": 127};

const control = (key) => {
    if (/^[a-z]$/i.test(key)) return String.fromCharCode(key.toUpperCase().charCodeAt(0) & 31);
    return Object.hasOwn(CONTROLS, key) ? String.fromCharCode(CONTROLS[key]) : null;
};

function special(e, application) {
    const modifiers = 1 + (e.shiftKey ? 1 : 0) + (e.altKey ? 2 : 0) + (e.ctrlKey ? 4 : 0), more = modifiers > 1 ? `1;${modifiers}` : "";
    if (Object.hasOwn(ARROWS, e.key)) return more || !application ? `\x1b[${more}${ARROWS[e.key]}` : `\x1bO${ARROWS[e.key]}`;
    if (Object.hasOwn(FUNCTIONS, e.key)) return more ? `\x1b[${more}${FUNCTIONS[e.key]}` : `\x1bO${FUNCTIONS[e.key]}`;
    if (Object.hasOwn(TILDES, e.key)) return `\x1b[${TILDES[e.key]}${modifiers > 1 ? ";" + modifiers : ""}~`;
    const escape = e.altKey ? "\x1b" : "";
    switch (e.key) {
    case "Enter": return escape + "\r";
    case "Backspace": return escape + (e.ctrlKey ? "\b" : "\x7f");
    case "Tab": return e.shiftKey ? "\x1b[Z" : e.ctrlKey || e.altKey ? null : "\t";
    case "Escape": return escape + "\x1b";
    }
    return null;
}

// e: a keydown event. null: not ours; it is text (which comes as input), or the browser's.
export function key_bytes(e, application) {
    if (e.metaKey || e.isComposing) return null;
    if (e.key.length > 1) return special(e, application);
    if (e.getModifierState?.("AltGraph")) return null;
    if (e.ctrlKey && e.shiftKey && /^[cvijknrtw]$/i.test(e.key)) return null; // copy, paste, and the browser's own
    const byte = e.ctrlKey ? control(e.key) : e.altKey ? e.key : null;
    return byte === null ? null : e.altKey ? "\x1b" + byte : byte;
}

// Pasted text as typed: lines end with Enter, and the guest may have asked for marks around it. None of the text may look
// like the mark at the end.
export function paste_bytes(text, marks) {
    const typed = text.replace(/\r?\n/g, "\r");
    return marks ? `\x1b[200~${typed.replaceAll("\x1b", "")}\x1b[201~` : typed;
}
