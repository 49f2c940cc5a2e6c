// A headless Chromium, and what any page in it is asked.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axe = createRequire(import.meta.url)('axe-core').source;

export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM,
  // In a container that runs as root, Chromium has no sandbox to use.
  args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});

/** A function that takes pictures of pages, if there is a folder for them. */
export function camera(folder) {
  if (folder) mkdirSync(folder, { recursive: true });
  return async (page, name) => {
    if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
  };
}

export async function accessible(page) {
  const findings = await page.evaluate(`${axe}; axe.run().then(({ violations }) =>
    violations.map((one) => one.id + ': ' + one.nodes.map((node) => node.html).join(' ')))`);
  assert.deepEqual(findings, []);
}
