/**
 * The attacks on HTTP/2 of the last years over sockets, on every engine: each is ended with the right code and within its
 * bound, costs no memory and no other client its answers. And clients that look like one, and are honest, are never cut.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { selectEngine } from '#src/engine/select.ts';
import type { EngineName } from '#src/index.ts';
import { HTTP2_PREFACE } from '#src/protocol/detect.ts';
import { ENHANCE_YOUR_CALM } from '#src/protocol/h2/error-codes.ts';
import * as frame from '#src/protocol/h2/frames.ts';
import {
  blockOf,
  dataOf,
  type Fields,
  frameOf,
  headersOf,
  joined,
  PING,
  resetOf,
  SETTINGS_ACK,
  settingsOf,
  uint32,
  windowUpdateOf,
} from '#src/protocol/h2/server/core.fixture.ts';
import { ask, connectH2, leave } from './h2-client.ts';
import { RawClient } from './raw-client.ts';

const APP = fileURLToPath(new URL('../test/http2-attacks.app.mjs', import.meta.url));
const HOLDFAST = new URL('../dist/index.js', import.meta.url).href;
/** V8 lets its young generation grow under load, and gives that back when it pleases. */
const V8_FLAGS = ['--expose-gc', '--max-semi-space-size=1'];
const GROWTH_BYTES_MAX = 4 * 2 ** 20;
const FRAMES = 20_000;
const BATCH = 50;
/** What is on its way when the end comes. */
const UNDER_WAY = 20 * BATCH;

function requestOf(method: string, path: string): Fields {
  return [
    [':method', method],
    [':scheme', 'http'],
    [':path', path],
    [':authority', 'a'],
  ];
}

const NEVER = requestOf('GET', '/never');
const UPLOAD = requestOf('POST', '/never');
const idOf = (n: number): number => 2 * n + 1;

interface Attack {
  /** The faults of which one is counted. */
  readonly codes: readonly string[];
  /** So many frames at once, and so many more a second, at most. */
  readonly burst: number;
  readonly perSecond?: number;
  readonly settings?: readonly number[];
  readonly first?: Uint8Array;
  readonly count?: number;
  readonly frames: (n: number) => Uint8Array;
}

const FIELDS = blockOf(Array.from({ length: 100 }, (_, n) => [`x-${n}`, 'y'.repeat(100)] as const));
const UNENDED = frameOf(frame.FRAME_HEADERS, 0, 1, blockOf(NEVER));
const LARGE_FIELD = Uint8Array.of(0x40, 1, 0x61, 0x7f, 0xa1, 0x1e, ...new Uint8Array(4000).fill(0x62));
/** Handlers go on behind a reset and keep their place: what comes then is refused, and its reset hits no stream. */
const RESET_CODES = ['h2-reset-flood', 'h2-stray-frame-flood'];
const CLOSED_WINDOWS = [frame.SETTINGS_INITIAL_WINDOW_SIZE, 0];

const ATTACKS: Readonly<Record<string, Attack>> = {
  'rapid reset': {
    codes: RESET_CODES,
    burst: 1000,
    perSecond: 200,
    frames: (n) => joined(headersOf(idOf(n), NEVER), resetOf(idOf(n))),
  },
  'made you reset, by a WINDOW_UPDATE of 0': {
    codes: RESET_CODES,
    burst: 1000,
    perSecond: 200,
    frames: (n) => joined(headersOf(idOf(n), NEVER), windowUpdateOf(idOf(n), 0)),
  },
  'made you reset, by a window that overflows': {
    codes: RESET_CODES,
    burst: 1000,
    perSecond: 200,
    frames: (n) => joined(headersOf(idOf(n), NEVER), windowUpdateOf(idOf(n), 2 ** 31 - 1)),
  },
  'CONTINUATION with fields': {
    codes: ['h2-field-block-too-large'],
    burst: 8,
    first: UNENDED,
    frames: () => frameOf(frame.FRAME_CONTINUATION, 0, 1, FIELDS),
  },
  'empty CONTINUATION': {
    codes: ['h2-continuation-flood'],
    burst: 8,
    first: UNENDED,
    frames: () => frameOf(frame.FRAME_CONTINUATION, 0, 1),
  },
  SETTINGS: {
    codes: ['h2-settings-flood'],
    burst: 100,
    perSecond: 10,
    frames: (n) => settingsOf(frame.SETTINGS_INITIAL_WINDOW_SIZE, n),
  },
  PING: { codes: ['h2-ping-flood'], burst: 500, perSecond: 50, frames: () => PING },
  'empty DATA': {
    codes: ['h2-empty-data-flood'],
    burst: 100,
    perSecond: 1,
    first: headersOf(1, UPLOAD, false),
    frames: () => dataOf(1, 0),
  },
  'DATA of one byte that nobody reads': {
    codes: ['h2-tiny-data-flood'],
    burst: 2000,
    first: headersOf(1, UPLOAD, false),
    frames: () => dataOf(1, 1),
  },
  'PRIORITY churn': {
    codes: ['h2-priority-flood'],
    burst: 400,
    perSecond: 20,
    frames: (n) => frameOf(frame.FRAME_PRIORITY, 0, idOf(n), joined(uint32(0), Uint8Array.of(n))),
  },
  'an HPACK bomb behind closed windows': {
    codes: ['h2-field-bomb'],
    burst: 1,
    count: 100,
    settings: CLOSED_WINDOWS,
    first: frameOf(frame.FRAME_HEADERS, 5, 1, joined(blockOf(NEVER), LARGE_FIELD)),
    frames: (n) =>
      frameOf(
        frame.FRAME_HEADERS,
        5,
        idOf(n + 1),
        joined(blockOf(NEVER), new Uint8Array(15_000).fill(0x80 | 62)),
      ),
  },
};

