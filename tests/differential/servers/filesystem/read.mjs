// Reads paths, URLs and URIs as servers in Node.js do. A line on stdin is `["path", TEXT]`,
// `["url", TEXT]` or `["uri", TEXT]`; the line that answers it has, by the name of each
// reader, a path, `[scheme, host, port]` or a URI, or null where the reader refuses.
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, parse } from 'node:url';

import { expandHome, normalizePath } from '@modelcontextprotocol/server-filesystem/dist/path-utils.js';

process.removeAllListeners('warning');
process.on('warning', () => {});

const PORTS = { 'https:': 443, 'http:': 80, 'ftp:': 21, 'ws:': 80, 'wss:': 443 };

const place = ({ protocol, hostname, port }) => {
    const name = (hostname ?? '').replace(/^\[|\]$/g, '');
    return name ? [protocol.replace(/:$/, ''), name, port ? Number(port) : (PORTS[protocol] ?? 0)] : null;
};

const READERS = {
    uri: {
        // As MCP's SDK reads the URI of a resource.
        'node URL': text => new URL(text).href,
        'node URL twice': text => new URL(new URL(text).href).href,
        'node trim': text => new URL(text.trim()).href,
        'node decode': text => decodeURIComponent(text),
        'node encode': text => encodeURI(text),
        'node file': text => `file://${fileURLToPath(text)}`,
        'node parse': text => parse(text).href,
        'node join': text => {
            const { protocol, host, pathname, search, hash } = new URL(text);
            if (!host) throw new Error('no host');
            const folder = pathname && path.posix.normalize(decodeURIComponent(pathname));
            return `${protocol}//${host}${folder}${search}${hash}`;
        },
    },
    path: {
        'node resolve': text => path.posix.resolve(text),
        'node normalize': text => path.posix.normalize(text),
        'node trim': text => path.posix.resolve(text.trim()),
        'node decode': text => path.posix.resolve(decodeURIComponent(text)),
        'node slashes': text => path.posix.resolve(text.replaceAll('\\', '/')),
        'node file': text => fileURLToPath(new URL(text.startsWith('file:') ? text : 'x:')),
        'node file URL': text => fileURLToPath(new URL(`file://${text}`)),
        // As the server does it, and as it reads the folders that it is given.
        'server-filesystem': text => normalizePath(path.resolve(expandHome(text))),
        'server-filesystem folder': text => path.resolve(normalizePath(expandHome(text))),
    },
    url: {
        'node URL': text => place(new URL(text)),
        'node URL trim': text => place(new URL(text.trim())),
        'node Request': text => place(new URL(new Request(text).url)),
        'node parse': text => place(parse(text)),
        'node relative': text => place(new URL(text, 'https://base.example/')),
    },
};

for await (const line of createInterface({ input: process.stdin })) {
    const [kind, text] = JSON.parse(line);
    const read = {};
    for (const [name, reader] of Object.entries(READERS[kind])) {
        try {
            read[name] = reader(text);
        } catch {
            read[name] = null;
        }
    }
    process.stdout.write(`${JSON.stringify(read)}\n`);
}
