/**
 * Fifty machines and one artifact that only an upstream has: slow, fast, broken in the middle, lying about its checksum, on a
 * full disk. One upstream request, fifty right copies or fifty clear errors, and nothing wrong is kept.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Upstream } from './upstream.ts';

const MACHINES = 50;
const SIZE = 1024 * 1024 + 17;
const CONTENT = Buffer.alloc(SIZE, 'a right copy has these bytes. ');
CONTENT.writeUInt32BE(0xdeadbeef, SIZE - 4);
const SUM = createHash('sha256').update(CONTENT).digest('hex');
const quiet = { debug() {}, info() {}, warn() {}, error() {} };

type Answer = (request: IncomingMessage, response: ServerResponse, times: number) => void | Promise<void>;

interface World {
  readonly upstream: Upstream;
  readonly folder: string;
  /** Requests by path. */
  readonly asked: Map<string, string[]>;
}

async function world(
  t: TestContext,
  answers: Record<string, Answer>,
  prepare: (folder: string) => void = () => {},
  silenceMs = 20_000,
): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-upstream-'));
  prepare(folder);
  const asked = new Map<string, string[]>();
  const server = createServer((request, response) => {
    const seen = asked.get(request.url!) ?? [];
    asked.set(request.url!, seen);
    seen.push(request.headers.range ?? 'whole');
    const answer = answers[request.url!];
    if (answer === undefined) response.writeHead(404).end();
    else void answer(request, response, seen.length);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/mirror/`);
  const upstream = new Upstream({ url, folder, logger: quiet, timing: { pauseMs: 5, silenceMs } });
  t.after(async () => {
    await upstream.close();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  return { upstream, folder, asked };
}

interface Copy {
  readonly status: number;
  readonly bytes: Buffer;
  readonly error: Error | undefined;
  readonly declared: number;
}

/** @param pauseMs before each piece: a machine's own pace */
async function copy({ upstream }: World, range?: string, pauseMs = 0): Promise<Copy> {
  const headers = new Headers(range === undefined ? {} : { range });
  const answer = await upstream.answer('os/initrd.gz', { method: 'GET', headers });
  assert.ok(answer !== undefined);
  const pieces: Uint8Array[] = [];
  let error: Error | undefined;
  try {
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>) {
      pieces.push(piece.slice());
      if (pauseMs > 0) await sleep(pauseMs);
    }
  } catch (caught) {
    error = caught as Error;
  }
  return {
    status: answer.status,
    bytes: Buffer.concat(pieces),
    error,
    declared: Number(answer.headers.get('content-length')),
  };
}

/** All at once. @returns when each has what it gets, and the upstream is done */
async function everybody(here: World): Promise<Copy[]> {
  const copies = await Promise.all(Array.from({ length: MACHINES }, () => copy(here)));
  await until(() => here.upstream.counts().filling === 0, 'the end of the fetch');
  return copies;
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  for (let waitedMs = 0; !isSo(); waitedMs += 10) {
    if (waitedMs > 10_000) throw new Error(`${what} did not come`);
    await sleep(10);
  }
}

function allRight(copies: readonly Copy[]): void {
  for (const { status, bytes, error, declared } of copies) {
    assert.equal(error, undefined);
    assert.deepEqual([status, declared, bytes.equals(CONTENT)], [200, SIZE, true]);
  }
}

/** Whatever each has got, it is no whole file; how it ended, it can tell. */
function allBroken(copies: readonly Copy[], words: RegExp): void {
  for (const { bytes, error, declared } of copies) {
    assert.match(error!.message, words);
    assert.ok(bytes.length < declared, 'nobody has the whole of it');
  }
}

function isKept({ folder }: World): boolean {
  const partial = join(folder, '.holdfast-partial');
  if (existsSync(partial)) assert.deepEqual(readdirSync(partial), [], 'nothing half is left');
  const file = join(folder, 'os/initrd.gz');
  if (!existsSync(file)) return false;
  assert.ok(readFileSync(file).equals(CONTENT), 'what is kept is right');
  return true;
}

const FILE = '/mirror/os/initrd.gz';
const DATE = 'Tue, 01 Sep 2026 10:00:00 GMT';
const FIELDS = { 'content-length': SIZE, etag: '"v1"', 'last-modified': DATE };

const whole: Answer = (_request, response) => void response.writeHead(200, FIELDS).end(CONTENT);
const sum =
  (text: string): Answer =>
  (_request, response) =>
    void response.end(text);

/** In pieces, with a pause behind each. */
const slowly: Answer = async (_request, response) => {
  response.writeHead(200, FIELDS);
  for (let at = 0; at < SIZE; at += 70_000) {
    response.write(CONTENT.subarray(at, at + 70_000));
    await sleep(20);
  }
  response.end();
};

/** Breaks after `bytes`, `times` times; answers ranges where it is asked to. */
const breaking =
  (bytes: number, times: number, knowsRanges: boolean): Answer =>
  (request, response, count) => {
    const match = /^bytes=(\d+)-$/.exec(request.headers.range ?? '');
    const from = match === null || !knowsRanges ? 0 : Number(match[1]);
    if (from > 0) {
      assert.equal(request.headers['if-range'], '"v1"');
      response.writeHead(206, {
        ...FIELDS,
        'content-length': SIZE - from,
        'content-range': `bytes ${from}-${SIZE - 1}/${SIZE}`,
      });
    } else response.writeHead(200, FIELDS);
    if (count > times) response.end(CONTENT.subarray(from));
    else response.write(CONTENT.subarray(from, from + bytes), () => setTimeout(() => response.destroy(), 20));
  };

test('an upstream that is fast is asked once, and everybody gets the file, which is kept', async (t) => {
  const here = await world(t, { [FILE]: whole, [`${FILE}.sha256`]: sum(`${SUM}  initrd.gz\n`) });
  allRight(await everybody(here));
  assert.deepEqual(here.asked.get(FILE), ['whole']);
  assert.ok(isKept(here));
  assert.deepEqual(here.upstream.counts().outcomes, { kept: 1, 'disk-full': 0, failed: 0, missing: 0 });
});

test('an upstream that is slow is followed as it goes, and the machines that are slower still hold up nobody', async (t) => {
  const here = await world(t, { [FILE]: slowly });
  const slow = copy(here, undefined, 25);
  const begun = performance.now();
  allRight(await everybody(here));
  const tookMs = performance.now() - begun;
  allRight([await slow]);
  assert.ok(performance.now() - begun > tookMs, 'the slow one came last');
  assert.deepEqual(here.asked.get(FILE), ['whole']);
  assert.ok(isKept(here));
});

test('after breaks the rest is asked for by range, and nobody notices', async (t) => {
  const here = await world(t, {
    [FILE]: breaking(300_000, 3, true),
    '/mirror/os/SHA256SUMS': sum(`${'0'.repeat(64)}  x\n${SUM} *./initrd.gz\n`),
  });
  allRight(await everybody(here));
  const ranges = here.asked.get(FILE)!;
  assert.equal(ranges[0], 'whole');
  assert.ok(
    ranges.length === 4 && ranges.slice(1).every((each) => /^bytes=[1-9]\d*-$/.test(each)),
    String(ranges),
  );
  assert.ok(isKept(here));
});

test('an upstream without ranges is read again, and compared with what came before', async (t) => {
  const here = await world(t, { [FILE]: breaking(300_000, 2, false) });
  allRight(await everybody(here));
  assert.equal(here.asked.get(FILE)!.length, 3);
  assert.ok(isKept(here));
});

test('an upstream that has another version after a break gives fifty errors, and none a mixture', async (t) => {
  const other = Buffer.from(CONTENT);
  other[5] = 0;
  const here = await world(t, {
    [FILE](request, response, count) {
      if (count === 1) return breaking(300_000, 1, false)(request, response, count);
      response.writeHead(200, { ...FIELDS, etag: '"v2"' }).end(other);
    },
  });
  allBroken(await everybody(here), /another version of the file by now/);
  assert.equal(isKept(here), false);
});

test('a wrong checksum gives fifty errors before anybody has the whole file, and nothing is kept', async (t) => {
  const here = await world(t, { [FILE]: slowly, [`${FILE}.sha256`]: sum(`${'1'.repeat(64)}\n`) });
  allBroken(await everybody(here), /the checksum is wrong: published is 1{64}, and what came has /);
  assert.deepEqual(here.asked.get(FILE), ['whole'], 'one request');
  assert.equal(isKept(here), false);
  assert.equal((await copy(here)).status, 502, 'the next one is told at once');
  assert.deepEqual(here.asked.get(FILE), ['whole']);
});

test('an upstream that always breaks, is silent or is not there gives fifty errors', async (t) => {
  const broken = await world(t, {
    [FILE](_request, response) {
      response.writeHead(200, FIELDS).write(CONTENT.subarray(0, 200_000), () => response.destroy());
    },
  });
  allBroken(await everybody(broken), /./);
  const silent = await world(t, { [FILE]: () => {} }, undefined, 1000);
  for (const { status, bytes } of await everybody(silent)) {
    assert.equal(status, 502);
    assert.match(bytes.toString(), /^502 the upstream cannot be asked: nothing came for 1 s\n$/);
  }
  const missing = await world(t, {});
  for (const { status } of await everybody(missing)) assert.equal(status, 404);
  assert.deepEqual([...missing.asked.keys()], [FILE], 'nobody asks for the sum of what is not there');
  for (const here of [broken, silent, missing]) assert.equal(isKept(here), false);
});

test('an upstream that tells no length is waited for, and its file is given with one', async (t) => {
  const here = await world(t, {
    [FILE]: async (_request, response) => {
      for (let at = 0; at < SIZE; at += 300_000) response.write(CONTENT.subarray(at, at + 300_000));
      response.end();
    },
  });
  allRight(await everybody(here));
  assert.ok(isKept(here));
});

test('a disk that takes nothing hurts nobody: each goes on with a request of its own, checked as well', async (t) => {
  // A file where the folder of partial files should be: nothing can be written below it.
  const full = (folder: string): void => writeFileSync(join(folder, '.holdfast-partial'), '');
  const here = await world(t, { [FILE]: whole, [`${FILE}.sha256`]: sum(SUM) }, full);
  allRight(await everybody(here));
  assert.equal(existsSync(join(here.folder, 'os/initrd.gz')), false);
  const lying = await world(t, { [FILE]: whole, [`${FILE}.sha256`]: sum('2'.repeat(64)) }, full);
  allBroken(await everybody(lying), /the checksum is wrong/);
});

test('a name in the way of the folder leaves the file given and not kept', async (t) => {
  const here = await world(t, { [FILE]: whole }, (folder) => writeFileSync(join(folder, 'os'), ''));
  allRight(await everybody(here));
  assert.equal(here.upstream.counts().outcomes['disk-full'], 1);
});

test('a link that leads out of the folder is followed by nobody: the file is given, and kept nowhere', async (t) => {
  const outside = mkdtempSync(join(tmpdir(), 'holdfast-outside-'));
  t.after(() => rmSync(outside, { recursive: true }));
  const here = await world(t, { [FILE]: whole }, (folder) => symlinkSync(outside, join(folder, 'os')));
  allRight(await everybody(here));
  assert.deepEqual(readdirSync(outside), []);
  assert.equal(here.upstream.counts().outcomes['disk-full'], 1);
});

test('ranges of a file on its way are right, and what was redirected is followed', async (t) => {
  const here = await world(t, {
    [FILE]: (_request, response) => void response.writeHead(302, { location: '../elsewhere' }).end(),
    '/mirror/elsewhere': slowly,
  });
  const [middle, tail, beyond] = await Promise.all([
    copy(here, 'bytes=300000-599999'),
    copy(here, 'bytes=-100'),
    copy(here, `bytes=${SIZE}-`),
  ]);
  assert.deepEqual([middle.status, middle.bytes.equals(CONTENT.subarray(300_000, 600_000))], [206, true]);
  assert.deepEqual([tail.status, tail.bytes.equals(CONTENT.subarray(-100))], [206, true]);
  assert.equal(beyond.status, 416);
  assert.deepEqual(here.asked.get('/mirror/elsewhere'), ['whole']);
});

test('only what is allowed is asked for', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-upstream-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'x'));
  const upstream = new Upstream({
    url: new URL('http://127.0.0.1:1/'),
    allow: ['/os/*', '*.efi'],
    folder,
    logger: quiet,
    timing: { pauseMs: 1 },
  });
  const ask = async (path: string) =>
    (await upstream.answer(path, { method: 'GET', headers: new Headers() }))?.status;
  for (const path of ['etc/passwd', 'os', '.git/config', 'os/../x', 'os/.hidden', 'os/a b', ''])
    assert.equal(await ask(path), undefined, path);
  for (const path of ['os/vmlinuz', 'deep/grubx64.efi']) assert.equal(await ask(path), 502, path);
});

test('a client that leaves ends nothing: the file is kept for the next', async (t) => {
  const here = await world(t, { [FILE]: slowly });
  const answer = (await here.upstream.answer('os/initrd.gz', { method: 'GET', headers: new Headers() }))!;
  const reader = answer.body!.getReader();
  await reader.read();
  await reader.cancel();
  const head = (await here.upstream.answer('os/initrd.gz', { method: 'HEAD', headers: new Headers() }))!;
  assert.deepEqual(
    [head.status, head.headers.get('content-length'), head.headers.get('last-modified')],
    [200, String(SIZE), DATE],
  );
  await until(() => here.upstream.counts().filling === 0, 'the end of the fetch');
  assert.ok(isKept(here));
});
