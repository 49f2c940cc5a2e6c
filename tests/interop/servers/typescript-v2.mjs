// Notes, by the official TypeScript SDK, version 2. `touch` says that a note, or without
// one the list of tools, has changed, to who listens.
import { createMcpExpressApp } from '@modelcontextprotocol/express';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';

function offer() {
    const capabilities = { tools: { listChanged: true }, resources: { subscribe: true, listChanged: true } };
    const server = new McpServer({ name: 'notes', version: '1.0.0' }, { capabilities });
    for (const uri of ['note://team/1', 'note://boss/1']) {
        server.registerResource(uri, uri, { description: uri }, async () => ({ contents: [{ uri, text: uri }] }));
    }
    const inputSchema = z.object({ uri: z.string() });
    server.registerTool('touch', { description: 'touch', inputSchema }, async ({ uri }) => {
        if (uri) {
            handler.notify.resourceUpdated(uri);
        } else {
            handler.notify.toolsChanged();
        }
        return { content: [{ type: 'text', text: 'touched' }] };
    });
    return server;
}

const app = createMcpExpressApp();
const handler = createMcpHandler(offer);
const handle = toNodeHandler(handler);
app.all('/mcp', (req, res) => handle(req, res, req.body));
const listener = app.listen(0, '127.0.0.1', () => {
    console.log(`listening ${listener.address().port}`);
});
