// A configuration of `envoy/approvals` as it is shipped, in an Envoy. What is put in are
// the addresses, and for the native module the filter. Its files are made for the run.

import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { Authority, pair } from './certificates.mjs';
import { Envoy, filter, isNative } from './envoy.mjs';
import { Site } from './site.mjs';
import { cluster, Server, toolCall } from './server.mjs';

const HOST = 'gateway.example.com';
const OTHER = 'other.example.org';

/** A proxy by which a browser finds names that exist here alone. */
async function names(places) {
  const proxy = createServer((_, response) => response.writeHead(400).end());
  proxy.on('connect', ({ url }, socket) => {
    const port = places[url];
    // A browser also asks for addresses of its maker.
    socket.on('error', () => socket.destroy());
    if (!port) return socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
    const there = connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      there.pipe(socket).pipe(there);
    });
    there.on('error', () => socket.destroy());
    socket.on('close', () => there.destroy());
  });
  proxy.listen(0, '127.0.0.1').unref();
  await once(proxy, 'listening');
  return proxy;
}

export class Recipe {
  /** `prepare` gives what a configuration needs besides the gateway's certificate: the ports
   * of its clusters, and files. */
  static async start(name, prepare) {
    const recipe = new Recipe();
    recipe.server = await Server.start();
    recipe.folder = mkdtempSync(join(tmpdir(), 'mcp-recipe-'));
    const folder = (part) => join(recipe.folder, part);
    for (const part of ['certs', 'secrets', 'target']) mkdirSync(folder(part));
    recipe.authority = new Authority(folder('authority'));
    const certificate = recipe.authority.issue('gateway', `DNS:${HOST}`);
    symlinkSync(certificate.certPath, folder('certs/gateway.pem'));
    symlinkSync(certificate.keyPath, folder('certs/gateway.key'));
    const other = recipe.authority.issue('other', `DNS:${OTHER}`);
    recipe.other = await Site.start(pair(other));
    recipe.other.url = `https://${OTHER}/`;
    const { ports, files } = await prepare(recipe);
    for (const [name, text] of Object.entries(files)) writeFileSync(folder(name), text);

    const text = readFileSync(join(process.env.RECIPES, `${name}.yaml`), 'utf8');
    const configuration = parse(text);
    configuration.admin.address.socket_address.port_value = 0;
    const { listeners, clusters } = configuration.static_resources;
    const [listener] = listeners;
    listener.address.socket_address = { address: '127.0.0.1', port_value: 0 };
    for (const one of clusters) {
      const port = { mcp_server: recipe.server.port, ...ports }[one.name];
      one.type = 'STATIC';
      one.load_assignment = cluster(one.name, port).load_assignment;
    }
    const { http_filters: filters } = listener.filter_chains[0].filters[0].typed_config;
    const place = filters.findIndex((one) => one.name === 'envoy.filters.http.wasm');
    const { config } = filters[place].typed_config;
    if (isNative) filters[place] = filter(config.configuration.value);
    else symlinkSync(process.env.MODULE, folder(config.vm_config.code.local.filename));

    recipe.envoy = await Envoy.start(recipe.folder, configuration);
    recipe.origin = `https://${HOST}`;
    recipe.list = `${recipe.origin}/mcp-approvals`;
    recipe.proxy = await names({
      [`${HOST}:443`]: recipe.envoy.port,
      [`${OTHER}:443`]: recipe.other.port,
      'id.example.com:443': ports.id,
    });
    // Chromium does not know the authority of this run.
    recipe.browser = {
      proxy: { server: `http://127.0.0.1:${recipe.proxy.address().port}` },
      ignoreHTTPSErrors: true,
    };
    return recipe;
  }

  page(id) {
    return `${this.list}/${id}`;
  }

  /** What a program gets that is known by `by`: headers, or a certificate. */
  async ask(by, method, path, body, headers = {}) {
    const options = { method, path, port: this.envoy.port, host: '127.0.0.1', servername: HOST };
    const client = by.certPath && pair(by);
    const all = { host: HOST, accept: 'application/json', ...by.headers, ...headers };
    const sent = request({ ...options, ...client, ca: this.authority.ca(), headers: all });
    sent.end(body);
    const [answer] = await once(sent, 'response');
    let text = '';
    for await (const piece of answer) text += piece;
    const isJson = answer.headers['content-type'] === 'application/json';
    return { status: answer.statusCode, body: isJson ? JSON.parse(text) : text };
  }

  async call(by, amount) {
    const accept = 'application/json, text/event-stream';
    const headers = { accept, 'content-type': 'application/json' };
    const body = toolCall('create_refund', `{"amount":${amount}}`);
    return (await this.ask(by, 'POST', '/mcp', body, headers)).body;
  }

  /** Asks for a call that needs approval; the id of its request. */
  async request(by, amount) {
    const answer = await this.call(by, amount);
    const { url, id } = answer.error?.data?.approval ?? {};
    if (url !== this.page(id)) throw new Error(JSON.stringify(answer));
    return id;
  }

  shown(by, id) {
    return this.ask(by, 'GET', `/mcp-approvals/${id}`);
  }

  decide(by, id, what, digest) {
    const headers = { 'mcp-approval-digest': digest };
    return this.ask(by, 'POST', `/mcp-approvals/${id}/${what}`, '', headers);
  }

  async stop() {
    await this.envoy.stop();
    for (const one of [this.server, this.other]) one.stop();
    this.proxy.closeAllConnections();
    this.proxy.close();
    rmSync(this.folder, { recursive: true });
  }
}
