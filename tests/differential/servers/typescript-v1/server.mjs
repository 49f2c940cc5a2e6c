// The official TypeScript SDK, version 1, as its stateless example sets it up.
// Each run of a tool is a line on stdout: `ran TOOL "ARGUMENT"`.
import { createMcpExpressApp } from '@modelcontextprotocol/sdk/server/express.js';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import * as z from 'zod/v4';

function offer() {
    const server = new McpServer({ name: 'differential', version: '1.0.0' });
    for (const tool of ['safe', 'danger']) {
        const config = { description: tool, inputSchema: { run: z.unknown().optional() } };
        server.registerTool(tool, config, async ({ run }) => {
            console.log(`ran ${tool} ${JSON.stringify(run ?? null)}`);
            return { content: [{ type: 'text', text: tool }] };
        });
    }
    return server;
}

const app = createMcpExpressApp();
// On every path and with every method, so that what slips past the filter runs.
app.use(async (req, res) => {
    const server = offer();
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    res.on('close', () => {
        transport.close();
        server.close();
    });
    await server.connect(transport);
    await transport.handleRequest(req, res, req.body);
});
const listener = app.listen(0, '127.0.0.1', () => {
    console.log(`listening ${listener.address().port}`);
});
