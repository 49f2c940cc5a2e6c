// Bundles the page into one file: build.mjs GLUE-DIRECTORY ROOT OUTPUT.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { build } from 'esbuild';

const [glue, root, output] = process.argv.slice(2);
const here = import.meta.dirname;
const text = (...path) => readFileSync(join(...path), 'utf8');

/** The fences of a page, each with its kind. */
function fences(page) {
  return [...page.matchAll(/^```([^\n]+)\n(.*?)^```$/gms)].map(([, kind, inner]) => ({ kind, inner }));
}

/** Calls without the outcomes that a table states, which the page finds itself. */
function calls(table) {
  return table.trimEnd().split('\n').map((line) => {
    const [, start, rest] = line.match(/^(\s*(?:\d\d:\d\d:\d\d\s+)?)(.*)$/);
    return start + rest.split(/ {2,}/)[0];
  }).join('\n');
}

/** The first policy of a page with the calls below it. */
function example(name, title, page) {
  const all = fences(page);
  const at = all.findIndex(({ kind }) => kind === 'json policy');
  const table = all.slice(at).find(({ kind }) => kind === 'text calls');
  if (at < 0 || !table) throw new Error(`${name}: no policy with calls`);
  return { id: `tour/${name}`, title, policy: all[at].inner.trimEnd(), calls: calls(table.inner) };
}

function examples() {
  const folder = join(root, 'docs/tour');
  const steps = readdirSync(folder).filter((name) => /^\d\d-.*\.md$/.test(name)).sort();
  const tour = steps.map((name) => {
    const page = text(folder, name);
    return example(name.replace('.md', ''), page.match(/^# (.*)$/m)[1], page);
  });
  return [...tour, example('README', 'The picture of the README', text(folder, 'README.md'))];
}

const made = {
  examples: () => JSON.stringify(examples()),
  schema: () => JSON.stringify(JSON.parse(text(root, 'policy.schema.json'))),
  module: () => JSON.stringify(deflateRawSync(readFileSync(join(glue, 'playground_bg.wasm')), { level: 9 }).toString('base64')),
};

const virtual = {
  name: 'made',
  setup(build) {
    build.onResolve({ filter: /^made:glue$/ }, () => ({ path: join(glue, 'playground.js') }));
    build.onResolve({ filter: /^made:/ }, ({ path }) => ({ path: path.slice(5), namespace: 'made' }));
    build.onLoad({ filter: /.*/, namespace: 'made' }, ({ path }) => ({ contents: made[path](), loader: 'json' }));
  },
};

const options = { write: false, minify: true, legalComments: 'none', charset: 'utf8', logLevel: 'warning' };
const bundle = await build({
  ...options,
  entryPoints: [join(here, 'main.js')],
  bundle: true,
  format: 'esm',
  target: ['chrome109', 'firefox115', 'safari16.4'],
  plugins: [virtual],
  metafile: true,
});
const script = bundle.outputFiles[0].text.trim();
const style = (await build({ ...options, entryPoints: [join(here, 'style.css')] })).outputFiles[0].text.trim();

/** The licences of the packages that are in the bundle. */
function licences() {
  const inputs = Object.keys(bundle.metafile.inputs);
  const folders = inputs.map((input) => input.match(/^(?:.*\/)?(node_modules\/(?:@[^/]+\/)?[^/]+)\//)?.[1]);
  const byText = new Map();
  for (const folder of new Set(folders.filter(Boolean).sort())) {
    const { name, license } = JSON.parse(text(here, folder, 'package.json'));
    if (license !== 'MIT') throw new Error(`${name} has the licence ${license}`);
    const licence = text(here, folder, 'LICENSE').trim();
    byText.set(licence, [...(byText.get(licence) ?? []), name]);
  }
  return [...byText].map(([licence, names]) => `${names.join(', ')}:\n\n${licence}`).join('\n\n');
}

const hash = (inner) => `'sha256-${createHash('sha256').update(inner).digest('base64')}'`;
const policy = [
  "default-src 'none'",
  `script-src ${hash(script)} 'wasm-unsafe-eval'`,
  // The nonce is for the rules that the editor adds.
  `style-src ${hash(style)} 'nonce-editor'`,
  // Chromium writes style attributes where one types over a selection. They fetch nothing.
  "style-src-attr 'unsafe-inline'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

if (/<\/script/i.test(script) || /<\/style/i.test(style)) throw new Error('an end tag is in the bundle');
const parts = { policy, style, script };
const page = text(here, 'index.html').replace(/made:(policy|style|script)/g, (_, name) => parts[name]);
writeFileSync(output, `${page.trimEnd()}\n<!--\nIn the script above:\n\n${licences().replaceAll('--', '- -')}\n-->\n`);
