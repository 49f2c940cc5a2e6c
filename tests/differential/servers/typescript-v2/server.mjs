// The official TypeScript SDK, version 2, behind Express as its README sets it
// up. It serves revision 2026-07-28 and the older ones on one URL.
// Each run of a tool is a line on stdout: `ran TOOL "ARGUMENT"`.
import { createMcpExpressApp } from '@modelcontextprotocol/express';
import { toNodeHandler } from '@modelcontextprotocol/node';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import * as z from 'zod';

function offer() {
    const server = new McpServer({ name: 'differential', version: '1.0.0' });
    for (const tool of ['safe', 'danger']) {
        const inputSchema = z.object({ run: z.unknown().optional() });
        server.registerTool(tool, { description: tool, inputSchema }, async ({ run }) => {
            console.log(`ran ${tool} ${JSON.stringify(run ?? null)}`);
            return { content: [{ type: 'text', text: tool }] };
        });
    }
    return server;
}

const app = createMcpExpressApp();
const handle = toNodeHandler(createMcpHandler(offer));
// On every path and with every method, so that what slips past the filter runs.
app.use((req, res) => handle(req, res, req.body));
const listener = app.listen(0, '127.0.0.1', () => {
    console.log(`listening ${listener.address().port}`);
});
