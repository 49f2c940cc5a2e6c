// A headless Chromium, and the page for approvers as people find their way on it.

import assert from 'node:assert/strict';
import { isNative } from './envoy.mjs';
import { camera, launch } from './headless.mjs';

export { accessible } from './headless.mjs';
export const picture = camera(!isNative && process.env.SCREENSHOTS);

export class People {
  static async start() {
    const people = new People();
    people.browser = await launch();
    [people.contexts, people.complaints] = [[], []];
    return people;
  }

  /** A browser of its own, in which nobody has signed in. */
  async context(options = {}) {
    const context = await this.browser.newContext(options);
    this.contexts.push(context);
    // On a machine that has other work.
    context.setDefaultTimeout(120_000);
    return context;
  }

  async open(url, options) {
    const page = await (await this.context(options)).newPage();
    page.on('pageerror', (error) => this.complaints.push(String(error)));
    page.on('dialog', (dialog) => this.complaints.push(dialog.message()));
    page.on('console', (message) => {
      // Chromium tells of each answer that is an error.
      if (!message.text().startsWith('Failed to load resource')) this.complaints.push(message.text());
    });
    await page.goto(url);
    return page;
  }

  /** The end of one test: an error of a script, or of the page's security policy, fails it. */
  async go() {
    await Promise.all(this.contexts.splice(0).map((context) => context.close()));
    assert.deepEqual(this.complaints.splice(0), []);
  }
}

export const click = (page, name) => page.getByRole('button', { name, exact: true }).click();

/** Waits until the page says this. */
export async function says(page, text) {
  await page.locator('#said', { hasText: text }).waitFor();
}

/** The value beside a name. */
export const fact = (page, name) =>
  page.locator('dt', { hasText: new RegExp(`^${name}$`) }).locator('xpath=following-sibling::dd[1]');

export const written = (page) => page.getByRole('group', { name: 'Written by the agent' });
