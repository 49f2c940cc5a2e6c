// The official TypeScript SDK's client, version 1, without a token.
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { signIn } from './sign-in.mjs';
import { named } from './steps.mjs';

const connect = (url, authProvider) => {
    const client = new Client({ name: 'interop', version: '1.0.0' });
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider });
    return { client, transport, connected: client.connect(transport) };
};
await signIn(named('@modelcontextprotocol/sdk'), connect, UnauthorizedError);
