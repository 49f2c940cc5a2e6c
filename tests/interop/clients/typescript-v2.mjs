// The official TypeScript SDK's client, version 2.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { named } from './steps.mjs';
import { run } from './tools.mjs';

await run(async (plan, onMessage) => {
    const mode = plan.stateless ? { pin: '2026-07-28' } : 'legacy';
    const client = new Client({ name: 'interop', version: '1.0.0' }, { versionNegotiation: { mode } });
    client.setNotificationHandler('notifications/message', onMessage);
    const transport = new StreamableHTTPClientTransport(new URL(plan.url));
    await client.connect(transport);
    client.call = (params, options) => client.callTool(params, options);
    const close = async () => {
        if (!plan.stateless) {
            await transport.terminateSession();
        }
        await client.close();
    };
    return { client, name: named('@modelcontextprotocol/client'), revision: () => client.getNegotiatedProtocolVersion(), close };
});
