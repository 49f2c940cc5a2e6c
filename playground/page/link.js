// A link that carries the state in its fragment, which no browser sends to a server.

const KIND = 'p1.';
const MOST = 2 << 20;

/** The bytes that a stream has, up to a number of them. */
async function all(stream) {
  const [chunks, reader] = [[], stream.getReader()];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(chunks).arrayBuffer());
    size += value.length;
    if (size > MOST) {
      await reader.cancel();
      throw new RangeError('too long');
    }
    chunks.push(value);
  }
}

const through = (bytes, transform) => all(new Blob([bytes]).stream().pipeThrough(transform));

/** The fragment of a state, without `#`. */
export async function encode({ policy, calls, line }) {
  const json = new TextEncoder().encode(JSON.stringify([policy, calls, line]));
  const bytes = await through(json, new CompressionStream('deflate-raw'));
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return KIND + btoa(text).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
}

/** The state of a fragment; `null` if it is none. */
export async function decode(fragment) {
  if (!fragment.startsWith(KIND)) return null;
  try {
    const text = atob(fragment.slice(KIND.length).replace(/-/g, '+').replace(/_/g, '/'));
    const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    const json = await through(bytes, new DecompressionStream('deflate-raw'));
    const [policy, calls, line] = JSON.parse(new TextDecoder().decode(json));
    if (typeof policy !== 'string' || typeof calls !== 'string') return null;
    return { policy, calls, line: Number.isInteger(line) ? line : 0 };
  } catch {
    return null;
  }
}
