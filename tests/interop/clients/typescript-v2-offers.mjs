// The official TypeScript SDK's client, version 2, with prompts and resources.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { run } from './offers.mjs';
import { named } from './steps.mjs';

await run(async (plan, onUpdated) => {
    const client = new Client({ name: 'interop', version: '1.0.0' }, { versionNegotiation: { mode: 'legacy' } });
    client.setNotificationHandler('notifications/resources/updated', onUpdated);
    const transport = new StreamableHTTPClientTransport(new URL(plan.url));
    await client.connect(transport);
    const close = async () => {
        await transport.terminateSession();
        await client.close();
    };
    return { client, name: named('@modelcontextprotocol/client'), revision: () => client.getNegotiatedProtocolVersion(), close };
});
