// api.js: commands of the machine. All answers come from the commands that the socket has; an error is thrown.

async function post(request) {
    let r;
    try {
        r = await fetch("/api", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(request)});
    } catch {
        throw new Error("The machine does not answer: it may have ended.");
    }
    if (r.status === 403) throw new Error("Refused: open the URL that novt printed at its start.");
    if (!r.ok) throw new Error((await r.text()).trim());
    const answer = await r.json();
    if (answer.error) throw new Error(answer.error);
    return answer.return;
}

// A command of the protocol.
export const ask = (execute, args = {}) => post({execute, arguments: args});
// A line of the text console: its result, or what it prints. Lines know expressions ($eip+4).
export const line = (text) => post({line: text});
export const printed = async (text) => (await post({line: text, text: true})).text;

// An expression as a number.
export async function value(expression) {
    const text = await printed(`print ${expression}`);
    return Number(BigInt(text.trim()));
}
