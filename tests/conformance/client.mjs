// The client that the suite tests: the official SDK, which uses all that a
// server offers, whatever the scenario. The suite looks at what arrives.

import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';

const version = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION;
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');

const client = new Client(
    { name: 'conformance-client', version: '1.0.0' },
    {
        capabilities: { elicitation: { form: { applyDefaults: true } } },
        versionNegotiation: { mode: version < '2026-07-28' ? 'legacy' : 'auto' },
    },
);
client.setRequestHandler('elicitation/create', async ({ params }) => ({
    action: 'accept',
    content: sample(params.requestedSchema),
}));

/** What a schema requires, with any value of the type. */
function sample({ required = [], properties = {} }, whole) {
    const values = { number: 5, integer: 5, boolean: true, string: 'text', object: whole, array: [] };
    return Object.fromEntries(required.map((name) => [name, values[properties[name]?.type]]));
}

async function tools() {
    const { tools } = await client.listTools();
    // One scenario wants a tool's schema back, as it was understood.
    const any = ({ name, inputSchema }) => ({ name, arguments: sample(inputSchema, tools[0].inputSchema) });
    const calls = context.toolCalls ?? tools.map(any);
    for (const call of calls) {
        // Some of the suite's servers answer a call with an error on purpose.
        await client.callTool(call).catch((error) => console.error(`${call.name}: ${error.message}`));
    }
}

async function rest() {
    const { resources, prompts } = client.getServerCapabilities() ?? {};
    for (const { uri } of resources ? (await client.listResources()).resources : []) {
        await client.readResource({ uri });
    }
    for (const prompt of prompts ? (await client.listPrompts()).prompts : []) {
        const names = (prompt.arguments ?? []).map(({ name }) => [name, 'text']);
        await client.getPrompt({ name: prompt.name, arguments: Object.fromEntries(names) });
    }
}

await client.connect(new StreamableHTTPClientTransport(new URL(process.argv[2])));
await tools();
await rest();
await client.close();
