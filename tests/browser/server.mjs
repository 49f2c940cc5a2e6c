// An MCP server that answers every call, and keeps the head of each request.

import { once } from 'node:events';
import { createServer } from 'node:http';

export class Server {
  static async start() {
    const server = new Server();
    server.reached = [];
    server.http = createServer((request, response) => {
      server.reached.push({ path: request.url, headers: request.headers });
      response.setHeader('content-type', 'application/json');
      response.end('{"jsonrpc":"2.0","id":1,"result":{"content":[]}}');
    });
    server.http.listen(0, '127.0.0.1').unref();
    await once(server.http, 'listening');
    server.port = server.http.address().port;
    return server;
  }

  stop() {
    this.http.closeAllConnections();
    this.http.close();
  }
}

/** The cluster of an address here. */
export const cluster = (name, port) => ({
  name,
  type: 'STATIC',
  load_assignment: {
    cluster_name: name,
    endpoints: [
      {
        lb_endpoints: [
          { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } },
        ],
      },
    ],
  },
});

/** A call of a tool. `parameters` is JSON text, so that it goes as it is. */
export const toolCall = (tool, parameters) =>
  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${tool}","arguments":${parameters}}}`;
