// The server that the conformance suite is run against: the official SDK with
// the suite's fixtures, on a free port of the loopback interface, which it
// prints. One endpoint serves all revisions: those with sessions through a
// transport for each session, the stateless ones through the SDK's handler.

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { toNodeHandler } from '@modelcontextprotocol/node';
import {
    createMcpHandler,
    hostHeaderValidationResponse,
    InMemoryServerEventBus,
    isLegacyRequest,
    localhostAllowedHostnames,
    localhostAllowedOrigins,
    originValidationResponse,
    WebStandardStreamableHTTPServerTransport,
} from '@modelcontextprotocol/server';
import { EventLog } from './events.mjs';
import { fixtures } from './fixtures.mjs';

const fresh = () => fixtures(() => answering.auto.notify);
const bus = new InMemoryServerEventBus();
const handler = (responseMode) => createMcpHandler(fresh, { legacy: 'reject', responseMode, bus });
const answering = { auto: handler('auto'), sse: handler('sse') };
const sessions = new Map();

async function withSessions(request) {
    const id = request.headers.get('mcp-session-id');
    if (id !== null) {
        const known = sessions.get(id);
        return known?.handleRequest(request) ?? problem(404, -32001, 'Session not found');
    }
    const transport = new WebStandardStreamableHTTPServerTransport({
        sessionIdGenerator: randomUUID,
        onsessioninitialized: (id) => sessions.set(id, transport),
        onsessionclosed: (id) => sessions.delete(id),
        eventStore: new EventLog(),
        retryInterval: 100,
    });
    await fresh().connect(transport);
    return transport.handleRequest(request);
}

function problem(status, code, message) {
    return Response.json({ jsonrpc: '2.0', id: null, error: { code, message } }, { status });
}

async function answer(request) {
    const refused =
        hostHeaderValidationResponse(request, localhostAllowedHostnames()) ??
        originValidationResponse(request, localhostAllowedOrigins());
    if (refused) {
        return refused;
    }
    if (await isLegacyRequest(request)) {
        return withSessions(request);
    }
    // A client that names streams first gets one for every answer.
    const streams = request.headers.get('accept')?.startsWith('text/event-stream');
    return answering[streams ? 'sse' : 'auto'].fetch(request);
}

const server = createServer(toNodeHandler({ fetch: answer }, { onerror: console.error }));
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
