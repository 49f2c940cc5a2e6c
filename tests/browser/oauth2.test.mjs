// envoy/approvals/oauth2.yaml: people sign in at an OpenID provider.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { pair } from './certificates.mjs';
import { click, fact, People, picture, says, written } from './chromium.mjs';
import { Provider } from './provider.mjs';
import { Recipe } from './recipe.mjs';

const CLIENT = 'approvals-page';
let people, recipe, provider, agent;

/** The holder of a token of the provider. */
const bearer = (claims, key) => ({
  headers: { authorization: `Bearer ${provider.token(claims, key)}` },
});

before(async () => {
  recipe = await Recipe.start('oauth2', async ({ authority }) => {
    provider = await Provider.start({
      issuer: 'https://id.example.com',
      audience: 'https://gateway.example.com/mcp',
      client: {
        id: CLIENT,
        secret: 'the secret & of=the client',
        redirect: 'https://gateway.example.com/mcp-approvals/callback',
      },
      certificate: pair(authority.issue('id', 'DNS:id.example.com')),
    });
    return {
      ports: { id: provider.port },
      files: {
        'certs/id-ca.pem': authority.ca(),
        'secrets/client': provider.client.secret,
        'secrets/hmac': '7f'.repeat(32),
      },
    };
  });
  agent = bearer({ sub: 'support-agent', azp: 'support-agent' });
  people = await People.start();
});

after(async () => {
  await people?.browser.close();
  await recipe?.stop();
  provider?.stop();
});

afterEach(async () => {
  provider.lifetime = 3600;
  await people.go();
  // Of people the server gets nothing, and of agents no token.
  for (const { path, headers } of recipe.server.reached) {
    assert.equal(path, '/mcp');
    assert.deepEqual([headers.cookie, headers.authorization], [undefined, undefined]);
  }
  assert.deepEqual(provider.refusals, []);
});

/** Opens an address, and signs in where it leads. */
async function as(who, url) {
  const page = await people.open(url, recipe.browser);
  assert.equal(new URL(page.url()).host, 'id.example.com');
  await page.getByLabel('Your name').fill(who);
  await click(page, 'Sign in');
  await page.waitForURL(url);
  return page;
}

const state = async (id) => {
  const { body } = await recipe.shown(bearer({ sub: 'ann', azp: CLIENT }), id);
  return body.state;
};

test('who signs in at the provider reads and approves', async () => {
  const id = await recipe.request(agent, 500);
  const page = await as('ann', recipe.page(id));
  await written(page).waitFor();
  assert.equal(await fact(page, 'Who asks').innerText(), 'support-agent');
  assert.equal(await fact(page, 'Route').innerText(), 'mcp');
  await click(page, 'Approve');
  await says(page, 'You approved it: the call can run once.');
  assert.equal(await fact(page, 'Approvals').innerText(), '1 of 1: ann');
  assert.deepEqual((await recipe.call(agent, 500)).result, { content: [] });
  assert.equal((await recipe.call(agent, 500)).error.code, 428);
  await click(page, 'All requests');
  await page.getByRole('listitem').waitFor();
  await picture(page, 'oauth2-list');
});

test('no line of a log has the code of a sign-in, or a query of any kind', async () => {
  const id = await recipe.request(agent, 507);
  const bob = bearer({ sub: 'bob', azp: CLIENT });
  const { digest } = (await recipe.shown(bob, id)).body;
  assert.equal((await recipe.decide(bob, id, 'deny?reason=Not%20today.', digest)).status, 200);
  await as('ann', recipe.list);
  await recipe.envoy.logged(/POST \/mcp-approvals\/\S+\/deny 200 /);
  const logged = await recipe.envoy.logged(/GET \/mcp-approvals\/callback 302 /);
  for (const query of ['code=', 'state=', 'reason=', 'Not%20today']) {
    assert.ok(!logged.includes(query), query);
  }
});

test('a token in a query is nobody\'s', async () => {
  const id = await recipe.request(agent, 508);
  const token = provider.token({ sub: 'ann', azp: CLIENT });
  const ann = bearer({ sub: 'ann', azp: CLIENT });
  const { digest } = (await recipe.shown(ann, id)).body;
  const headers = { 'mcp-approval-digest': digest };
  const place = `/mcp-approvals/${id}`;
  for (const [method, path] of [['GET', place], ['POST', `${place}/approve`], ['POST', '/mcp']]) {
    const answer = await recipe.ask({}, method, `${path}?access_token=${token}`, '', headers);
    assert.equal(answer.status, 401, path);
  }
  // Nor does it go with one that is where it belongs.
  const both = await recipe.ask(ann, 'POST', `${place}/approve?access_token=${token}`, '', headers);
  assert.equal(both.status, 400);
  assert.equal(await state(id), 'pending');
});

test('the session is in cookies that no script, no other site and no other path gets', async () => {
  const page = await as('ann', recipe.list);
  const cookies = await page.context().cookies(recipe.list);
  const names = cookies.map(({ name }) => name).sort();
  assert.deepEqual(names, ['BearerToken', 'OauthExpires', 'OauthHMAC']);
  for (const cookie of cookies) {
    const { httpOnly, secure, sameSite, path } = cookie;
    assert.deepEqual([httpOnly, secure, sameSite, path], [true, true, 'Lax', '/mcp-approvals'], cookie.name);
    // The token is in one of them, encrypted.
    for (const part of provider.issued.split('.')) assert.ok(!cookie.value.includes(part));
  }
  assert.deepEqual(await page.context().cookies(`${recipe.origin}/mcp`), []);
});

