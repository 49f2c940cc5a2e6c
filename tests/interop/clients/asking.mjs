// What the clients in TypeScript share that ask their user to open the page of a request
// for approval. What a user sees and does is a function of the call.
export function plan() {
    return JSON.parse(process.argv[2]);
}

// A user, by the name in the call, and how often he was asked.
export function user(approvals) {
    const shown = [];
    const answer = async (name, { mode, url, message }) => {
        shown.push({ mode, url, message });
        if (name === 'patient') {
            await decided(`${approvals}/${url.split('/').at(-1)}`);
        }
        return { action: name === 'unwilling' ? 'decline' : 'accept' };
    };
    return { shown, answer };
}

// Waits until somebody has approved a request, as its own caller sees it.
async function decided(url) {
    for (;;) {
        const response = await fetch(url, { headers: { accept: 'application/json' } });
        if ((await response.json()).state === 'approved') {
            return;
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

// Does the steps of the plan, each a call by another user, and prints what was seen.
export async function run(plan, shown, open) {
    const { client, name, revision } = await open();
    const seen = [];
    for (const step of plan.steps) {
        const before = shown.length;
        const asked = () => shown.slice(before);
        try {
            const result = await client.call({ name: plan.tool, arguments: step }, step.sessionId);
            seen.push({ text: result.content[0]?.text, asked: asked() });
        } catch (error) {
            const { code, message, data, elicitations } = error;
            seen.push({ error: { kind: error.constructor.name, code, message, data, elicitations }, asked: asked() });
        }
    }
    console.log(JSON.stringify({ client: name, revision: revision(), seen }));
    process.exit(0);
}
