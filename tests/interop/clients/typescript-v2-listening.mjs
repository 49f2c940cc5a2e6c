// The official TypeScript SDK's client, version 2, with streams of changes.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { named } from './steps.mjs';

const plan = JSON.parse(process.argv[2]);
const client = new Client(
    { name: 'interop', version: '1.0.0' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
);
let wake = () => {};
for (const kind of ['resources/updated', 'tools/list_changed']) {
    client.setNotificationHandler(`notifications/${kind}`, ({ params }) => wake([kind, params?.uri ?? '']));
}
await client.connect(new StreamableHTTPClientTransport(new URL(plan.url)));

const seen = [];
for (const { listen, touch } of plan.steps) {
    try {
        const filter = listen.length > 0 ? { resourceSubscriptions: listen } : { toolsListChanged: true };
        const subscription = await client.listen(filter);
        const news = new Promise((resolve) => (wake = resolve));
        let heard = null;
        if (touch !== undefined) {
            await client.callTool({ name: 'touch', arguments: { uri: touch } });
            heard = await news;
        }
        seen.push({ honored: subscription.honoredFilter.resourceSubscriptions ?? [], heard });
        await subscription.close();
    } catch (error) {
        const { code, message, data } = error;
        seen.push(code === undefined ? { other: String(error) } : { error: { code, message, data } });
    }
}
const revision = client.getNegotiatedProtocolVersion();
console.log(JSON.stringify({ client: named('@modelcontextprotocol/client'), revision, seen }));
process.exit(0);
