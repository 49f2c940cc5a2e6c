// An Envoy with the filter, in the form that MCP_SHELL names.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const TYPE = 'type.googleapis.com/envoy.extensions.filters.http.';
const STRUCT = 'type.googleapis.com/google.protobuf.Struct';
export const isNative = process.env.MCP_SHELL === 'native';

const wasm = (policy) => ({
  name: 'policy',
  typed_config: {
    '@type': `${TYPE}wasm.v3.Wasm`,
    config: {
      name: 'mcp-policy',
      root_id: 'mcp-policy',
      vm_config: {
        vm_id: 'mcp-policy',
        runtime: 'envoy.wasm.runtime.v8',
        code: { local: { filename: process.env.MODULE } },
      },
      configuration: { '@type': STRUCT, value: policy },
    },
  },
});

const native = (policy) => ({
  name: 'policy',
  typed_config: {
    '@type': `${TYPE}dynamic_modules.v3.DynamicModuleFilter`,
    dynamic_module_config: {
      module: { local: { filename: process.env.NATIVE_MODULE } },
      do_not_close: true,
    },
    filter_name: 'mcp-policy',
    filter_config: { '@type': STRUCT, value: policy },
  },
});

/** The filter with a policy. */
export const filter = isNative ? native : wasm;

/** What comes of `attempt`, as soon as it comes, while Envoy runs. */
async function soon(envoy, attempt) {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (envoy.process.exitCode !== null) throw new Error(envoy.log.join(''), { cause: error });
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export class Envoy {
  /** Starts one whose files are in a folder. Its listener is on a port that is free. */
  static async start(folder, configuration) {
    const envoy = new Envoy();
    const file = join(folder, 'envoy.json');
    writeFileSync(file, JSON.stringify(configuration));
    const admin = join(folder, 'admin');
    const options = ['-c', file, '--concurrency', '2', '--use-dynamic-base-id', '-l', 'warning'];
    // So that no test waits for a line of its access log.
    options.push('--file-flush-interval-msec', '50');
    envoy.process = spawn(process.env.ENVOY_BIN, [...options, '--admin-address-path', admin], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // A test that fails early must not leave an Envoy.
    process.on('exit', () => envoy.process.kill());
    envoy.log = [];
    envoy.process.stderr.on('data', (text) => envoy.log.push(String(text)));
    envoy.access = [];
    envoy.process.stdout.on('data', (text) => envoy.access.push(String(text)));
    envoy.port = await soon(envoy, async () => {
      const at = `http://${readFileSync(admin, 'utf8')}`;
      if (!(await fetch(`${at}/ready`)).ok) throw new Error('not ready');
      const { listener_statuses } = await (await fetch(`${at}/listeners?format=json`)).json();
      return listener_statuses[0].local_address.socket_address.port_value;
    });
    return envoy;
  }

  /** All that it has logged, once its access log has what a pattern names. */
  async logged(pattern) {
    return soon(this, () => {
      const access = this.access.join('');
      if (!pattern.test(access)) throw new Error(`no ${pattern}`);
      return access + this.log.join('');
    });
  }

  async stop() {
    this.process.kill();
    await once(this.process, 'exit');
  }
}
