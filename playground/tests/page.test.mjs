// The playground as people use it: a real Chromium, and the file as it is built.

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { accessible, address, Browser, come, editor, outcomes, picture, steps, textOf, write } from './chromium.mjs';

let browser;

before(async () => (browser = await Browser.start()));
after(() => browser?.inner.close());
afterEach(() => browser.go());

const open = (...options) => browser.open(...options);
const click = (page, name) => page.getByRole('button', { name, exact: true }).click();
const field = (page, name) => page.locator(`#form [name=${name}]`);
const says = (page, where, text) => page.locator(where, { hasText: text }).first().waitFor();

const POLICY = `{
  "version": "1",
  "default": "deny",
  "tools": { "pay": { "rate_limit": "2/minute" } },
  "settings": { "paths": ["/mcp"] }
}`;

test('each step of the tour opens by its link, and gives what its table says', async () => {
  const all = steps();
  assert.equal(all.length, 12);
  const page = await open();
  for (const { name, link, policy, table } of all) {
    assert.equal(link, `#tour/${name.replace('.md', '')}`);
    await page.goto(address + link);
    await page.locator('body[data-ready]').waitFor();
    const picked = page.locator('#examples');
    await page.waitForFunction((id) => document.querySelector('#examples').value === id, link.slice(1));
    assert.match(await picked.locator('option:checked').innerText(), /^\d+\. /);
    assert.equal((await textOf(page, 'policy')).trim(), policy.trim(), name);
    const stated = (line) => line.trim().replace(/^\d\d:\d\d:\d\d\s+/, '').split(/ {2,}/)[1];
    const lines = table.split('\n');
    // One line may be made several times: its outcome is the same each time.
    const found = await outcomes(page);
    lines.forEach((line, at) => assert.ok(found[at].replace(/^.(?:\d+ × )?/, '').startsWith(stated(line)), `${name}: ${line}: ${found[at]}`));
    await write(page, 'calls', table);
    await come(page, lines.map(() => '✓as stated'));
  }
});

test('nothing is fetched, and the page could not', async () => {
  const page = await open();
  const blocked = await page.evaluate(() => {
    const told = new Promise((resolve) => addEventListener('securitypolicyviolation', ({ effectiveDirective }) => resolve(effectiveDirective)));
    fetch('https://example.com/').catch(() => {});
    return told;
  });
  assert.equal(blocked, 'connect-src');
  const refused = await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.ran = true';
    document.body.append(script);
    return window.ran;
  });
  assert.equal(refused, undefined);
  assert.ok(browser.complaints.length >= 2, 'Chromium tells of both');
  browser.complaints = browser.complaints.filter((text) => !text.includes('Content Security Policy'));
  browser.requests = browser.requests.filter((url) => url !== 'https://example.com/');
});

test('errors come as one types, and go', async () => {
  const page = await open();
  await write(page, 'policy', POLICY.replace('"deny"', '"denyy"'));
  await says(page, '#state', '1 error');
  await says(page, '#findings', 'expected `"allow"` or `"deny"`');
  assert.equal(await page.locator('.cm-lintRange-error').innerText(), '"default"');
  assert.equal(await page.locator('body.stale').count(), 1);
  await page.locator('#findings button').click();
  assert.equal(await page.evaluate(() => getSelection().toString()), '"default"');
  await write(page, 'policy', POLICY);
  await says(page, '#state', 'no errors');
  assert.equal(await page.locator('body.stale').count(), 0);
  for (const text of ['', '{', '[]', '"', '\u0000', '{"version": "1", "default": "deny",}', '{"a":'.repeat(200)]) {
    await write(page, 'policy', text || ' ');
    await says(page, '#state', '1 error');
  }
  await write(page, 'policy', POLICY.replace('"paths": ["/mcp"]', ''));
  await says(page, '#state', '1 warning');
});

