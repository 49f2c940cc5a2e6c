// The official TypeScript SDK's client, version 1, which has a type for the error that
// names an address.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { plan, run } from './asking.mjs';
import { named } from './steps.mjs';

await run(plan(), [], async () => {
    const client = new Client({ name: 'interop', version: '1.0.0' }, { capabilities: { elicitation: { url: {} } } });
    const transport = new StreamableHTTPClientTransport(new URL(plan().url));
    await client.connect(transport);
    client.call = (params) => client.callTool(params);
    return { client, name: named('@modelcontextprotocol/sdk'), revision: () => transport.protocolVersion };
});
