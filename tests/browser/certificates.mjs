// Certificates for one run of the tests, by openssl.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Nothing of the machine's own configuration: its defaults make every certificate a CA.
const PLAIN = '[req]\ndistinguished_name=name\n[name]\n';
const LIST = '[ca]\ndefault_ca=list\n[list]\ndatabase=issued\ndefault_md=sha256\ndefault_crl_days=2\n';

/** A certificate and its key, as Node.js names them. */
export const pair = ({ certPath, keyPath }) => ({
  cert: readFileSync(certPath),
  key: readFileSync(keyPath),
});

export class Authority {
  constructor(folder) {
    this.folder = folder;
    mkdirSync(folder, { recursive: true });
    for (const [name, text] of [['plain.cnf', PLAIN], ['list.cnf', LIST], ['issued', '']]) {
      writeFileSync(join(folder, name), text);
    }
    this.make('ca', ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign,cRLSign']);
    this.list();
  }

  run(...options) {
    execFileSync('openssl', options, { cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] });
  }

  make(name, extensions, by = []) {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc'];
    const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`, '-days', '2'];
    const more = extensions.flatMap((extension) => ['-addext', extension]);
    this.run('req', '-config', 'plain.cnf', '-x509', '-subj', `/CN=${name}`, ...key, ...files, ...more, ...by);
  }

  /** The paths of a certificate and its key, as playwright names them. */
  issue(name, alternative) {
    const extensions = [`subjectAltName=${alternative}`, 'basicConstraints=critical,CA:FALSE'];
    this.make(name, extensions, ['-CA', 'ca.pem', '-CAkey', 'ca.key']);
    return { certPath: join(this.folder, `${name}.pem`), keyPath: join(this.folder, `${name}.key`) };
  }

  ca() {
    return readFileSync(join(this.folder, 'ca.pem'));
  }

  crl() {
    return readFileSync(join(this.folder, 'crl.pem'));
  }

  /** Writes the list of certificates that were revoked. */
  list(...times) {
    const by = ['-config', 'list.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key'];
    this.run('ca', ...by, '-gencrl', '-out', 'crl.pem', ...times);
  }

  /** One that is no longer good. */
  oldList() {
    this.list('-crl_lastupdate', '20200101000000Z', '-crl_nextupdate', '20200102000000Z');
  }

  revoke(name) {
    const by = ['-config', 'list.cnf', '-cert', 'ca.pem', '-keyfile', 'ca.key'];
    this.run('ca', ...by, '-revoke', `${name}.pem`);
    this.list();
  }
}
