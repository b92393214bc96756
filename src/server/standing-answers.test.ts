/** Answers that stand, beside the same requests answered by exchanges: what clients see is the same to the byte, and so is what is counted. */
import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import type { EngineConnection } from '../engine/engine.ts';
import { files } from '../files/files.ts';
import { STATE_EXCHANGE } from '../http/connection-account.ts';
import { standingOf } from '../web/standing-answers.ts';
import { checkOptions } from './options.ts';
import { ServerThread } from './server-thread.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-standing-'));
after(() => rmSync(root, { recursive: true }));
const LONG_AGO = new Date(Date.UTC(2010));
function put(name: string, content: string): void {
  writeFileSync(join(root, name), content);
  utimesSync(join(root, name), LONG_AGO, LONG_AGO);
}
put('small.bin', 'All work and no play. '.repeat(50));
put('lent.bin', 'x'.repeat(40_000));
put('empty.css', '');
put('page.html', '<p>All work and no play');
// What has just been written is not kept: two changes within a tick of the clock look alike.
await new Promise((resolve) => setTimeout(resolve, 60));

/** Takes all that is written, at once. */
class Taking {
  user: unknown = undefined;
  out = new Uint8Array(80 * 1024);
  unsentBytes = 0;
  isOpen = true;
  takesBytes = true;
  borrowedBytesMin = 16 * 1024;
  sent = '';
  reserve(): number {
    return 0;
  }
  commit(size: number): void {
    this.sent += Buffer.from(this.out.subarray(0, size)).toString('latin1');
  }
  commitBorrowed(bytes: Uint8Array): void {
    this.sent += Buffer.from(bytes).toString('latin1');
  }
  settle(): void {}
  setDeadline(): void {}
  pauseReading(): void {}
  resumeReading(): void {}
  shutdownWrite(): void {
    this.sent += '<FIN>';
  }
  close(): void {
    this.sent += '<CLOSED>';
  }
  reset(): void {}
  remoteAddress(): undefined {}
  peerLiveness(): undefined {}
}

const request = (line: string, fields = '') => `${line}\r\nHost: a\r\n${fields}\r\n`;
const POOL = [
  request('GET /small.bin HTTP/1.1'),
  request('GET /page.html HTTP/1.1', 'Accept-Encoding: gzip\r\n'),
  request('HEAD /small.bin HTTP/1.1'),
  request('GET /lent.bin HTTP/1.1'),
  request('GET /empty.css HTTP/1.1'),
  request('GET /small.bin HTTP/1.1', 'Range: bytes=1-9\r\n'),
  request('GET /small.bin HTTP/1.1', 'If-None-Match: *\r\n'),
  request('GET /none HTTP/1.1'),
  request('GET /small.bin HTTP/1.0', 'Connection: keep-alive\r\n'),
  `${request('GET /small.bin HTTP/1.1', 'Content-Length: 2\r\n')}ab`,
  `${request('POST /small.bin HTTP/1.1', 'Content-Length: 2\r\n')}ab`,
  request('GET /small.bin HTTP/1.1', 'Connection: close\r\n'),
];

/** Until nothing is owed on `conn`, and a look at the disk does not hold any more. */
async function answered(conn: Taking): Promise<void> {
  do await new Promise((resolve) => setTimeout(resolve, 2));
  while ((conn.user as { readonly state: number }).state === STATE_EXCHANGE);
}

interface Stage {
  readonly thread: ServerThread;
  /** How many answers stood. */
  stood: number;
  say(conn: Taking, text: string): void;
  connect(): Taking;
}

function stage(limits: { requestsPerConnection?: number } = {}): Stage {
  const fetch = files(root) as unknown as (request: Request) => globalThis.Response;
  const thread = new ServerThread({
    fetch,
    error: undefined,
    settings: checkOptions({ fetch, limits }),
    logger: console,
    accessLog: undefined,
    scheme: 'http',
  });
  thread.attach({
    nowMs: 0,
    arrivalMs: 0,
    isInTurn: true,
    shouldYield: false,
    connections: () => [],
  } as never);
  const find = standingOf(fetch)!;
  const result: Stage = {
    thread,
    stood: 0,
    say(conn, text) {
      const bytes = Buffer.from(text, 'latin1');
      thread.onReceive(conn as unknown as EngineConnection, bytes, 0, bytes.length);
    },
    connect() {
      const conn = new Taking();
      thread.onAccept(conn as unknown as EngineConnection);
      return conn;
    },
  };
  thread.standing = (head) => {
    const found = find(head);
    if (found !== undefined) result.stood++;
    return found;
  };
  return result;
}

