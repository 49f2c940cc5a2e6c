// envoy/approvals/mtls.yaml: people are known by the certificate in their browser.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { Authority } from './certificates.mjs';
import { click, fact, People, picture, says, written } from './chromium.mjs';
import { Recipe } from './recipe.mjs';

const PEOPLE = 'spiffe://example.com/people';
const AGENT = 'spiffe://example.com/agents/support';
let people, recipe, agent, ann, hal, left, forged;

const files = (authority) => ({
  'certs/clients-ca.pem': authority.ca(),
  'certs/clients-crl.pem': authority.crl(),
});

before(async () => {
  recipe = await Recipe.start('mtls', async ({ authority, folder }) => {
    const uri = (name, uri) => authority.issue(name, `DNS:${name}.example.com,URI:${uri}`);
    agent = uri('agent', AGENT);
    ann = uri('ann', `${PEOPLE}/payments/ann`);
    hal = uri('hal', `${PEOPLE}/sales/hal`);
    left = uri('left', `${PEOPLE}/payments/left`);
    authority.revoke('left');
    const other = new Authority(join(folder, 'other'));
    forged = other.issue('forged', `URI:${PEOPLE}/payments/ann`);
    return { ports: {}, files: files(authority) };
  });
  people = await People.start();
});

after(async () => {
  await people?.browser.close();
  await recipe?.stop();
});

afterEach(async () => {
  await people.go();
  assert.deepEqual(recipe.server.reached.filter(({ path }) => path !== '/mcp'), []);
});

/** A browser in which this certificate is installed. */
const options = (certificate) => ({
  ...recipe.browser,
  clientCertificates: certificate && [{ origin: recipe.origin, ...certificate }],
});

/**
 * How a program sees that its certificate is refused. With TLS 1.3 it has sent its request
 * by then, so that the end of the connection can overtake the alert.
 */
const refused = /alert|ECONNRESET|EPIPE|socket hang up/;

const open = (certificate, url) => people.open(url, options(certificate));

/**
 * The error that a person sees in the place of the page: the browser's own, or, if the
 * connection ends late, that of Playwright, which presents the certificate for it.
 */
async function shownInstead(certificate) {
  try {
    const page = await open(certificate, recipe.list);
    return await page.locator('body').innerText();
  } catch (error) {
    return String(error);
  }
}

test('who has a certificate reads and approves', async () => {
  const id = await recipe.request(agent, 500);
  const page = await open(ann, recipe.page(id));
  await written(page).waitFor();
  assert.equal(await fact(page, 'Who asks').innerText(), AGENT);
  await picture(page, 'mtls');
  await click(page, 'Approve');
  await says(page, 'You approved it: the call can run once.');
  assert.equal(await fact(page, 'Approvals').innerText(), `1 of 1: ${PEOPLE}/payments/ann`);
  assert.deepEqual((await recipe.call(agent, 500)).result, { content: [] });
  assert.equal((await recipe.call(agent, 500)).error.code, 428);
});

test('who has another certificate sees nothing, and an agent nothing but its own', async () => {
  const id = await recipe.request(agent, 501);
  const stranger = await open(hal, recipe.page(id));
  await says(stranger, `There is no such request, or it is over. The gateway knows you as "${PEOPLE}/sales/hal".`);
  const own = await open(agent, recipe.page(id));
  await own.getByText('Nobody decides about a call of his own.').waitFor();
});

test('without a certificate that is good, nobody gets as far as the page', async () => {
  for (const certificate of [undefined, left, forged]) {
    assert.match(await shownInstead(certificate), /ERR_|socket|alert|certificate error/i);
  }
  for (const certificate of [{}, left, forged]) {
    await assert.rejects(recipe.ask(certificate, 'GET', '/mcp-approvals'), refused);
  }
  assert.equal((await recipe.ask(ann, 'GET', '/mcp-approvals')).status, 200);
});

test('no other site decides by a certificate', async () => {
  const id = await recipe.request(agent, 502);
  const { digest } = (await recipe.shown(ann, id)).body;
  const context = await people.context(options(ann));
  const headers = { 'mcp-approval-digest': digest };
  const tried = await recipe.other.decides(context, `${recipe.page(id)}/approve`, headers);
  // The certificate goes with the form too.
  assert.deepEqual(tried, { form: 403, script: 'TypeError' });
  assert.equal((await recipe.shown(ann, id)).body.state, 'pending');
});

test('a list of revoked certificates that has expired lets nobody in', async () => {
  let good;
  const other = await Recipe.start('mtls', async ({ authority }) => {
    good = authority.issue('ann', `URI:${PEOPLE}/payments/ann`);
    authority.oldList();
    return { ports: {}, files: files(authority) };
  });
  try {
    await assert.rejects(other.ask(good, 'GET', '/mcp-approvals'), refused);
  } finally {
    await other.stop();
  }
});
