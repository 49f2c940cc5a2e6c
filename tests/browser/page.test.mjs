// The page for approvers as people use it: a real Chromium, in front of a real Envoy.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { accessible, click, fact, People, picture, says, written } from './chromium.mjs';
import { Gateway, token } from './gateway.mjs';
import { Site } from './site.mjs';

let people, gateway;

before(async () => {
  gateway = await Gateway.start();
  people = await People.start();
});

after(async () => {
  await people?.browser.close();
  await gateway?.stop();
});

afterEach(async () => {
  await people.go();
  const { reached } = gateway.server;
  assert.deepEqual(reached.filter(({ path }) => path.includes('approvals')), []);
});

const open = (url, options) => people.open(url, options);

async function signIn(page, who) {
  await page.getByLabel('Your token').fill(token(who));
  await page.getByRole('button', { name: 'Sign in' }).click();
}

async function as(who, url, options) {
  const page = await open(url, options);
  await signIn(page, who);
  return page;
}

test('an approver reads a request', async () => {
  const id = await gateway.request('refund', '{"charge":"ch_1","amount":500}');
  const page = await as('pay-ann', gateway.page(id));
  await written(page).waitFor();
  assert.equal(await page.title(), `Request ${id}`);
  const address = new URL(gateway.origin).host + '/mcp';
  for (const [name, value] of [
    ['State', 'pending'],
    ['Who asks', 'agent'],
    ['Tool', 'refund'],
    ['Where, says the agent', address],
    ['Rule', '/tools/refund/action'],
    ['Approvals', '0 of 1'],
  ]) {
    assert.equal(await fact(page, name).innerText(), value, name);
  }
  assert.match(await fact(page, 'Time left').innerText(), /^(1 h 0|59) min/);
  const lines = ['{', '"arguments": {', '"amount": 500,', '"charge": "ch_1"', '}', '}'];
  assert.equal(await written(page).innerText(), lines.join('\n'));
});

test('an approved call runs once', async () => {
  const id = await gateway.request('refund', '{"amount":501}');
  const page = await as('pay-ann', gateway.page(id));
  await click(page, 'Approve');
  await says(page, 'You approved it: the call can run once.');
  assert.equal(await fact(page, 'State').innerText(), 'approved');
  assert.equal(await fact(page, 'Approvals').innerText(), '1 of 1: pay-ann');
  assert.deepEqual((await gateway.call('agent', 'refund', '{"amount":501}')).result, { content: [] });
  assert.equal((await gateway.call('agent', 'refund', '{"amount":501}')).error.code, 428);
  await click(page, 'Look again');
  await says(page, 'There is no such request, or it is over.');
});

test('a denial has its reason', async () => {
  const id = await gateway.request('refund', '{"amount":502}');
  const page = await as('pay-ann', gateway.page(id));
  await page.getByLabel('Reason for a denial').fill('Not today & not "tomorrow": 50 % é');
  await click(page, 'Deny');
  await says(page, 'You denied it.');
  assert.equal(await fact(page, 'Reason').innerText(), 'Not today & not "tomorrow": 50 % é');
  assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0);
  const { error } = await gateway.call('agent', 'refund', '{"amount":502}');
  assert.match(error.message, /was denied: Not today & not "tomorrow": 50 % é/);
});

test('an approval is taken back', async () => {
  const id = await gateway.request('refund', '{"amount":503}');
  const page = await as('pay-ann', gateway.page(id));
  await click(page, 'Approve');
  await click(page, 'Take the approval back');
  await says(page, 'You denied it.');
  const { error } = await gateway.call('agent', 'refund', '{"amount":503}');
  assert.equal(error.data.reason, 'approval_denied');
});

test('two approvers approve what needs two', async () => {
  const id = await gateway.request('payout', '{"amount":504}');
  const ann = await as('pay-ann', gateway.page(id));
  await click(ann, 'Approve');
  await says(ann, 'Another approver has to approve it too.');
  assert.equal(await fact(ann, 'Approvals').innerText(), '1 of 2: pay-ann');
  await click(ann, 'Approve');
  await says(ann, 'You have approved the request before.');
  const bob = await as('pay-bob', gateway.page(id));
  assert.equal(await fact(bob, 'Approvals').innerText(), '1 of 2: pay-ann');
  await click(bob, 'Approve');
  await says(bob, 'You approved it: the call can run once.');
  await click(ann, 'Look again');
  await ann.getByText('2 of 2: pay-ann, pay-bob').waitFor();
});

