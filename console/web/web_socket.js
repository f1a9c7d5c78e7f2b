// web_socket.js: the machine's WebSockets: /ws/screen and /ws/serial.

export const address = (path) => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;

// The page has just been opened and nothing in it been chosen: what it shows may take the keyboard.
export const may_focus = (root) => !root.contains(document.activeElement) || document.activeElement === root;

// Why one was closed, for the user. The machine's own words, if it had some.
export function why_closed(event) {
    if (event?.reason) return event.reason[0].toUpperCase() + event.reason.slice(1) + ".";
    return "Not connected: the machine has ended, or too many are connected.";
}
