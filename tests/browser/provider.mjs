// An OpenID provider as far as Envoy's oauth2 and jwt_authn ask it: the authorization
// code flow with PKCE, tokens that are signed, and the keys for them. It is strict: what
// a real one would refuse, it refuses.

import { createHash, generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';

const base64 = (value) => Buffer.from(value).toString('base64url');
const escaped = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

export class Provider {
  /** `client` is the one that is registered: its id, secret and redirect_uri. */
  static async start({ issuer, audience, client, certificate }) {
    const provider = Object.assign(new Provider(), { issuer, audience, client });
    provider.keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
    provider.codes = new Map();
    provider.sessions = new Map();
    provider.lifetime = 3600;
    provider.refusals = [];
    provider.http = createServer(certificate, (request, response) => {
      provider.answer(request, response).catch((error) => {
        provider.refusals.push(error.message);
        response.writeHead(400).end(error.message);
      });
    });
    provider.http.listen(0, '127.0.0.1').unref();
    await once(provider.http, 'listening');
    provider.port = provider.http.address().port;
    return provider;
  }

  /** A token, signed by the key of `/jwks` unless another is given. */
  token(claims, key = this.keys.privateKey) {
    const now = Math.floor(Date.now() / 1000);
    const all = { iss: this.issuer, aud: this.audience, iat: now, exp: now + 3600, ...claims };
    const text = `${base64('{"alg":"RS256","kid":"one"}')}.${base64(JSON.stringify(all))}`;
    return `${text}.${sign('sha256', Buffer.from(text), key).toString('base64url')}`;
  }

  async answer(request, response) {
    const url = new URL(request.url, this.issuer);
    let body = '';
    for await (const piece of request) body += piece;
    const json = (value) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(value));
    };
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /authorize':
        return this.authorize(url, request, response);
      case 'POST /authorize':
        return this.signIn(url, new URLSearchParams(body), response);
      case 'POST /token':
        return json(this.exchange(new URLSearchParams(body)));
      case 'GET /jwks': {
        const key = this.keys.publicKey.export({ format: 'jwk' });
        return json({ keys: [{ ...key, kid: 'one', use: 'sig', alg: 'RS256' }] });
      }
      case 'GET /favicon.ico':
        return response.writeHead(404).end();
      default:
        throw new Error(`there is no ${request.method} ${url.pathname}`);
    }
  }

  expect(parameters, values) {
    for (const [name, value] of Object.entries(values)) {
      if (parameters.get(name) !== value) throw new Error(`${name} is ${parameters.get(name)}`);
    }
  }

  /** The sign-in, or for somebody who has signed in here, the way back. */
  authorize(url, request, response) {
    const { id, redirect } = this.client;
    this.expect(url.searchParams, {
      response_type: 'code',
      client_id: id,
      redirect_uri: redirect,
      scope: 'openid',
      resource: this.audience,
      code_challenge_method: 'S256',
    });
    const session = /session=([^;]+)/.exec(request.headers.cookie ?? '')?.[1];
    if (this.sessions.has(session)) return this.goBack(url, this.sessions.get(session), response);
    response.setHeader('content-type', 'text/html');
    response.end(`<!doctype html><html lang=en><title>Provider</title>
      <form method=post action="${escaped(url.pathname + url.search)}">
      <label>Your name <input name=who></label><button>Sign in</button></form>`);
  }

  signIn(url, fields, response) {
    const session = randomUUID();
    this.sessions.set(session, fields.get('who'));
    response.setHeader('set-cookie', `session=${session}; Secure; HttpOnly; SameSite=Lax`);
    this.goBack(url, fields.get('who'), response);
  }

  goBack(url, who, response) {
    const code = randomUUID();
    this.codes.set(code, { who, challenge: url.searchParams.get('code_challenge') });
    const back = new URL(this.client.redirect);
    back.searchParams.set('code', code);
    back.searchParams.set('state', url.searchParams.get('state'));
    response.writeHead(303, { location: back.href }).end();
  }

  exchange(fields) {
    const { id, secret, redirect } = this.client;
    const grant = { grant_type: 'authorization_code', redirect_uri: redirect };
    this.expect(fields, { ...grant, client_id: id, client_secret: secret });
    const code = this.codes.get(fields.get('code'));
    // A code is for one exchange.
    this.codes.delete(fields.get('code'));
    const challenge = createHash('sha256').update(fields.get('code_verifier')).digest('base64url');
    if (code?.challenge !== challenge) throw new Error('another code_verifier');
    this.issued = this.token({ sub: code.who, azp: id });
    return { access_token: this.issued, token_type: 'Bearer', expires_in: this.lifetime };
  }

  stop() {
    this.http.closeAllConnections();
    this.http.close();
  }
}