test('who may not see or decide is told so', async () => {
  const id = await gateway.request('refund', '{"amount":505}');
  const page = await as('nobody', gateway.page(id));
  await page.locator('#said.bad').waitFor();
  await signIn(page, 'ops-cid');
  await says(page, 'There is no such request, or it is over. The gateway knows you as "ops-cid".');
  const own = await as('agent', gateway.page(id));
  await own.getByText('Nobody decides about a call of his own.').waitFor();
  assert.equal(await own.getByRole('button', { name: 'Approve' }).count(), 0);
  const gone = await as('pay-ann', gateway.page('apr_aaaaaaaaaaaaaaaa'));
  await says(gone, 'The gateway knows you as "pay-ann".');
  await accessible(gone);
  await picture(gone, 'gone');
});

test('a decision that comes too late is told', async () => {
  const id = await gateway.request('refund', '{"amount":506}');
  const page = await as('pay-ann', gateway.page(id));
  await written(page).waitFor();
  await gateway.decide('pay-bob', id, 'deny');
  await click(page, 'Approve');
  await says(page, 'The request was denied before.');
  await accessible(page);
  await click(page, 'Look again');
  await page.getByText('denied', { exact: true }).waitFor();
});

test('a request for another call under a known id is not decided', async () => {
  const id = await gateway.request('refund', '{"amount":507}');
  const page = await open(gateway.page(id));
  await page.route(gateway.page(id), async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    await route.fulfill({ response: answer, json: { ...body, digest: '0'.repeat(64) } });
  });
  await signIn(page, 'pay-ann');
  await click(page, 'Approve');
  await says(page, 'The request is for another call than the one you saw.');
  assert.equal((await gateway.shown('pay-ann', id)).state, 'pending');
});

test('a gateway that is away and a sign-in that has ended are told', async () => {
  const id = await gateway.request('refund', '{"amount":508}');
  const page = await as('pay-ann', gateway.page(id));
  await written(page).waitFor();
  await page.context().setOffline(true);
  await click(page, 'Approve');
  await says(page, 'The gateway cannot be reached');
  await page.context().setOffline(false);
  // As oauth2 answers: with its page of signing in, or, told not to, without JSON.
  for (const answer of [
    { status: 302, headers: { location: 'https://sign-in.example/' } },
    { status: 401, body: 'OAuth flow failed.' },
  ]) {
    await page.route(gateway.page(id), (route) => route.fulfill(answer));
    await click(page, 'Look again');
    await says(page, 'Your sign-in has ended.');
    await page.unroute(gateway.page(id));
    await click(page, 'Look again');
    await written(page).waitFor();
  }
});

test('a list leads to its requests and back, with one sign-in', async () => {
  const id = await gateway.request('drop', '{"table":"users"}');
  const page = await as('ops-cid', gateway.list);
  await says(page, '1 request about which you may decide');
  const item = await page.getByRole('listitem').innerText();
  assert.match(item, new RegExp(`^drop for agent, pending, time left: .*, ${id}$`));
  await page.getByRole('link', { name: 'drop' }).click();
  await written(page).waitFor();
  assert.equal(page.url(), gateway.page(id));
  await page.goBack();
  await says(page, '1 request about which you may decide');
  await page.goForward();
  await click(page, 'Deny');
  await says(page, 'You denied it.');
  await click(page, 'All requests');
  await says(page, 'Nothing waits for you.');
  await page.reload();
  // Nothing keeps the token but the page.
  await page.getByLabel('Your token').waitFor();
});

test('the keyboard is enough', async () => {
  const id = await gateway.request('drop', '{"table":"keys"}');
  const page = await open(gateway.list);
  const focused = () => page.evaluate(() => document.activeElement.textContent || document.activeElement.id);
  await page.getByLabel('Your token').waitFor();
  assert.equal(await focused(), 'token');
  await page.keyboard.type(token('ops-cid'));
  await page.keyboard.press('Enter');
  await page.getByRole('link', { name: 'drop' }).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'drop');
  await page.keyboard.press('Enter');
  await written(page).waitFor();
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'why');
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'Approve');
  const outline = () => page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.equal(await outline(), 'solid');
  await page.keyboard.press('Space');
  await says(page, 'You approved it');
  assert.equal(await focused(), `Request ${id}`);
});

const HOSTILE = String.raw`{
  "<img src=x onerror=alert(1)>": "</script><script>alert(2)</script>",
  "right": "total \u202e005\u202c \u2066x\u2069 مرحبا بالعالم 12",
  "hidden": "a\u200bb\u00adc\u{e0041}\u3164\ufe0f d\u00a0e",
  "spaces": "x          y ",
  "looks": "pаypal é e\u0301 हिन्दी 日本語 🙂",
  "lines": "one\ntwo\u0000\"}\\",
  "numbers": [1.5e3, 12e-4, 1e200, -2E+2, 9007199254740993, 1.0],
  "__proto__": {"constructor": null, "10": true, "2": false},
  "empty": [{}, [], ""]
}`.replace('\\u{e0041}', '\\udb40\\udc41');

