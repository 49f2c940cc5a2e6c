// The official TypeScript SDK's client, version 1, with prompts and resources.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { run } from './offers.mjs';
import { named } from './steps.mjs';

await run(async (plan, onUpdated) => {
    const client = new Client({ name: 'interop', version: '1.0.0' });
    client.setNotificationHandler(ResourceUpdatedNotificationSchema, onUpdated);
    const transport = new StreamableHTTPClientTransport(new URL(plan.url));
    await client.connect(transport);
    const close = async () => {
        await transport.terminateSession();
        await client.close();
    };
    return { client, name: named('@modelcontextprotocol/sdk'), revision: () => transport.protocolVersion, close };
});
