// The official TypeScript SDK's client, version 2, whose user can be shown an address.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { plan, run, user } from './asking.mjs';
import { named } from './steps.mjs';

const { answer, shown } = user(plan().approvals);
await run(plan(), shown, async () => {
    const mode = plan().stateless ? { pin: '2026-07-28' } : 'legacy';
    const capabilities = plan().asks ? { elicitation: { url: {} } } : {};
    const client = new Client(
        { name: 'interop', version: '1.0.0' },
        { capabilities, versionNegotiation: { mode } },
    );
    let caller = '';
    if (plan().asks) {
        client.setRequestHandler('elicitation/create', ({ params }) => answer(caller, params));
    }
    await client.connect(new StreamableHTTPClientTransport(new URL(plan().url)));
    client.call = (params, name) => {
        caller = name;
        return client.callTool(params);
    };
    return { client, name: named('@modelcontextprotocol/client'), revision: () => client.getNegotiatedProtocolVersion() };
});