test('nothing that an agent writes is hidden, or more than text', async () => {
  const id = await gateway.request('refund', HOSTILE);
  const page = await as('pay-ann', gateway.page(id));
  await written(page).waitFor();
  const text = await written(page).innerText();
  for (const part of [
    '"<img src=x onerror=alert(1)>": "</script><script>alert(2)</script>"',
    'U+202E005U+202C U+2066xU+2069',
    'aU+200BbU+00ADcU+E0041U+3164U+FE0F dU+00A0e',
    'x10 spacesy ',
    '1.5e3 (= 1500)',
    '12e-4 (= 0.0012)',
    '1e200 (out of the range that is written out)',
    '-2E+2 (= -200)',
    '9007199254740993',
    '1.0',
    String.raw`\"}\\"`,
    '"10": true,\n"2": false',
    'eU+0301',
  ]) {
    assert.ok(text.includes(part), `${part} in ${text}`);
  }
  assert.deepEqual(await written(page).locator('b').allInnerTexts(), [
    'а', 'é', 'हिन्दी', '日本語', '🙂', 'مرحبا', 'بالعالم',
  ]);
  // Words from right to left do not change the order of words.
  const places = await written(page).locator('b').evaluateAll((all) =>
    all.slice(-2).map((one) => one.getBoundingClientRect().left));
  assert.ok(places[0] < places[1], places);
  assert.doesNotMatch(text, /[\p{Cf}\p{Default_Ignorable_Code_Point}]/u);
  assert.equal(await page.locator('img, #view script').count(), 0);
  // Except for what the page adds, this is the text that the approval is of.
  const unmarked = await written(page).evaluate((box) => {
    const copy = box.cloneNode(true);
    for (const mark of copy.querySelectorAll('mark')) mark.remove();
    return copy.textContent;
  });
  const bare = (text) => text.replace(/ \((= |out of)[^)]*\)|[^!-~]/g, '');
  const { params } = await gateway.shown('pay-ann', id);
  assert.equal(bare(unmarked), bare(params));
  await accessible(page);
  await picture(page, 'hostile');
});

const DEEP = `{"deep":${'['.repeat(40)}"x"${']'.repeat(40)},"long":"${'x'.repeat(4096)}","${'k'.repeat(300)}":1}`;

for (const colorScheme of ['light', 'dark']) {
  for (const width of [360, 1280]) {
    test(`${colorScheme}, ${width} pixels wide`, async () => {
      const options = { colorScheme, viewport: { width, height: 800 } };
      const fits = async (page, name) => {
        const broad = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(broad <= width, `${name} is ${broad} pixels wide`);
        await accessible(page);
        await picture(page, `${name}-${colorScheme}-${width}`);
      };
      const id = await gateway.request('refund', `{"amount":600,"for":"${colorScheme} ${width}"}`);
      const deep = await gateway.request('refund', DEEP.replace('"x"', `"${colorScheme} ${width}"`));
      const page = await open(gateway.list, options);
      await page.getByLabel('Your token').waitFor();
      await fits(page, 'sign-in');
      await signIn(page, 'pay-ann');
      await page.getByRole('link').first().waitFor();
      await fits(page, 'list');
      await page.locator(`a[href$="${id}"]`).click();
      await written(page).waitFor();
      await fits(page, 'request');
      await click(page, 'Approve');
      await says(page, 'You approved it');
      await fits(page, 'approved');
      await click(page, 'All requests');
      await page.locator(`a[href$="${deep}"]`).click();
      await page.getByText(`Request ${deep}`).waitFor();
      await written(page).waitFor();
      assert.ok((await written(page).innerText()).includes('x'.repeat(4096)));
      await fits(page, 'deep');
    });
  }
}

test('the head of the page is that of its document', async () => {
  const ask = (method) => fetch(gateway.list, { method, headers: { accept: 'text/html' } });
  const [head, whole] = [await ask('HEAD'), await ask('GET')];
  assert.deepEqual([head.status, whole.status, await head.text()], [200, 200, '']);
  for (const name of ['content-security-policy', 'content-type', 'referrer-policy']) {
    assert.ok(whole.headers.get(name), name);
    assert.equal(head.headers.get(name), whole.headers.get(name), name);
  }
});

test('no other site shows the page or decides by it', async () => {
  const id = await gateway.request('refund', '{"amount":509}');
  const { digest } = await gateway.shown('pay-ann', id);
  const headers = { 'mcp-approval-digest': digest, authorization: `Bearer ${token('pay-ann')}` };
  const frame = `<iframe src="${gateway.page(id)}"></iframe>`;
  const site = await Site.start();
  const decide = `${gateway.page(id)}/approve`;
  const tried = await site.decides(await people.context(), decide, headers, frame);
  site.stop();
  assert.deepEqual(tried, { form: 401, script: 'TypeError' });
  assert.equal((await gateway.shown('pay-ann', id)).state, 'pending');
});
