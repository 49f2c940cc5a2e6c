// traffic MODULE FOLDER: runs calls through a module that counts what they take of it,
// and writes what was counted into FOLDER. It is a host of proxy-wasm that has no more
// than such calls take. A module of tune.py counts in globals, and one of rustc's
// -Cprofile-generate in its memory.

import fs from "node:fs";

const CALLS = 200;
const ROOT = 1;
const [PROGRAM, FOLDER] = process.argv.slice(2);

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
const policy = (tools) => ({
  version: "1",
  default: "deny",
  identity: [{ header: "x-agent-id" }],
  grants: { ci: { default: "deny", tools } },
  settings: { hold_request_headers: true, batches: "judge" },
});

// Each operator on a text or a list that is an argument, one call after another.
const where = (op, value, path = "args.x") => ({ require: [{ conditions: [{ path, op, value }] }] });
const other_tools = {
  eq: where("eq", { a: 1, b: [true] }),
  neq: where("neq", "prod"),
  in: where("in", ["eu", "us", 7]),
  not_in: where("not_in", ["eu", "us"]),
  gte: where("gte", 1.5),
  lt: where("lt", 1e9, "args.x[*]"),
  exists: where("exists", true, "args.x[*].y"),
  contains: where("contains", "needle"),
  ends_with: where("ends_with", "e"),
  regex: where("regex", "^[a-z ]+(one|two)?.*$"),
  length: where("length_lte", 1e6),
  denied: { action: "deny" },
  few: { limits: [{ counter: "few", window: "day", max: 1 }] },
  short: { max_result_bytes: 80 },
};

const message = (method, params) => JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
const call_of = (name, args) => message("tools/call", { name, arguments: args });
const CODE = 'let total: u64 = items.iter().sum();\nprintln!("{total} for {name}");\n';
const ALLOWED = [1, 40].map((times) =>
  call_of("tool_25", { path: "src/main.rs", amount: 5, text: CODE.repeat(times) }),
);
const many = (values) => Array(500).fill(values).flat();
const ARGUMENTS = [
  "one",
  "a needle in prose, with one \n escape, and \u0001 more".repeat(200),
  "žluťoučký kůň one".repeat(200),
  7,
  many([1, 2.5, -3e7, 1e300]),
  many([{ y: 1 }, { y: [] }, {}]),
  many(["one"]),
  many([null, true, 12345678901234567890, 4.35e-290]),
  Object.fromEntries(many([0]).map((value, number) => [`member\n${number}`, value])),
];
// With an escape in each key, as hostile calls have them.
const escaped = (text) => text.replace(/"(\w+)":/g, (_, key) => `"\\u${key.charCodeAt(0).toString(16).padStart(4, "0")}${key.slice(1)}":`);
const OTHERS = [
  ...Object.keys(other_tools).flatMap((tool) => ARGUMENTS.map((x) => call_of(tool, { x }))),
  ...ARGUMENTS.map((x) => escaped(call_of("ends_with", { x, member: { x } }))),
  escaped(ALLOWED[0]),
  call_of("unknown", {}),
  message("tools/list", {}),
  message("ping"),
  message("initialize", { protocolVersion: "2025-06-18", capabilities: {}, clientInfo: { name: "a", version: "1" } }),
  '{"jsonrpc":"2.0","method":"notifications/initialized"}',
  `[${call_of("neq", { x: "a" })},${call_of("neq", { x: "b" })}]`,
  "[1",
];
const LIST = JSON.stringify({
  jsonrpc: "2.0",
  id: 1,
  result: { tools: Object.keys(other_tools).map((name) => ({ name, description: CODE, inputSchema: { type: "object" } })) },
});
const ANSWERS = [
  ["application/json", LIST],
  ["text/event-stream", `event: message\ndata: ${LIST}\n\n`],
];

function serialised(headers) {
  const pairs = Object.entries(headers);
  const sizes = Uint32Array.from([pairs.length, ...pairs.flatMap((pair) => pair.map((part) => Buffer.byteLength(part)))]);
  return Buffer.concat([Buffer.from(sizes.buffer), ...pairs.map((pair) => Buffer.from(pair.join("\0") + "\0"))]);
}