/** Streams and codes of the frames of one type, as far as they have come whole. */
function framesIn(bytes: Buffer, type: number): { id: number; payload: Buffer }[] {
  const found: { id: number; payload: Buffer }[] = [];
  for (let at = 0; at + frame.FRAME_HEADER_BYTES <= bytes.length; ) {
    const from = at + frame.FRAME_HEADER_BYTES;
    const end = from + bytes.readUIntBE(at, 3);
    if (end > bytes.length) break;
    if (bytes[at + 3] === type)
      found.push({ id: bytes.readUInt32BE(at + 5), payload: bytes.subarray(from, end) });
    at = end;
  }
  return found;
}

function goAwayCode(client: RawClient): number | undefined {
  return framesIn(client.received, frame.FRAME_GOAWAY).at(-1)?.payload.readUInt32BE(4);
}

async function open(port: number, settings: readonly number[] = []): Promise<RawClient> {
  const client = await RawClient.open(port);
  client.write(joined(HTTP2_PREFACE, settingsOf(...settings), SETTINGS_ACK));
  return client;
}

/** @returns how many frames were sent, and how long that took */
async function attack(
  port: number,
  plan: Attack,
): Promise<{ sent: number; seconds: number; code: number | undefined }> {
  const { settings, first, count = FRAMES, frames } = plan;
  const client = await open(port, settings);
  const startedAtMs = performance.now();
  if (first !== undefined) client.write(first);
  let sent = 0;
  while (sent < count && !client.ended && !client.closed) {
    client.write(joined(...Array.from({ length: BATCH }, (_, at) => frames(sent + at))));
    sent += BATCH;
    await sleep(2);
  }
  await client.until((each) => each.ended || each.closed, 'the end of the connection');
  const code = goAwayCode(client);
  const seconds = (performance.now() - startedAtMs) / 1000;
  client.destroy();
  return { sent, seconds, code };
}

interface Report {
  readonly anonBytes: number;
  readonly open: number;
  readonly faults: Readonly<Record<string, number>>;
}

async function report(child: ChildProcess): Promise<Report> {
  child.send('how is it?');
  return (await once(child, 'message'))[0] as Report;
}

/** When the attackers have gone, and only `open` connections are left. */
async function reportAt(child: ChildProcess, count: number): Promise<Report> {
  for (let tries = 0; tries < 200; tries++) {
    const now = await report(child);
    if (now.open === count) return now;
    await sleep(50);
  }
  return assert.fail('connections stay open');
}

