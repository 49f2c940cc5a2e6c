// An Envoy with the filter, a server behind it that answers every call, and the agents
// and approvers who talk to it without a browser.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PATH = '/mcp-approvals';
const CALLERS = ['agent', 'pay-ann', 'pay-bob', 'ops-cid'];

export const token = (who) => `the-secret-token-of-${who}`;
const hash = (who) => 'sha256:' + createHash('sha256').update(token(who)).digest('hex');

const POLICY = {
  version: '1',
  default: 'deny',
  identity: [{ bearer: { tokens: Object.fromEntries(CALLERS.map((who) => [who, hash(who)])) } }],
  tools: {
    refund: { action: 'require_approval', approval: { approvers: ['pay-*'] } },
    payout: { action: 'require_approval', approval: { approvers: ['pay-*'], need: 2 } },
    drop: { action: 'require_approval', approval: { approvers: ['ops-*'] } },
  },
  settings: { approvals: { path: PATH, max_arguments_bytes: 16384, requests: '100/hour' } },
};

const ENVOY = 'type.googleapis.com/envoy.extensions.';
const filter = (module) => ({
  name: 'policy',
  typed_config: {
    '@type': `${ENVOY}filters.http.wasm.v3.Wasm`,
    config: {
      name: 'mcp-policy',
      root_id: 'mcp-policy',
      vm_config: {
        vm_id: 'mcp-policy',
        runtime: 'envoy.wasm.runtime.v8',
        code: { local: { filename: module } },
      },
      configuration: { '@type': 'type.googleapis.com/google.protobuf.Struct', value: POLICY },
    },
  },
});

const configuration = (module, server) => ({
  admin: {
    address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
  },
  static_resources: {
    listeners: [
      {
        name: 'mcp',
        address: { socket_address: { address: '127.0.0.1', port_value: 0 } },
        filter_chains: [
          {
            filters: [
              {
                name: 'http',
                typed_config: {
                  '@type': `${ENVOY}filters.network.http_connection_manager.v3.HttpConnectionManager`,
                  stat_prefix: 'mcp',
                  http_filters: [
                    filter(module),
                    {
                      name: 'router',
                      typed_config: { '@type': `${ENVOY}filters.http.router.v3.Router` },
                    },
                  ],
                  route_config: {
                    virtual_hosts: [
                      {
                        name: 'mcp',
                        domains: ['*'],
                        routes: [{ match: { prefix: '/' }, route: { cluster: 'server' } }],
                      },
                    ],
                  },
                },
              },
            ],
          },
        ],
      },
    ],
    clusters: [
      {
        name: 'server',
        type: 'STATIC',
        load_assignment: {
          cluster_name: 'server',
          endpoints: [
            {
              lb_endpoints: [
                {
                  endpoint: {
                    address: { socket_address: { address: '127.0.0.1', port_value: server } },
                  },
                },
              ],
            },
          ],
        },
      },
    ],
  },
});

/** What comes of `attempt`, as soon as it comes, while Envoy runs. */
async function soon(gateway, attempt) {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (gateway.envoy.exitCode !== null) throw new Error(gateway.log.join(''), { cause: error });
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export class Gateway {
  static async start() {
    const gateway = new Gateway();
    gateway.reached = [];
    gateway.server = createServer((request, response) => {
      gateway.reached.push(request.url);
      response.setHeader('content-type', 'application/json');
      response.end('{"jsonrpc":"2.0","id":1,"result":{"content":[]}}');
    });
    gateway.server.listen(0, '127.0.0.1').unref();
    await once(gateway.server, 'listening');
    gateway.folder = mkdtempSync(join(tmpdir(), 'mcp-browser-'));
    const file = join(gateway.folder, 'envoy.json');
    const { port } = gateway.server.address();
    writeFileSync(file, JSON.stringify(configuration(process.env.MODULE, port)));
    const admin = join(gateway.folder, 'admin');
    const options = ['-c', file, '--concurrency', '2', '--use-dynamic-base-id', '-l', 'warning'];
    gateway.envoy = spawn(process.env.ENVOY_BIN, [...options, '--admin-address-path', admin], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    // A test that fails early must not leave an Envoy.
    process.on('exit', () => gateway.envoy.kill());
    gateway.log = [];
    gateway.envoy.stderr.on('data', (text) => gateway.log.push(String(text)));
    const address = await soon(gateway, async () => {
      const at = `http://${readFileSync(admin, 'utf8')}`;
      if (!(await fetch(`${at}/ready`)).ok) throw new Error('not ready');
      const { listener_statuses } = await (await fetch(`${at}/listeners?format=json`)).json();
      return listener_statuses[0].local_address.socket_address;
    });
    gateway.origin = `http://127.0.0.1:${address.port_value}`;
    gateway.list = gateway.origin + PATH;
    return gateway;
  }

  page(id) {
    return `${this.list}/${id}`;
  }

  /** A call; the whole answer. `parameters` is JSON text, so that it goes as it is. */
  async call(who, tool, parameters = '{}') {
    const answer = await fetch(`${this.origin}/mcp`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token(who)}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
      body: `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"${tool}","arguments":${parameters}}}`,
    });
    return answer.json();
  }

  /** Asks for a call that needs approval; the id of its request. */
  async request(tool, parameters) {
    const { error } = await this.call('agent', tool, parameters);
    if (error?.code !== 428) throw new Error(JSON.stringify(error));
    return error.data.approval.id;
  }

  /** What an approver's program gets. */
  async shown(who, id) {
    const headers = { authorization: `Bearer ${token(who)}`, accept: 'application/json' };
    return (await fetch(this.page(id), { headers })).json();
  }

  async decide(who, id, what) {
    const { digest } = await this.shown(who, id);
    const headers = { authorization: `Bearer ${token(who)}`, 'mcp-approval-digest': digest };
    const answer = await fetch(`${this.page(id)}/${what}`, { method: 'POST', headers });
    if (!answer.ok) throw new Error(await answer.text());
  }

  async stop() {
    this.envoy.kill();
    await once(this.envoy, 'exit');
    this.server.closeAllConnections();
    this.server.close();
    rmSync(this.folder, { recursive: true });
  }
}