function request_headers(length) {
  return serialised({
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
}

let wasm;
let configuration;
let body;
let answer;
let answer_type;
let said;
let refused;
let shared;
let time = 1_800_000_000_000_000_000n;

const REQUEST = 0;
const REQUEST_BODY = 0;
const RESPONSE_BODY = 1;
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
  proxy_get_header_map_pairs: (map, data, size) =>
    lend(map === REQUEST ? request_headers(body.length) : serialised({ ":status": "200", "content-type": answer_type }), data, size),
  proxy_get_header_map_value: (_, name, length, data, size) =>
    text(at(name, length)) === "content-type" ? lend(utf8.encode(answer_type), data, size) : 1,
  proxy_get_buffer_bytes: (buffer, from, most, data, size) => {
    const whole = { [REQUEST_BODY]: body, [RESPONSE_BODY]: answer }[buffer] ?? configuration;
    return lend(whole.subarray(from, from + most), data, size);
  },
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
  proxy_send_local_response: () => ((refused = true), 0),
};
const wasi = {
  random_get: (to, size) => (new Uint8Array(wasm.memory.buffer, to, size).fill(7), 0),
  environ_get: () => 0,
  environ_sizes_get: (count, size) => (view().setUint32(count, 0, true), view().setUint32(size, 0, true), 0),
};

// A call from its head to its end; what was recorded of it.
function call(id, sent, [type, answered]) {
  [body, answer, answer_type] = [utf8.encode(sent), utf8.encode(answered), type];
  said = "";
  refused = false;
  wasm.proxy_on_context_create(id, ROOT);
  wasm.proxy_on_request_headers(id, 12, 0);
  if (!refused) wasm.proxy_on_request_body(id, body.length, 0);
  if (!refused) wasm.proxy_on_request_body(id, body.length, 1);
  if (!refused) wasm.proxy_on_response_headers(id, 7, 0);
  if (!refused) wasm.proxy_on_response_body(id, answer.length, 0);
  if (!refused) wasm.proxy_on_response_body(id, answer.length, 1);
  wasm.proxy_on_done(id);
  wasm.proxy_on_log(id);
  wasm.proxy_on_delete(id);
  return said;
}

const module = new WebAssembly.Module(fs.readFileSync(PROGRAM));

// A module under a policy, without what is counted before its first call has passed.
function configured(written) {
  const imports = { env: {}, wasi_snapshot_preview1: {} };
  for (const { module: from, name } of WebAssembly.Module.imports(module)) {
    imports[from][name] = host[name] ?? wasi[name] ?? (() => 0);
  }
  configuration = utf8.encode(JSON.stringify(written));
  shared = new Map();
  wasm = new WebAssembly.Instance(module, imports).exports;
  wasm._initialize();
  wasm.proxy_on_context_create(ROOT, 0);
  wasm.proxy_on_vm_start(ROOT, 0);
  if (!wasm.proxy_on_configure(ROOT, configuration.length)) throw new Error("the policy was refused");
}

function counts() {
  const found = [];
  for (let number = 0; wasm[number]; number += 1) found.push(Number(wasm[number].value));
  return found;
}

// What `made` executes, after one call, which creates the caller's counters.
function counted(written, made) {
  configured(written);
  call(2, ALLOWED[0], ANSWERS[0]);
  const before = counts();
  made();
  return counts().map((value, number) => value - before[number]);
}

function make_allowed(times) {
  for (let id = 3; id < 3 + times; id += 1) {
    const said = call(id, ALLOWED[id % ALLOWED.length], ANSWERS[0]);
    if (!said.includes('"allowed"')) throw new Error(`a call did not go on: ${said}`);
  }
}

function make_others() {
  OTHERS.forEach((sent, number) => ANSWERS.forEach((answered, kind) => call(3 + number * 2 + kind, sent, answered)));
}

const PROFILE = ["cnts", "data", "names"];
const bound = (edge, part) => wasm[`__${edge}___llvm_prf_${part}`]?.value;

function write(name, content) {
  fs.writeFileSync(`${FOLDER}/${name}`, content);
}

// What a module of rustc's has in its memory.
function write_profile(name) {
  PROFILE.forEach((part) =>
    write(`${name}.${part}`, at(bound("start", part), bound("stop", part) - bound("start", part))),
  );
  write(`${name}.places`, JSON.stringify(Object.fromEntries(PROFILE.map((part) => [part, bound("start", part)]))));
}

const EVERY = { ...tools, ...other_tools };
configured(policy(tools));
if (bound("start", "cnts")) {
  // So many that what a start takes once is nothing beside them.
  make_allowed(100 * CALLS);
  write_profile("allowed");
  configured(policy(EVERY));
  make_others();
  write_profile("others");
} else {
  const allowed = counted(policy(tools), () => make_allowed(CALLS));
  const others = counted(policy(EVERY), make_others);
  write("counts.json", JSON.stringify({ allowed, others, messages: OTHERS.length * ANSWERS.length }));
}
