// An Envoy with the filter, a server behind it that answers every call, and the agents
// and approvers who talk to it without a browser.

import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Envoy, filter } from './envoy.mjs';
import { cluster, Server, toolCall } from './server.mjs';

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
const configuration = (server) => ({
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
                    filter(POLICY),
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
    clusters: [cluster('server', server)],
  },
});

export class Gateway {
  static async start() {
    const gateway = new Gateway();
    gateway.server = await Server.start();
    gateway.folder = mkdtempSync(join(tmpdir(), 'mcp-browser-'));
    gateway.envoy = await Envoy.start(gateway.folder, configuration(gateway.server.port));
    gateway.origin = `http://127.0.0.1:${gateway.envoy.port}`;
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
      body: toolCall(tool, parameters),
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
    await this.envoy.stop();
    this.server.stop();
    rmSync(this.folder, { recursive: true });
  }
}
