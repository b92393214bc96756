/**
 * What a folder answers to ranges and conditions, beside a real nginx and a real Apache over the same file: the same status,
 * range and bytes, or a difference that has its reason in `file-requests.ts`. Each skips where it is not installed.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { files, type Server, serve } from '#src/index.ts';
import { FILE_REQUESTS, type FileRequest, nameOf, REASONS } from './file-requests.ts';
import { freePort } from './load-servers.ts';
import { RawClient } from './raw-client.ts';

const base = mkdtempSync(join(tmpdir(), 'holdfast-beside-'));
const root = join(base, 'root');
const quiet = { debug() {}, info() {}, warn() {}, error() {} };
let server: Server;

before(async () => {
  // Their workers run as somebody else, who may read it too.
  chmodSync(base, 0o755);
  mkdirSync(root);
  writeFileSync(join(root, 'digits.txt'), '0123456789'.repeat(100));
  // A date is told once its second is over.
  await sleep(2100);
  server = await serve({ port: 0, logger: quiet, fetch: files(root) });
});
after(async () => {
  await server.close(true);
  rmSync(base, { recursive: true });
});

/** Debian puts servers where only root's PATH leads. */
function binary(name: string): string | undefined {
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}

const NGINX = (port: number, folder: string) => `daemon off; worker_processes 1; pid ${folder}/pid; events {}
http { access_log off; ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
server { listen 127.0.0.1:${port}; root ${root}; } }
`;
const MODULES = '/usr/lib/apache2/modules';
const APACHE = (port: number, folder: string) => `LoadModule mpm_event_module ${MODULES}/mod_mpm_event.so
LoadModule authz_core_module ${MODULES}/mod_authz_core.so
Listen 127.0.0.1:${port}
ServerName localhost
PidFile ${folder}/pid
ErrorLog ${folder}/log
DefaultRuntimeDir ${folder}
DocumentRoot ${root}
`;

async function start(
  t: TestContext,
  command: string,
  config: (port: number, folder: string) => string,
  args: (file: string, folder: string) => string[],
): Promise<number> {
  const port = await freePort();
  const folder = mkdtempSync(join(base, 'server-'));
  writeFileSync(join(folder, 'conf'), config(port, folder));
  const child = spawn(command, args(join(folder, 'conf'), folder), { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const ended = new Promise((resolve) => child.once('exit', resolve));
  t.after(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  for (let waitedMs = 0; waitedMs < 10_000 && child.exitCode === null; waitedMs += 50) {
    const isUp = await fetch(`http://127.0.0.1:${port}/digits.txt`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return port;
    await sleep(50);
  }
  throw new Error(`${command} did not start: ${log}`);
}

interface Answer {
  readonly status: number;
  readonly range: string | undefined;
  readonly length: string | undefined;
  /** Parts with their ranges, where there are several. */
  readonly parts: readonly string[];
  readonly body: string;
}

const DATES = /\{(date|before|after)\}/;

/** Over a socket, with the fields as they stand: no client adds or changes any. */
async function answerTo(port: number, { method = 'GET', headers }: FileRequest): Promise<Answer> {
  const known = await fetch(`http://127.0.0.1:${port}/digits.txt`, { method: 'HEAD' });
  const dateMs = Date.parse(known.headers.get('last-modified') ?? '');
  const shiftsMs: Record<string, number> = { date: 0, before: -3_600_000, after: 3_600_000 };
  const lines = Object.entries(headers).map(([name, value]) => {
    const tagged = value.replace('{etag}', known.headers.get('etag') ?? '');
    const dated = tagged.replace(DATES, (_, which: string) =>
      new Date(dateMs + shiftsMs[which]!).toUTCString(),
    );
    return `${name}: ${dated}\r\n`;
  });
  const client = await RawClient.open(port);
  client.write(`${method} /digits.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${lines.join('')}\r\n`);
  await client.until(({ ended }) => ended, 'the end');
  const [head = '', ...rest] = client.text.split('\r\n\r\n');
  client.destroy();
  const field = (name: string) => new RegExp(`^${name}: (.*)\r?$`, 'im').exec(head)?.[1];
  const status = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
  const text = rest.join('\r\n\r\n');
  const boundary = /boundary=(\S+)/.exec(field('content-type') ?? '')?.[1];
  const parts =
    boundary === undefined
      ? []
      : text
          .split(`--${boundary}`)
          .slice(1, -1)
          .map((part) => {
            const [fields = '', bytes = ''] = part.split('\r\n\r\n');
            return `${/^content-range: (.*)$/im.exec(fields)?.[1]} ${bytes.trimEnd()}`;
          });
  const isFile = status === 200 || status === 206;
  return {
    status,
    range: field('content-range'),
    // What an error page says, and how the parts are put together, is each server's own.
    length: isFile && boundary === undefined ? field('content-length') : undefined,
    parts,
    body: isFile && boundary === undefined ? text : '',
  };
}

const OTHERS = {
  nginx: {
    binary: binary('nginx'),
    config: NGINX,
    args: (file: string, folder: string) => ['-p', folder, '-e', 'stderr', '-c', file],
  },
  Apache: {
    binary: binary('apache2') ?? binary('httpd'),
    config: APACHE,
    args: (file: string) => ['-X', '-f', file],
  },
};

for (const [name, other] of Object.entries(OTHERS) as [keyof typeof OTHERS, (typeof OTHERS)['nginx']][]) {
  const isThere = other.binary !== undefined && (name === 'nginx' || existsSync(MODULES));
  test(`ranges and conditions are answered as by ${name}, or the difference has its reason`, {
    skip: isThere ? false : `${name} is not installed`,
  }, async (t) => {
    assert.ok(FILE_REQUESTS.length >= 80);
    const port = await start(t, other.binary!, other.config, other.args);
    const differences: Record<string, [Answer, Answer]> = {};
    for (const request of FILE_REQUESTS) {
      const [ours, theirs] = await Promise.all([answerTo(server.port, request), answerTo(port, request)]);
      if (JSON.stringify(ours) !== JSON.stringify(theirs)) differences[nameOf(request)] = [ours, theirs];
    }
    const unexplained = Object.entries(differences).filter(([each]) => REASONS[name][each] === undefined);
    assert.deepEqual(unexplained, []);
    const vain = Object.keys(REASONS[name]).filter((each) => differences[each] === undefined);
    assert.deepEqual(vain, [], 'these have a reason, and do not differ');
  });
}
