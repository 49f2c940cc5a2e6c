// The official TypeScript SDK's client, version 1.
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { LoggingMessageNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { named } from './steps.mjs';
import { run } from './tools.mjs';

await run(async (plan, onMessage) => {
    const client = new Client({ name: 'interop', version: '1.0.0' });
    client.setNotificationHandler(LoggingMessageNotificationSchema, onMessage);
    const transport = new StreamableHTTPClientTransport(new URL(plan.url));
    await client.connect(transport);
    client.call = (params, options) => client.callTool(params, undefined, options);
    const close = async () => {
        await transport.terminateSession();
        await client.close();
    };
    return { client, name: named('@modelcontextprotocol/sdk'), revision: () => transport.protocolVersion, close };
});
