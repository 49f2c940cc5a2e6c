// The official TypeScript SDK's client, version 2, without a token.
import { Client, StreamableHTTPClientTransport, UnauthorizedError } from '@modelcontextprotocol/client';
import { signIn } from './sign-in.mjs';
import { named } from './steps.mjs';

const connect = (url, authProvider) => {
    const client = new Client({ name: 'interop', version: '1.0.0' });
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider });
    return { client, transport, connected: client.connect(transport) };
};
await signIn(named('@modelcontextprotocol/client'), connect, UnauthorizedError);
