// A headless Chromium, and the playground as people find their way on it.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
// Of tests/browser: scripts/test-playground puts it beside this file.
import { camera, launch } from './headless.mjs';

export { accessible } from './headless.mjs';
export const picture = camera(process.env.SCREENSHOTS);

export const address = pathToFileURL(process.env.PAGE).href;

export class Browser {
  static async start() {
    const browser = new Browser();
    browser.inner = await launch();
    [browser.contexts, browser.complaints, browser.requests] = [[], [], []];
    return browser;
  }

  async open(fragment = '', options = {}) {
    const context = await this.inner.newContext({ viewport: { width: 1360, height: 900 }, ...options });
    this.contexts.push(context);
    // On a machine that has other work.
    context.setDefaultTimeout(60_000);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('console', (message) => this.complaints.push(message.text()));
    page.on('request', (request) => this.requests.push(request.url()));
    await page.goto(address + fragment);
    await page.locator('body[data-ready]').waitFor();
    return page;
  }

  /** The end of one test: an error of a script, or of the page's security policy, fails it. */
  async go() {
    await Promise.all(this.contexts.splice(0).map((context) => context.close()));
    assert.deepEqual(this.complaints.splice(0), []);
    // Of what a page has in itself, Chromium tells too.
    const beyond = this.requests.splice(0).filter((url) => !url.startsWith(address) && !url.startsWith('data:'));
    assert.deepEqual(beyond, []);
  }
}

const labels = { policy: 'Policy', calls: 'Calls, one a line' };

export const editor = (page, name) => page.getByRole('textbox', { name: labels[name], exact: true });

/** The text of an editor. */
export async function textOf(page, name) {
  await editor(page, name).focus();
  return page.evaluate((label) => {
    const content = document.querySelector(`[aria-label="${label}"]`);
    return [...content.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\n');
  }, labels[name]);
}

/** Replaces the text of an editor, by the keyboard. */
export async function write(page, name, text) {
  await editor(page, name).focus();
  await page.keyboard.press('ControlOrMeta+a');
  await page.keyboard.insertText(text);
}

/** The outcomes behind the lines of calls, where a line has one. */
export const outcomes = (page) => page.locator('#calls .cm-line').evaluateAll((lines) => {
  const told = ({ dataset }) => dataset.sign + dataset.text;
  return lines.map((line) => [...line.querySelectorAll('.outcome > span')].map(told).join(' '));
});

/** Waits until the outcomes are these. */
export async function come(page, expected) {
  for (let time = 0; time < 600; time += 1) {
    if (isDeepStrictEqual(await outcomes(page), expected)) return;
    await page.waitForTimeout(100);
  }
  assert.deepEqual(await outcomes(page), expected);
}

/** The steps of the tour: each with its name, its policy, its table and its links. */
export function steps() {
  const names = readdirSync(process.env.TOUR).filter((name) => /^\d\d-.*\.md$/.test(name)).sort();
  return names.map((name) => {
    const page = readFileSync(join(process.env.TOUR, name), 'utf8');
    const fence = (kind) => page.match(new RegExp(`^\`\`\`${kind}\\n(.*?)\\n\`\`\`$`, 'ms'))[1];
    const link = page.match(/\]\(\S*\/playground\/index\.html(#[^)]*)\)/)?.[1];
    return { name, link, policy: fence('json policy'), table: fence('text calls') };
  });
}