test('a session that has ended is told, and whoever signs in again goes on', async () => {
  const id = await recipe.request(agent, 501);
  provider.lifetime = 2;
  const page = await as('ann', recipe.page(id));
  const ended = page.locator('#said', { hasText: 'Your sign-in has ended. Load this page again to sign in.' });
  do {
    await click(page, 'Look again');
    await page.locator('#said.bad, [role=group]').first().waitFor();
  } while (!(await ended.isVisible()));
  provider.lifetime = 3600;
  // The provider still knows who it is.
  await page.reload();
  await written(page).waitFor();
  assert.equal(page.url(), recipe.page(id));
  await click(page, 'Approve');
  await says(page, 'You approved it: the call can run once.');
});

test('without its session the page decides nothing and keeps what it shows', async () => {
  const id = await recipe.request(agent, 502);
  const page = await as('bob', recipe.page(id));
  await written(page).waitFor();
  await page.context().clearCookies({ domain: 'gateway.example.com' });
  await click(page, 'Approve');
  await page.getByText('Your sign-in has ended.').waitFor();
  assert.equal(await state(id), 'pending');
  await picture(page, 'oauth2-ended');
});

test('an answer that leads to the provider is told like one that says 401', async () => {
  const id = await recipe.request(agent, 503);
  const page = await as('ann', recipe.page(id));
  await written(page).waitFor();
  await page.context().clearCookies({ domain: 'gateway.example.com' });
  // No longer what deny_redirect_matcher names.
  const statuses = [];
  await page.route(recipe.page(id), async (route) => {
    const headers = { ...route.request().headers(), accept: 'application/json, */*' };
    const answer = await route.fetch({ headers, maxRedirects: 0 });
    statuses.push(answer.status());
    await route.fulfill({ response: answer });
  });
  await click(page, 'Look again');
  await page.getByText('Your sign-in has ended.').waitFor();
  assert.deepEqual(statuses, [302]);
});

test('who signs out has to sign in again', async () => {
  const page = await as('ann', recipe.list);
  await page.getByRole('heading', { name: 'Approvals' }).waitFor();
  // Its answer leads to a path that the gateway does not have.
  await page.goto(`${recipe.list}/sign-out`);
  const left = await page.context().cookies(recipe.list);
  assert.deepEqual(left.filter(({ name }) => /Bearer|HMAC/.test(name)), []);
  await page.context().clearCookies({ domain: 'id.example.com' });
  await page.goto(recipe.list);
  assert.equal(new URL(page.url()).host, 'id.example.com');
});

test('who signs in and is no approver is told so', async () => {
  const id = await recipe.request(agent, 504);
  const page = await as('eve', recipe.page(id));
  await says(page, 'There is no such request, or it is over. The gateway knows you as "eve".');
});

test('a token that an agent got in the name of an approver approves nothing', async () => {
  const id = await recipe.request(agent, 505);
  const ann = bearer({ sub: 'ann', azp: CLIENT });
  const { digest } = (await recipe.shown(ann, id)).body;
  for (const [claims, status] of [
    [{ sub: 'ann', azp: 'support-agent' }, 403],
    [{ sub: 'ann' }, 403],
    [{ sub: 'eve', azp: CLIENT }, 403],
    [{ sub: 'support-agent', azp: CLIENT }, 403],
    [{ sub: 'ann', azp: CLIENT, aud: 'https://elsewhere.example.com' }, 403],
    [{ sub: 'ann', azp: CLIENT, iss: 'https://elsewhere.example.com' }, 401],
    [{ sub: 'ann', azp: CLIENT, exp: 1_000_000_000 }, 401],
  ]) {
    const answer = await recipe.decide(bearer(claims), id, 'approve', digest);
    assert.equal(answer.status, status, JSON.stringify([claims, answer]));
  }
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const forged = bearer({ sub: 'ann', azp: CLIENT }, privateKey);
  for (const by of [forged, {}, { headers: { authorization: 'Basic YW5uOng=' } }]) {
    assert.equal((await recipe.decide(by, id, 'approve', digest)).status, 401);
  }
  assert.equal(await state(id), 'pending');
  // By a program, with a token that the client of the page was given.
  assert.equal((await recipe.decide(ann, id, 'approve', digest)).status, 200);
});

test('no other site decides by a session', async () => {
  const id = await recipe.request(agent, 506);
  const page = await as('ann', recipe.page(id));
  await written(page).waitFor();
  const { digest } = (await recipe.shown(bearer({ sub: 'ann', azp: CLIENT }), id)).body;
  const headers = { 'mcp-approval-digest': digest };
  const tried = await recipe.other.decides(page.context(), `${recipe.page(id)}/approve`, headers);
  // The form comes without a cookie, and is sent to the provider.
  assert.deepEqual(tried, { form: 302, script: 'TypeError' });
  assert.equal(await state(id), 'pending');
  await click(page, 'Approve');
  await says(page, 'You approved it');
});

test('only people are led to the provider', async () => {
  for (const accept of ['application/json', 'text/html']) {
    assert.equal((await recipe.ask({}, 'POST', '/mcp', '{}', { accept })).status, 401);
  }
  // Where people are, a script is told so too, and only a browser is led to the provider.
  for (const [accept, status] of [['application/json', 401], ['text/html', 302]]) {
    assert.equal((await recipe.ask({}, 'GET', '/mcp-approvals', '', { accept })).status, status);
  }
});