test('keys and values are completed from the schema', async () => {
  const page = await open();
  await write(page, 'policy', POLICY);
  const at = POLICY.indexOf('"rate_limit"');
  await page.evaluate(() => document.activeElement.blur());
  await editor(page, 'policy').focus();
  await page.keyboard.press('ControlOrMeta+Home');
  for (let step = 0; step < at; step += 1) await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Control+Space');
  await says(page, '.cm-tooltip-autocomplete', '"action"');
  const offered = await page.locator('.cm-tooltip-autocomplete li').allInnerTexts();
  assert.ok(offered.includes('"deny_if"') && !offered.includes('"rate_limit"') && !offered.includes('"version"'), String(offered));
  await says(page, '.cm-completionInfo', 'refuses every call');
  await page.keyboard.type('"act');
  await page.waitForFunction(() => document.querySelectorAll('.cm-tooltip-autocomplete li').length === 1);
  await page.waitForTimeout(100);
  await page.keyboard.press('Enter');
  assert.match(await textOf(page, 'policy'), /"pay": \{ "action": "allow"/);
});

test('values are offered, and keys explained', async () => {
  const page = await open();
  await write(page, 'policy', '{ "version": "1", "default": ');
  await page.keyboard.press('Control+Space');
  await says(page, '.cm-tooltip-autocomplete', '"deny"');
  assert.deepEqual(await page.locator('.cm-tooltip-autocomplete li').allInnerTexts(), ['"allow"', '"deny"']);
  await page.keyboard.press('Escape');
  await write(page, 'policy', POLICY);
  await page.locator('.tok-propertyName', { hasText: '"rate_limit"' }).hover();
  await says(page, '.cm-tooltip-hover', 'One limit in short');
});

test('limits count down over calls', async () => {
  const page = await open();
  await write(page, 'policy', POLICY);
  await write(page, 'calls', '00:00:15  pay');
  await come(page, ['✓allowed']);
  await says(page, '.limits', '1 of 2 per minute, 1 left; begins anew in 45 s');
  await click(page, 'Make this call again');
  await says(page, '.limits', '2 of 2 per minute, 0 left');
  await click(page, 'Make this call again');
  await come(page, ['✓allowed', '✓allowed', '✕rate_limited, again in 45 s']);
  await says(page, '.limits', 'room again in 45 s');
  await says(page, '.verdict', 'Denied');
  await says(page, '.told pre', '"code": 429');
  await page.locator('.facts').getByRole('button', { name: '/tools/pay/rate_limit' }).click();
  assert.match(await page.locator('#policy .decided').innerText(), /rate_limit/);
  await write(page, 'calls', 'pay, 3 times\ncase again\npay');
  await come(page, ['✓2 × allowed ✕1 × rate_limited, again in 60 s', '', '✓allowed']);
});

test('a call is explained, at the line with the cursor', async () => {
  const page = await open('#tour/03-arguments');
  await editor(page, 'calls').focus();
  await page.keyboard.press('ControlOrMeta+Home');
  for (let line = 0; line < 3; line += 1) await page.keyboard.press('ArrowDown');
  await says(page, '.verdict', 'deny_if');
  await says(page, '.message', 'Refunds above 100 are made by people.');
  await says(page, '.facts', 'send a call for which a condition of the check is false');
  await says(page, '.steps', 'DENY');
  await says(page, '.steps', 'args.amount gt 100');
  await says(page, '.told pre', 'HTTP 200');
  await page.getByText('The record in the log').click();
  await says(page, '.told details pre', '"reason": "deny_if"');
  await page.keyboard.press('Shift+Tab');
});

test('a statement that is not true is marked', async () => {
  const page = await open();
  await write(page, 'policy', POLICY);
  await write(page, 'calls', 'pay  denied\nother  default_deny\noops {\npay (x)\n# nothing');
  await come(page, ['≠not as stated: ✓allowed', '✓as stated', '!the arguments of oops are not JSON: EOF while parsing an object; write a call as `oops {"name": 1}`', '!`x` is not known; expected `NAME: VALUE`, `claim PATH = JSON`, `certificate URI`, `ends FLAG` or `no Accept`', '']);
});

test('outcomes are written into the lines, as a test has them', async () => {
  const page = await open();
  await write(page, 'policy', POLICY);
  await write(page, 'calls', '00:00:15  pay, 2 times\n          pay\nother');
  await come(page, ['✓2 × allowed', '✕rate_limited, again in 45 s', '✕default_deny']);
  await click(page, 'Write outcomes');
  await come(page, ['✓as stated', '✓as stated', '✓as stated']);
  assert.equal(await textOf(page, 'calls'), [
    '00:00:15  pay, 2 times  allowed',
    '          pay           rate_limited  /tools/pay/rate_limit',
    'other                   default_deny  (default deny)',
  ].join('\n'));
});

test('a form adds a call', async () => {
  const page = await open('#tour/08-callers');
  await page.getByText('Add a call').click();
  await field(page, 'arguments').fill('{"id": ');
  await click(page, 'Add and call');
  await says(page, '#fault', 'tool: name a tool');
  await field(page, 'tool').fill('refund_order');
  await click(page, 'Add and call');
  await says(page, '#fault', 'arguments: not JSON');
  assert.equal(await field(page, 'arguments').getAttribute('aria-invalid'), 'true');
  await field(page, 'arguments').fill('{\n  "id": 7\n}');
  await field(page, 'caller').fill('agent-9');
  await field(page, 'claims').fill('{"team": "ads"}');
  await field(page, 'headers').fill('X-Trace: 1');
  await field(page, 'times').fill('2');
  await click(page, 'Add and call');
  await says(page, '#calls', 'refund_order {"id": 7} (claim sub = "agent-9"; claim team = "ads"; x-trace: 1), 2 times');
  await says(page, '.verdict', 'rate_limited');
  await says(page, '.steps', 'agent-9: named by');
  assert.equal(await page.locator('#tools option').first().getAttribute('value'), 'refund_order');
});

test('a link carries the policy, the calls and the line', async () => {
  const page = await open('', { permissions: ['clipboard-read', 'clipboard-write'] });
  const policy = POLICY.replace('"version"', '"description": "é😀",\n  "version"');
  await write(page, 'policy', policy);
  await write(page, 'calls', 'pay {"a": "é😀"}\nother\npay');
  await page.keyboard.press('ArrowUp');
  await says(page, '.subject', 'other');
  await click(page, 'Copy link');
  await says(page, '#share', 'Copied');
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(link, /^file:.*#p1\.[-\w]+$/);
  const other = await open(new URL(link).hash);
  await says(other, '.subject', 'other');
  assert.equal(await textOf(other, 'policy'), policy);
  assert.equal(await textOf(other, 'calls'), 'pay {"a": "é😀"}\nother\npay');
  await come(other, ['✓allowed', '✕default_deny', '✓allowed']);
  assert.equal(await other.locator('#notice').isVisible(), false);
  // What is typed is in the address, and comes back after a reload.
  await write(other, 'calls', 'other');
  await other.waitForFunction((before) => location.hash !== before, new URL(link).hash);
  await other.reload();
  await come(other, ['✕default_deny']);
});

test('a link that cannot be read is told', async () => {
  const bomb = await compressed(JSON.stringify(['x'.repeat(8 << 20), '', 0]));
  const other = await compressed(JSON.stringify({ policy: 'x' }));
  const types = await compressed(JSON.stringify([1, [], 'x']));
  for (const fragment of ['#p1.', '#p1.!!', '#p1.AAAA', '#p2.AAAA', '#tour/99', '#%', bomb, other, types]) {
    const page = await open(fragment);
    await says(page, '#notice', 'This link cannot be read');
    await come(page, ['✓allowed', '✓allowed', '✕default_deny', '✕default_deny', '✓allowed', '✕path']);
  }
});

async function compressed(text) {
  const { deflateRawSync } = await import('node:zlib');
  return `#p1.${deflateRawSync(text).toString('base64url')}`;
}

test('every text that is typed has an answer', async () => {
  const page = await open();
  const pieces = ['{', '}', '"', '\\', ' (', ')', '; ', '  ', '\n', 'null', '1e999', '"tools": {', '😀', '\u202e', '\ud800', 'case x', ', 9 times', '[', 'day 2030-01-01'];
  let seed = 7;
  const random = (bound) => (seed = (seed * 48_271) % 2_147_483_647) % bound;
  const changed = (text) => {
    const at = random(text.length + 1);
    return text.slice(0, at) + pieces[random(pieces.length)] + text.slice(at + random(12));
  };
  for (const { policy, table } of steps()) {
    for (let round = 0; round < 3; round += 1) {
      await write(page, 'policy', round === 1 ? policy : changed(policy));
      await write(page, 'calls', changed(changed(table)));
      await page.waitForTimeout(80);
    }
    assert.equal(await page.locator('#notice').isVisible(), false);
  }
  await write(page, 'policy', POLICY);
  await write(page, 'calls', 'pay');
  await come(page, ['✓allowed']);
});

test('the keyboard goes everywhere', async () => {
  const page = await open('#tour/02-patterns');
  const reached = new Set();
  for (let step = 0; step < 16; step += 1) {
    await page.keyboard.press('Tab');
    reached.add(await page.evaluate(() => {
      const at = document.activeElement;
      return at.id || at.getAttribute('aria-label') || at.textContent.trim().slice(0, 24);
    }));
  }
  for (const name of ['examples', 'share', 'Policy', 'keep', 'Calls, one a line', 'Add a call']) assert.ok(reached.has(name), `${name}: ${[...reached]}`);
  // From one finding to the next.
  await editor(page, 'policy').focus();
  await page.keyboard.press('ControlOrMeta+Home');
  await page.keyboard.press('F8');
  assert.match(await page.evaluate(() => getSelection().toString()), /"get_\*"/);
});

for (const [name, options] of [
  ['desktop-light', { colorScheme: 'light' }],
  ['desktop-dark', { colorScheme: 'dark' }],
  ['phone-light', { colorScheme: 'light', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }],
  ['phone-dark', { colorScheme: 'dark', viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 }],
]) {
  test(`the page is fit for everybody: ${name}`, async () => {
    const page = await open('#tour/05-limits', options);
    await page.locator('#calls .cm-line').nth(6).locator('.outcome').click();
    await says(page, '.subject', 'get_order');
    await picture(page, `${name}-limits`);
    await accessible(page);
    const wider = await page.evaluate(() => document.scrollingElement.scrollWidth - innerWidth);
    assert.ok(wider <= 0, `${wider} pixels too wide`);
    await write(page, 'policy', POLICY.replace('"deny"', '"denyy"').replace('"paths"', '"path"'));
    await says(page, '#state', '2 errors');
    await page.getByText('Add a call').click();
    await picture(page, `${name}-errors`);
    await accessible(page);
    await page.goto(`${address}#tour/12-approvals`);
    await page.locator('#calls .cm-line').nth(1).click();
    await says(page, '.verdict', 'approval_required');
    await picture(page, `${name}-approvals`);
    await accessible(page);
  });
}
