// branches MODULE: runs allowed calls through a module that counts its branches
// (hints.py count), and prints the counts of what they met, as JSON. It is a host of
// proxy-wasm that has no more than such calls take.

import fs from "node:fs";

const CALLS = 200;
const ROOT = 1;

const utf8 = new TextEncoder();
const text = (bytes) => new TextDecoder().decode(bytes);

const checks = {
  require: [{ conditions: [{ path: "args.path", op: "starts_with", value: "src/" }] }],
  deny_if: [{ conditions: [{ path: "args.amount", op: "gt", value: 100 }] }],
  limits: [
    { counter: "calls", window: "day", max: 1e9 },
    { counter: "spent", window: "day", max: 1e9, increment_from: "args.amount" },
  ],
};
const tools = Object.fromEntries([...Array(50).keys()].map((number) => [`tool_${number}`, checks]));
const policy = utf8.encode(
  JSON.stringify({
    version: "1",
    default: "deny",
    identity: [{ header: "x-agent-id" }],
    grants: { ci: { default: "deny", tools } },
    settings: { hold_request_headers: true },
  }),
);

const CODE = 'let total: u64 = items.iter().sum();\nprintln!("{total} for {name}");\n';
const bodies = [1, 40].map((times) =>
  utf8.encode(
    JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "tool_25", arguments: { path: "src/main.rs", amount: 5, text: CODE.repeat(times) } },
    }),
  ),
);

function headers(length) {
  const pairs = Object.entries({
    ":authority": "127.0.0.1:10000",
    ":path": "/mcp",
    ":method": "POST",
    ":scheme": "http",
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": "2025-06-18",
    "x-agent-id": "ci",
    "user-agent": "agent",
    "content-length": String(length),
    "x-forwarded-proto": "http",
    "x-request-id": "6f1c3a52-4a4c-4f4e-9d6c-0c8a1e0b7f11",
  });
  const sizes = Uint32Array.from([pairs.length, ...pairs.flatMap((pair) => pair.map((part) => part.length))]);
  return Buffer.concat([Buffer.from(sizes.buffer), ...pairs.map((pair) => Buffer.from(pair.join("\0") + "\0"))]);
}

let body = bodies[0];
let wasm;
let time = 1_800_000_000_000_000_000n;
let said = "";
const shared = new Map();

const view = () => new DataView(wasm.memory.buffer);
const at = (start, size) => new Uint8Array(wasm.memory.buffer, start, size).slice();

// Lends bytes: a block of the module's own memory, and where it is.
function lend(bytes, data, size) {
  if (!bytes) return 1;
  const block = wasm.proxy_on_memory_allocate(bytes.length);
  new Uint8Array(wasm.memory.buffer).set(bytes, block);
  view().setUint32(data, block, true);
  view().setUint32(size, bytes.length, true);
  return 0;
}

const host = {
  proxy_get_current_time_nanoseconds: (to) => (view().setBigUint64(to, (time += 20_000n), true), 0),
  proxy_get_header_map_pairs: (_, data, size) => lend(headers(body.length), data, size),
  proxy_get_buffer_bytes: (buffer, _, most, data, size) => lend(buffer === 0 ? body : policy, data, size),
  proxy_get_property: (path, length, data, size) => {
    const name = text(at(path, length));
    return lend(name === "response\0flags" ? new Uint8Array(8) : utf8.encode(name), data, size);
  },
  proxy_get_shared_data: (key, length, data, size, version) => {
    const found = shared.get(text(at(key, length)));
    if (found) view().setUint32(version, found.version, true);
    return lend(found?.value, data, size);
  },
  proxy_set_shared_data: (key, length, value, size, expected) => {
    const name = text(at(key, length));
    const version = shared.get(name)?.version ?? 0;
    if (version && expected && version !== expected) return 8;
    shared.set(name, { value: at(value, size), version: version + 1 });
    return 0;
  },
  proxy_set_property: (_, __, value, size) => ((said = text(at(value, size))), 0),
  proxy_send_local_response: () => {
    throw new Error("a call was refused");
  },
};
const wasi = {
  random_get: (to, size) => (new Uint8Array(wasm.memory.buffer, to, size).fill(7), 0),
  environ_get: () => 0,
  environ_sizes_get: (count, size) => (view().setUint32(count, 0, true), view().setUint32(size, 0, true), 0),
};

function call(id) {
  wasm.proxy_on_context_create(id, ROOT);
  wasm.proxy_on_request_headers(id, 12, 0);
  wasm.proxy_on_request_body(id, body.length, 0);
  if (wasm.proxy_on_request_body(id, body.length, 1) !== 0 || !said.includes('"allowed"')) {
    throw new Error(`a call did not go on: ${said}`);
  }
  wasm.proxy_on_response_headers(id, 7, 0);
  wasm.proxy_on_response_body(id, 100, 1);
  wasm.proxy_on_done(id);
  wasm.proxy_on_log(id);
  wasm.proxy_on_delete(id);
}

function counts() {
  const found = [];
  for (let number = 0; wasm[number]; number += 1) found.push(wasm[number].value);
  return found;
}

const module = new WebAssembly.Module(fs.readFileSync(process.argv[2]));
const imports = { env: {}, wasi_snapshot_preview1: {} };
for (const { module: from, name } of WebAssembly.Module.imports(module)) {
  imports[from][name] = host[name] ?? wasi[name] ?? (() => 0);
}
wasm = new WebAssembly.Instance(module, imports).exports;
wasm._initialize();
wasm.proxy_on_context_create(ROOT, 0);
wasm.proxy_on_vm_start(ROOT, 0);
if (!wasm.proxy_on_configure(ROOT, policy.length)) throw new Error("the policy was refused");
// The first call of a caller makes its counts.
call(2);
const before = counts();
for (let id = 3; id < 3 + CALLS; id += 1) {
  body = bodies[id % bodies.length];
  call(id);
}
console.log(JSON.stringify(counts().map((value, number) => Number(value - before[number]))));
