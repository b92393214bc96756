/** `holdfast prove` as a user runs it: a fault is found, written down and played again; what it refuses, it refuses in a sentence. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { PATIENT_PROMISES, startFaulty } from '#src/prove/faulty-server.fixture.ts';
import type { Capsule } from '#src/prove/finding.ts';
import type { MatrixDocument } from '#src/prove/matrix/matrix-run.ts';
import type { ProveResult } from '#src/prove/results.ts';
import { run } from './cli-run.ts';

let folder = '';
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-prove-'));
});
after(() => rm(folder, { recursive: true }));

test('a planted fault is found, made smaller, written into a capsule, and shows again', async (t) => {
  const server = await startFaulty(
    { overlooks: (all) => all.replace(/(Content-Length: ?\d+\r\n)Content-Length: ?\d+\r\n/gi, '$1') },
    PATIENT_PROMISES,
  );
  t.after(() => server.close());
  const page = join(folder, 'report.html');
  const capsules = join(folder, 'capsules');
  const args = ['prove', server.target.url, '--slices', 'malformed', '--for', '1s', '--seed', '5', '-c', '8'];
  const found = await run(t, [...args, '--json', '--capsules', capsules, '--html', page]);
  assert.equal(found.code, 99, found.stderr);
  assert.equal(found.stderr, '');
  const result = JSON.parse(found.stdout) as ProveResult;
  const { slices, quiet } = result.targets[0]!;
  assert.ok(quiet!.answered > 10 && slices[0]!.beside.answered > 10 && slices[0]!.beside.failed === 0);
  const finding = slices[0]!.findings.find(({ id }) => id === 'malformed/two-lengths');
  assert.equal(finding?.severity, 'high');
  assert.equal(finding.rule, 'RFC 9112 §6.3');
  const [, file] = /--replay (\S+)/.exec(finding.capsule.replay)!;
  const capsule = JSON.parse(await readFile(join(capsules, file!), 'utf8')) as Capsule;
  assert.ok(
    capsule.exchange.some(({ what, bytes }) => what === 'received' && /^HTTP\/1\.1 200/.test(bytes!)),
  );
  assert.match(await readFile(page, 'utf8'), /two Content-Length values that differ was answered with 200/);
  const again = await run(t, ['prove', server.target.url, '--replay', join(capsules, file!)]);
  assert.deepEqual([again.code, again.stderr], [99, '']);
  assert.match(again.stdout, /^malformed\/two-lengths shows: /);
  const good = await startFaulty({}, PATIENT_PROMISES);
  t.after(() => good.close());
  const gone = await run(t, ['prove', good.target.url, '--replay', join(capsules, file!)]);
  assert.deepEqual([gone.code, gone.stdout], [0, 'malformed/two-lengths does not show any more\n']);
});

const REFUSED: readonly (readonly [args: string[], code: number, words: RegExp])[] = [
  [[], 2, /a target is missing/],
  [['http://127.0.0.1:1/', '--openapi', 'package.json'], 2, /--openapi.*no operationId is login, logout/],
  [['http://192.0.2.1/'], 2, /192\.0\.2\.1 is not this machine.*--i-may-attack 192\.0\.2\.1/],
  [
    ['http://127.0.0.1:1/', '--against', 'http://192.0.2.1/'],
    2,
    /--against.*192\.0\.2\.1 is not this machine/,
  ],
  [
    ['http://127.0.0.1:1/', '--slices', 'nothing'],
    2,
    /--slices: "nothing" is not allowed; slices are sessions, malformed, /,
  ],
  [
    ['http://127.0.0.1:1/', '--engines', 'epoll'],
    2,
    /--engines goes with a folder or a module, which prove starts/,
  ],
  [['http://127.0.0.1:1/', '--protocols', 'h2'], 2, /--protocols goes with a folder or a module/],
  [
    ['examples/proved.mjs', '--protocols', 'h3'],
    2,
    /"h3" is not allowed; protocols are h1, h2, h1-tls, h2-tls/,
  ],
  [['http://127.0.0.1:1/', '--resume'], 2, /--resume goes with --matrix/],
  [['http://127.0.0.1:1/', '--matrix', 'a.yaml'], 2, /--matrix takes its targets from its file/],
  [['--matrix', '/nowhere.yaml'], 1, /--matrix \/nowhere\.yaml: cannot be read \(ENOENT\)/],
  [['--matrix', 'package.json'], 2, /--matrix: "package.json" is not allowed; it has no list "apps"/],
  [['--matrix', 'examples/apps/matrix.yaml', '--resume'], 2, /--resume goes on with the document of --out/],
  [['http://127.0.0.1:1/', '--path', 'a b'], 2, /--path.*a path that begins with \//],
  [['ftp://127.0.0.1/'], 1, /no such folder or module/],
  [['http://127.0.0.1:1/', '--replay', '/nowhere.json'], 1, /--replay \/nowhere\.json: no such file/],
  [['http://127.0.0.1:1/', '--replay', 'package.json'], 1, /it is no capsule/],
  [
    ['http://127.0.0.1:1/', '--html', '/nowhere/a.html'],
    1,
    /--html \/nowhere\/a\.html: cannot be written \(ENOENT\)/,
  ],
];

test('what is wrong is told in one line, before anybody is attacked', async (t) => {
  for (const [args, code, words] of REFUSED) {
    const ended = await run(t, ['prove', ...args]);
    assert.equal(ended.code, code, `${args.join(' ')}: ${ended.stderr}`);
    assert.match(ended.stderr, words);
    assert.equal(ended.stderr.trimEnd().split('\n').length, 1, ended.stderr);
  }
});

test('a matrix has a cell for each engine and protocol, and goes on where it was left', async (t) => {
  const list = join(folder, 'apps.yaml');
  const out = join(folder, 'matrix.json');
  await writeFile(join(folder, 'app.mjs'), "export default () => new Response('hello');\n");
  await writeFile(
    list,
    'apps:\n  - { name: hello, module: app.mjs }\n  - { name: away, module: app.mjs, upstream: NO_SUCH_URL }\n',
  );
  const args = [
    'prove',
    '--matrix',
    list,
    '--engines',
    'node',
    '--protocols',
    'h1,h2-tls',
    '--slices',
    'tls,invariants',
  ];
  const flags = ['--for', '1s', '--out', out, '--capsules', 'off', '--quiet'];
  const first = await run(t, [...args, ...flags]);
  assert.deepEqual([first.code, first.stderr], [0, ''], first.stdout);
  assert.match(first.stdout, /^hello h2-tls +kept /m);
  assert.match(first.stdout, /^away was left out: NO_SUCH_URL is not set$/m);
  const document = JSON.parse(await readFile(out, 'utf8')) as MatrixDocument;
  assert.deepEqual(
    document.cells.map(({ engine, protocol, verdict }) => [engine, protocol, verdict]),
    [
      ['node', 'h1', 'kept'],
      ['node', 'h2-tls', 'kept'],
    ],
  );
  const again = await run(t, [...args, '--for', '1s', '--out', out, '--capsules', 'off', '--resume']);
  assert.match(again.stderr, /hello is in the document already/);
  assert.equal(again.code, 0, again.stderr);
});