// Each has a server of its own, and most of the time is spent on waiting.
describe('HTTP/2 under attack', { concurrency: true }, async () => {
  for (const engine of ['iouring', 'epoll', 'node'] as EngineName[]) {
    const isMissing = await selectEngine(engine).then(
      () => false,
      () => true,
    );
    const skip = process.platform !== 'linux' || isMissing ? `${engine} is not available here` : false;

    describe(`attacks on HTTP/2 (${engine})`, { skip, concurrency: 1 }, () => {
      let child: ChildProcess;
      let server: { port: number; url: string };
      before(async () => {
        child = fork(APP, [HOLDFAST, engine], { execArgv: V8_FLAGS, stdio: 'inherit' });
        server = (await once(child, 'message'))[0] as typeof server;
      });
      after(() => child.kill('SIGKILL'));

      for (const [name, plan] of Object.entries(ATTACKS))
        it(`${name} is ended within its bound, and others are answered`, async () => {
          // The first time brings code and buffers that stay.
          await attack(server.port, plan);
          const before = await reportAt(child, 0);
          const good = await connectH2(server.url);
          let isOver = false;
          const answers = (async () => {
            let count = 0;
            while (!isOver || count === 0) {
              assert.equal((await ask(good, '/hello')).status, 200);
              count++;
            }
          })();
          const { sent, seconds, code } = await attack(server.port, plan);
          isOver = true;
          await answers;
          await leave(good);
          const { anonBytes, faults } = await reportAt(child, 0);
          assert.equal(code, ENHANCE_YOUR_CALM);
          const allowed = plan.burst + (plan.perSecond ?? 0) * seconds + UNDER_WAY;
          assert.ok(sent <= allowed, `ended after ${sent}, not within ${allowed}`);
          const counted = plan.codes.map((each) => (faults[each] ?? 0) - (before.faults[each] ?? 0));
          assert.equal(Math.max(...counted), 1);
          const growth = anonBytes - before.anonBytes;
          assert.ok(growth < GROWTH_BYTES_MAX, `${growth} bytes more`);
        });

      it('a hundred requests behind closed windows are ended by their deadline', {
        timeout: 90_000,
      }, async () => {
        const before = await reportAt(child, 0);
        const client = await open(server.port, CLOSED_WINDOWS);
        client.write(
          joined(...Array.from({ length: 100 }, (_, n) => headersOf(idOf(n), requestOf('GET', '/')))),
        );
        await client.until((each) => each.ended, 'the end of the connection', 75_000);
        assert.equal(goAwayCode(client), ENHANCE_YOUR_CALM);
        client.destroy();
        const { anonBytes, faults } = await reportAt(child, 0);
        assert.equal(faults['h2-stall-flood'], 1);
        assert.ok(anonBytes - before.anonBytes < GROWTH_BYTES_MAX);
      });

      it('a client that resets after every answer, 200 a second, is never cut', async () => {
        const client = await open(server.port);
        for (let n = 0; n < 2000; n += 5) {
          const ids = [0, 1, 2, 3, 4].map((at) => idOf(n + at));
          client.write(joined(...ids.map((id) => headersOf(id, requestOf('POST', '/hello'), false))));
          const last = ids.at(-1)!;
          await client.until(
            (each) => framesIn(each.received, frame.FRAME_DATA).some(({ id }) => id === last),
            'an answer',
          );
          client.received = Buffer.alloc(0);
          client.write(joined(...ids.map((id) => resetOf(id)), windowUpdateOf(0, 65)));
          await sleep(25);
        }
        assert.equal(goAwayCode(client), undefined);
        assert.equal(client.ended, false);
        client.destroy();
      });

      it('a player that cancels fifty ranges a second is never cut', async () => {
        const client = await open(server.port, [frame.SETTINGS_INITIAL_WINDOW_SIZE, 2 ** 20]);
        let taken = 0;
        client.socket.on('data', (bytes: Buffer) => {
          taken += bytes.length;
          client.received = Buffer.alloc(0);
        });
        for (let n = 0; n < 600; n++) {
          client.write(headersOf(idOf(n), requestOf('GET', '/video')));
          await sleep(20);
          client.write(resetOf(idOf(n)));
          if (taken > 0) client.write(windowUpdateOf(0, taken));
          taken = 0;
          assert.equal(client.ended, false, `after ${n}`);
        }
        client.destroy();
      });

      it('a thousand calls in flight are all answered', async () => {
        const client = await connectH2(server.url);
        client.setMaxListeners(0);
        for (let round = 0; round < 5; round++) {
          const calls = Array.from({ length: 1000 }, () =>
            ask(client, '/late', { te: 'trailers' }, 'a message'),
          );
          for (const { status } of await Promise.all(calls)) assert.equal(status, 200);
        }
        await leave(client);
      });
    });
  }
});