/** @returns what each of some connections is sent, where half of the pieces hold several requests */
async function play(
  seed: number,
  stands: boolean,
): Promise<{ sent: string[]; stood: number; stats: unknown }> {
  const here = stage();
  if (!stands) here.thread.standing = undefined;
  const random = new SeededRandom(seed);
  const pool = POOL.slice(0, random.between(3, POOL.length + 1));
  const connections = [here.connect(), here.connect(), here.connect()];
  for (let i = 0; i < 40; i++) {
    const conn = random.pick(connections);
    let text = '';
    for (let n = random.between(1, 9); n > 0; n--) text += random.pick(pool);
    if (!/<(FIN|CLOSED)>/.test(conn.sent)) here.say(conn, text);
    await answered(conn);
  }
  const { requests, statusClasses } = here.thread.stats();
  const sent = connections.map((each) => each.sent.replace(/Date: [^\r]*/g, ''));
  return { sent, stood: here.stood, stats: { requests, statusClasses } };
}

test('clients see no difference between an answer that stands and one that an exchange gives', async () => {
  let stood = 0;
  for (let seed = 1; seed <= 6; seed++) {
    const [standing, made] = await Promise.all([play(seed, true), play(seed, false)]);
    assert.deepEqual(standing.sent, made.sent, `seed ${seed}`);
    assert.deepEqual(standing.stats, made.stats, `seed ${seed}`);
    assert.equal(made.stood, 0);
    stood += standing.stood;
  }
  assert.ok(stood > 200, `only ${stood} answers stood: nothing was compared`);
});

/** Asks until the answer stands. */
async function settled(here: Stage, conn: Taking, text: string): Promise<void> {
  for (let i = 0; i < 20 && here.stood === 0; i++) {
    here.say(conn, text);
    await answered(conn);
  }
  assert.ok(here.stood > 0, 'the answer never stood');
  conn.sent = '';
}

test('where somebody hears of exchanges, there is one for each request', async () => {
  const here = stage();
  const conn = here.connect();
  await settled(here, conn, POOL[0]!);
  let heard = 0;
  const hear = () => void heard++;
  const finished = channel('holdfast:exchange:finish');
  finished.subscribe(hear);
  here.say(conn, POOL[0]!);
  finished.unsubscribe(hear);
  assert.equal(heard, 1);
  const stoodBefore = here.stood;
  here.say(conn, POOL[0]!);
  assert.equal(here.stood, stoodBefore + 1);
});

test('the last request of a connection, and one of a server that drains, are told so', async () => {
  const limited = stage({ requestsPerConnection: 30 });
  const conn = limited.connect();
  await settled(limited, conn, POOL[0]!);
  limited.say(conn, POOL[0]!.repeat(30));
  assert.equal(conn.sent.match(/Connection: close/g)?.length, 1);
  assert.match(conn.sent, /<FIN>$/);
  const draining = stage();
  const other = draining.connect();
  await settled(draining, other, POOL[0]!);
  draining.thread.isDraining = true;
  draining.say(other, POOL[0]!);
  assert.match(other.sent, /^HTTP\/1\.1 200 OK\r\n.*Connection: close\r\n/s);
});

test('a file that has changed is not what stood', async () => {
  const here = stage();
  const conn = here.connect();
  const asked = request('GET /changed.bin HTTP/1.1');
  put('changed.bin', 'before');
  await new Promise((resolve) => setTimeout(resolve, 60));
  await settled(here, conn, asked);
  put('changed.bin', 'after');
  await answered(conn);
  here.say(conn, asked);
  await answered(conn);
  assert.match(conn.sent, /\r\n\r\nafter$/);
  rmSync(join(root, 'changed.bin'));
  conn.sent = '';
  await answered(conn);
  here.say(conn, asked);
  await answered(conn);
  assert.match(conn.sent, /^HTTP\/1\.1 404 /);
});
