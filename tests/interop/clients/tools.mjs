// The steps of a client in TypeScript that calls tools.
import * as steps from './steps.mjs';

export const run = (open) => steps.run(open, (message) => message.params.data, take);

async function take(client, step, heard) {
    if (step.list) {
        const { tools } = await client.listTools();
        return { tools: tools.map((tool) => tool.name) };
    }
    if (step.hear) {
        return { heard: (await heard.come()).length };
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

function late() {
    return new Promise((resolve) => setTimeout(resolve, 10_000));
}
