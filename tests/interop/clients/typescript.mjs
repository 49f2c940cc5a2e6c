// What the clients in TypeScript share: the steps, and how what was seen of
// each is told. `open` connects and says which revision was agreed on.
import { readFileSync } from 'node:fs';

// Does the steps of the plan in `process.argv[2]`, and prints what was seen.
export async function run(open) {
    const plan = JSON.parse(process.argv[2]);
    const heard = [];
    let wake = () => {};
    const onMessage = (message) => {
        heard.push(message.params.data);
        wake();
    };
    const { client, name, revision, close } = await open(plan, onMessage);
    const seen = [];
    for (const step of plan.steps) {
        try {
            seen.push(await take(step));
        } catch (error) {
            const { code, message, data } = error;
            seen.push(code === undefined ? { other: String(error) } : { error: { code, message, data } });
        }
    }
    console.log(JSON.stringify({ client: name, revision: revision(), seen }));
    await close();
    process.exit(0);

    async function take(step) {
        if (step.list) {
            const { tools } = await client.listTools();
            return { tools: tools.map((tool) => tool.name) };
        }
        if (step.hear) {
            while (heard.length === 0) {
                await new Promise((resolve) => (wake = resolve));
            }
            return { heard: heard.length };
        }
        let progress = 0;
        let all = () => {};
        const onprogress = () => {
            progress += 1;
            if (progress === step.progress) {
                all();
            }
        };
        const came = step.progress && new Promise((resolve) => (all = resolve));
        const params = { name: step.call, arguments: step.arguments };
        const result = await client.call(params, step.progress ? { onprogress } : undefined);
        // They may be handed on beside the answer, and so a moment late.
        await Promise.race([came, step.progress && late()]);
        const why = result._meta?.['mcp-policy-filter/denial'];
        return { text: result.content[0]?.text ?? '', failed: result.isError === true, progress, why };
    }
}

function late() {
    return new Promise((resolve) => setTimeout(resolve, 10_000));
}

// A package with its version.
export function named(name) {
    const file = new URL(`node_modules/${name}/package.json`, import.meta.url);
    return `${name} ${JSON.parse(readFileSync(file)).version}`;
}
