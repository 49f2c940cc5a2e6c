// The core of the filter, as WebAssembly within the page.

import init, { check as checked, Gateway } from 'made:glue';
import packed from 'made:module';

/** Compiles the module. */
export async function start() {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  await init({ module_or_path: await new Response(stream).arrayBuffer() });
}

/** The findings about a policy. */
export const check = (policy) => JSON.parse(checked(policy));

/**
 * What becomes of each line of calls, under a policy without errors. The line at `picked`
 * is taken apart.
 */
export function play(policy, lines, picked) {
  const gateway = Gateway.open(policy);
  if (!gateway) return [];
  try {
    return lines.map((line, at) => JSON.parse(gateway.play(line, at === picked)));
  } finally {
    gateway.free();
  }
}

/** What a policy answers to a question about it. */
function ask(policy, question) {
  const gateway = Gateway.open(policy);
  if (!gateway) return null;
  try {
    return JSON.parse(question(gateway));
  } finally {
    gateway.free();
  }
}

/** A line of calls, made of the fields of the form. */
export const compose = (policy, fields) => ask(policy, (gateway) => gateway.compose(JSON.stringify(fields)));

/** The names of tools in a policy. */
export const tools = (policy) => ask(policy, (gateway) => gateway.tools()) ?? [];
