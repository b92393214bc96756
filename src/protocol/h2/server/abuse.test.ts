/**
 * The attacks on HTTP/2 of the last years, as bytes: each is ended with the right code within its bound, and what looks
 * like one and is honest is not.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HTTP2_PREFACE } from '../../detect.ts';
import * as frame from '../frames.ts';
import {
  blockOf,
  CoreBench,
  dataOf,
  type Fields,
  frameOf,
  GET,
  headersOf,
  joined,
  PING,
  POST,
  resetOf,
  SETTINGS_ACK,
  settingsOf,
  uint32,
  windowUpdateOf,
} from './core.fixture.ts';

/** Longer than any bound. */
const FRAMES = 20_000;
/** So many come in one piece, as from a socket. */
const BATCH = 50;

/**
 * Sends what `attack` makes, until the connection ends.
 * @returns after how many calls of `attack`
 */
function until(
  bench: CoreBench,
  attack: (n: number) => Uint8Array,
  options: { count?: number; stepMs?: number } = {},
): number {
  const { count = FRAMES, stepMs = 0 } = options;
  for (let n = 0; n < count; n += BATCH) {
    const parts = Array.from({ length: Math.min(BATCH, count - n) }, (_, at) => attack(n + at));
    bench.send(...parts);
    if (bench.core.isOver) return n + BATCH;
    bench.clock.nowMs += stepMs * BATCH;
    bench.flush();
  }
  return Number.POSITIVE_INFINITY;
}

function assertEnded(bench: CoreBench, code: string, after: number, within: number): void {
  assert.ok(after <= within, `ended after ${after}, not within ${within}`);
  assert.equal(bench.log.at(-1), `over ${code}`);
  assert.match(bench.frames().at(-1)!, /^GOAWAY \d+ ENHANCE_YOUR_CALM$/);
  assert.ok(bench.faults.has(code), 'it is counted');
  assert.equal(bench.core.streamCount, 0);
}

for (const [name, contentBytes] of [
  ['that are answered later', undefined],
  ['that are answered at once', 5],
  ['whose answers are long', 100_000],
] as const)
  test(`rapid reset of requests ${name}`, () => {
    const bench = CoreBench.connected();
    bench.contentBytes = contentBytes;
    const after = until(bench, (n) => joined(headersOf(2 * n + 1, GET), resetOf(2 * n + 1)));
    assertEnded(bench, 'h2-reset-flood', after, 1100);
  });

for (const [name, fault] of [
  ['a WINDOW_UPDATE of 0', (id: number) => windowUpdateOf(id, 0)],
  ['a window that overflows', (id: number) => windowUpdateOf(id, 2 ** 31 - 1)],
  ['content behind the end', (id: number) => dataOf(id, 1)],
  [
    'a dependency on itself',
    (id: number) => frameOf(frame.FRAME_PRIORITY, 0, id, joined(uint32(id), Uint8Array.of(1))),
  ],
  ['a PRIORITY of the wrong size', (id: number) => frameOf(frame.FRAME_PRIORITY, 0, id, uint32(0))],
] as const)
  test(`made you reset, by ${name}`, () => {
    const bench = CoreBench.connected();
    bench.contentBytes = undefined;
    const after = until(bench, (n) => joined(headersOf(2 * n + 1, GET), fault(2 * n + 1)));
    assertEnded(bench, 'h2-reset-flood', after, 1100);
  });

test('made you reset, by heads that are malformed', () => {
  const bench = CoreBench.connected();
  const after = until(bench, (n) => headersOf(2 * n + 1, [...GET, ['upgrade', 'x']]));
  assertEnded(bench, 'h2-reset-flood', after, 1100);
});

test('CONTINUATION with fields that never end', () => {
  const bench = CoreBench.connected();
  bench.send(frameOf(frame.FRAME_HEADERS, 0, 1, blockOf(GET)));
  const fields = blockOf(Array.from({ length: 100 }, (_, n) => [`x-${n}`, 'y'.repeat(100)] as const));
  const after = until(bench, () => frameOf(frame.FRAME_CONTINUATION, 0, 1, fields));
  assertEnded(bench, 'h2-field-block-too-large', after, BATCH);
});

test('a field block of full frames', () => {
  const bench = CoreBench.connected();
  bench.send(frameOf(frame.FRAME_HEADERS, 0, 1, blockOf(GET)));
  const after = until(bench, () => frameOf(frame.FRAME_CONTINUATION, 0, 1, new Uint8Array(16_384)));
  assertEnded(bench, 'h2-field-block-too-large', after, BATCH);
});

test('empty CONTINUATION', () => {
  const bench = CoreBench.connected();
  bench.send(frameOf(frame.FRAME_HEADERS, 0, 1, blockOf(GET)));
  const after = until(bench, () => frameOf(frame.FRAME_CONTINUATION, 0, 1));
  assertEnded(bench, 'h2-continuation-flood', after, BATCH);
});

test('SETTINGS, one after the other, and many in one', () => {
  const bench = CoreBench.connected();
  const after = until(bench, (n) => settingsOf(frame.SETTINGS_INITIAL_WINDOW_SIZE, n));
  assertEnded(bench, 'h2-settings-flood', after, 150);
  const full = CoreBench.connected();
  full.send(settingsOf(...Array.from({ length: 2 * 33 }, () => 4)));
  assertEnded(full, 'h2-settings-flood', 1, 1);
});

test('PING', () => {
  const bench = CoreBench.connected();
  assertEnded(
    bench,
    'h2-ping-flood',
    until(bench, () => PING),
    550,
  );
});

test('empty DATA', () => {
  const bench = CoreBench.connected();
  bench.send(headersOf(1, POST, false));
  assertEnded(
    bench,
    'h2-empty-data-flood',
    until(bench, () => dataOf(1, 0)),
    150,
  );
  const padded = CoreBench.connected();
  padded.send(headersOf(1, POST, false));
  const padding = frameOf(
    frame.FRAME_DATA,
    frame.FLAG_PADDED,
    1,
    joined(Uint8Array.of(9), new Uint8Array(9)),
  );
  assertEnded(
    padded,
    'h2-empty-data-flood',
    until(padded, () => padding),
    150,
  );
});

test('DATA of one byte that nobody reads, on one stream and on many', () => {
  const bench = CoreBench.connected();
  bench.reads = false;
  bench.send(headersOf(1, POST, false));
  assertEnded(
    bench,
    'h2-tiny-data-flood',
    until(bench, () => dataOf(1, 1)),
    2050,
  );
  const many = CoreBench.connected();
  many.reads = false;
  for (let id = 1; id < 200; id += 2) many.send(headersOf(id, POST, false));
  assertEnded(
    many,
    'h2-tiny-data-flood',
    until(many, (n) => dataOf(2 * (n % 100) + 1, 1)),
    2200,
  );
});

test('PRIORITY and PRIORITY_UPDATE churn', () => {
  const bench = CoreBench.connected();
  const priority = (n: number): Uint8Array =>
    frameOf(frame.FRAME_PRIORITY, 0, 2 * n + 1, joined(uint32(0), Uint8Array.of(n)));
  assertEnded(bench, 'h2-priority-flood', until(bench, priority), 450);
  const update = CoreBench.connected();
  const after = until(update, (n) =>
    frameOf(
      frame.FRAME_PRIORITY_UPDATE,
      0,
      0,
      joined(uint32(2 * n + 1), Uint8Array.of(0x75, 0x3d, 0x30 + (n & 7))),
    ),
  );
  assertEnded(update, 'h2-priority-flood', after, 450);
});

test('an HPACK bomb behind a closed window: ended with its first block', () => {
  const bench = CoreBench.connected({}, frame.SETTINGS_INITIAL_WINDOW_SIZE, 0);
  const large = Uint8Array.of(0x40, 1, 0x61, 0x7f, 0xa1, 0x1e, ...new Uint8Array(4000).fill(0x62));
  bench.send(frameOf(frame.FRAME_HEADERS, 5, 1, joined(blockOf(GET), large)));
  assert.equal(bench.core.isOver, false);
  const bomb = joined(blockOf(GET), new Uint8Array(15_000).fill(0x80 | 62));
  const after = until(bench, (n) => frameOf(frame.FRAME_HEADERS, 5, 2 * n + 3, bomb), { count: 100 });
  assertEnded(bench, 'h2-field-bomb', after, BATCH);
});

test('cookie crumbs count one by one', () => {
  const bench = CoreBench.connected();
  const crumbs = Array.from({ length: 102 }, () => ['cookie', 'a'] as const);
  bench.send(headersOf(1, [...GET, ...crumbs]), headersOf(3, [...GET, ...crumbs.slice(0, 100)]));
  assert.deepEqual(bench.log.slice(1, 4), ['too large 1', 'idle', 'active']);
  assert.equal(bench.heads[0]!.fields.names.filter((name) => name === 'cookie').length, 1);
});

test('heads that are a little too large are answered, and earn by that what they cost', () => {
  const bench = CoreBench.connected();
  bench.contentBytes = 0;
  const block = blockOf([...GET, ['a', 'b'.repeat(16_000)], ['c', 'd'.repeat(1000)]]);
  const flags = frame.FLAG_END_HEADERS | frame.FLAG_END_STREAM;
  const attack = (n: number): Uint8Array => frameOf(frame.FRAME_HEADERS, flags, 2 * n + 1, block);
  const after = until(bench, attack, { count: 5000 });
  assert.equal(after, Number.POSITIVE_INFINITY);
});

test('heads that are kept behind a closed window have a bound together', () => {
  const bench = CoreBench.connected({ headsBytesMax: 20_000 }, frame.SETTINGS_INITIAL_WINDOW_SIZE, 0);
  bench.contentBytes = 100;
  const fields: Fields = [...GET, ['a', 'b'.repeat(6000)]];
  for (let id = 1; id < 20; id += 2) bench.send(headersOf(id, fields));
  assert.equal(bench.streams.size, 3);
  assert.equal(bench.faults.get('h2-open-heads-too-large'), 7);
});

test('a hundred requests behind a window of 0 are ended by their deadline', () => {
  const bench = CoreBench.connected({}, frame.SETTINGS_INITIAL_WINDOW_SIZE, 0);
  bench.contentBytes = 100;
  for (let id = 1; id < 200; id += 2) bench.send(headersOf(id, GET));
  bench.frames();
  bench.clock.nowMs += 59_999;
  bench.core.expire(bench.clock.nowMs);
  assert.equal(bench.core.streamCount, 100);
  bench.clock.nowMs += 1;
  bench.core.expire(bench.clock.nowMs);
  assertEnded(bench, 'h2-stall-flood', 0, 0);
});

test('the same behind the window of the connection, and with windows that open by a byte', () => {
  const bench = CoreBench.connected({}, frame.SETTINGS_INITIAL_WINDOW_SIZE, 2 ** 20);
  bench.contentBytes = 66_000;
  for (let id = 1; id < 60; id += 2) bench.send(headersOf(id, GET));
  for (let n = 0; n < 60; n++) {
    bench.flush();
    bench.send(windowUpdateOf(0, 30));
    bench.clock.nowMs += 1001;
    bench.core.expire(bench.clock.nowMs);
  }
  assertEnded(bench, 'h2-stall-flood', 0, 0);
});

test('a single stream that stalls is ended alone', () => {
  const bench = CoreBench.connected({}, frame.SETTINGS_INITIAL_WINDOW_SIZE, 0);
  bench.send(headersOf(1, GET));
  bench.frames();
  bench.clock.nowMs += 60_000;
  bench.core.expire(bench.clock.nowMs);
  assert.deepEqual(bench.frames(), ['RST_STREAM 1 ENHANCE_YOUR_CALM']);
  assert.equal(bench.core.isOver, false);
});

test('a player that pauses for an hour, and a socket that does, are waited for', () => {
  const player = CoreBench.connected({}, frame.SETTINGS_INITIAL_WINDOW_SIZE, 20_000);
  player.contentBytes = 50_000;
  player.send(headersOf(1, GET));
  const socket = CoreBench.connected();
  socket.unsentBytes = 70_000;
  socket.send(headersOf(1, GET));
  for (const bench of [player, socket])
    for (let minute = 0; minute < 60; minute++) {
      bench.clock.nowMs += 60_000;
      bench.core.expire(bench.clock.nowMs);
    }
  player.send(windowUpdateOf(1, 50_000));
  socket.flush();
  for (const bench of [player, socket]) {
    assert.equal(bench.streams.size, 0);
    assert.match(bench.frames().at(-1)!, /^DATA 1 \d+ end$/);
  }
});

test('resets are a flood of resets also where their streams are over, or were refused', () => {
  const over = CoreBench.connected();
  over.send(headersOf(1, GET));
  const repeated = until(over, () => resetOf(1));
  assertEnded(over, 'h2-reset-flood', repeated, 2100);
  const refused = CoreBench.connected();
  // Handlers of requests that were reset before fill all places: what comes now is refused, and its reset hits no stream.
  for (let n = 0; n < 128; n++) refused.core.handlerOutlives();
  const after = until(refused, (n) => joined(headersOf(2 * n + 1, GET), resetOf(2 * n + 1)));
  assertEnded(refused, 'h2-reset-flood', after, 1100);
});

test('frames on streams that are over, of unknown types, windows that open and open', () => {
  const over = CoreBench.connected();
  over.contentBytes = undefined;
  over.send(headersOf(1, POST, false));
  over.core.reset(over.streams.get(1)!, 8);
  over.streams.delete(1);
  assertEnded(
    over,
    'h2-stray-frame-flood',
    until(over, () => dataOf(1, 0)),
    2100,
  );
  const unknown = CoreBench.connected();
  assertEnded(
    unknown,
    'h2-stray-frame-flood',
    until(unknown, () => frameOf(0x99, 0, 0)),
    2100,
  );
  const acks = CoreBench.connected();
  assertEnded(
    acks,
    'h2-stray-frame-flood',
    until(acks, () => SETTINGS_ACK),
    2100,
  );
  const updates = CoreBench.connected();
  assertEnded(
    updates,
    'h2-window-update-flood',
    until(updates, () => windowUpdateOf(0, 1)),
    2100,
  );
});

test('an answer that is let go byte by byte earns no updates, and one that has no more to send does', () => {
  const crumbs = CoreBench.connected({}, frame.SETTINGS_INITIAL_WINDOW_SIZE, 0);
  crumbs.contentBytes = 1_000_000;
  crumbs.send(headersOf(1, GET));
  let after = 0;
  // Each comes alone, so that each lets a frame go.
  for (; after < FRAMES && !crumbs.core.isOver; after++) {
    crumbs.send(windowUpdateOf(1, after % 2 === 0 ? 1 : 255));
    crumbs.flush();
    if (after === 100) assert.equal(crumbs.frames().filter((each) => each.startsWith('DATA 1 ')).length, 101);
  }
  assertEnded(crumbs, 'h2-window-update-flood', after, 2100);
  const messages = CoreBench.connected({}, frame.SETTINGS_INITIAL_WINDOW_SIZE, 2 ** 20);
  messages.contentBytes = 7;
  for (let n = 0; n < 3000; n++) {
    messages.send(headersOf(2 * n + 1, GET), windowUpdateOf(0, 7));
    messages.flush();
    assert.equal(messages.core.isOver, false, `after ${n}`);
  }
});

test('more streams than are allowed, again and again', () => {
  const bench = CoreBench.connected({ streamCountMax: 10 });
  bench.contentBytes = undefined;
  const after = until(bench, (n) => headersOf(2 * n + 1, GET));
  assertEnded(bench, 'h2-reset-flood', after, 1100);
});

test('a client that resets after every answer, 200 a second, is never cut', () => {
  const bench = CoreBench.connected();
  for (let n = 0; n < 10_000; n++) {
    bench.send(headersOf(2 * n + 1, POST, false), dataOf(2 * n + 1, 10));
    bench.contentBytes = 5;
    bench.answer(bench.streams.get(2 * n + 1)!);
    bench.clock.nowMs += 4;
    bench.send(resetOf(2 * n + 1));
    bench.clock.nowMs += 1;
    bench.flush();
    assert.equal(bench.core.isOver, false, `after ${n}`);
    bench.contentBytes = undefined;
  }
});

test('a player that cancels 50 ranges a second is never cut', () => {
  const bench = CoreBench.connected({}, frame.SETTINGS_INITIAL_WINDOW_SIZE, 2 ** 20);
  bench.contentBytes = 1_000_000;
  for (let n = 0; n < 10_000; n++) {
    bench.send(headersOf(2 * n + 1, GET));
    bench.clock.nowMs += 20;
    bench.flush();
    bench.send(resetOf(2 * n + 1), windowUpdateOf(0, 65_000));
    bench.flush();
    assert.equal(bench.core.isOver, false, `after ${n}`);
    bench.frames();
  }
});

test('a thousand gRPC calls in flight, cancelled all at once, are no attack', () => {
  const bench = CoreBench.connected({ streamCountMax: 1000 });
  bench.contentBytes = undefined;
  for (let round = 0; round < 5; round++) {
    const ids = Array.from({ length: 1000 }, (_, n) => 2 * (1000 * round + n) + 1);
    for (const id of ids) bench.send(headersOf(id, POST, false), dataOf(id, 20, true));
    assert.equal(bench.streams.size, 1000);
    bench.clock.nowMs += 5000;
    for (const id of ids) bench.send(resetOf(id));
    assert.equal(bench.core.isOver, false);
  }
});

test('a burst of streams before our settings are known is refused, not punished', () => {
  const bench = new CoreBench();
  bench.contentBytes = undefined;
  bench.send(HTTP2_PREFACE, settingsOf());
  for (let n = 0; n < 1500; n++) bench.send(headersOf(2 * n + 1, GET));
  assert.equal(bench.core.isOver, false);
  assert.equal(bench.faults.get('h2-refused'), 1500 - 128);
});

test('gRPC that measures its window by PINGs, and streams short messages, is not cut', () => {
  const bench = CoreBench.connected({}, frame.SETTINGS_INITIAL_WINDOW_SIZE, 2 ** 20);
  bench.contentBytes = 60_000;
  for (let n = 0; n < 3000; n++) {
    bench.send(headersOf(2 * n + 1, POST, false), dataOf(2 * n + 1, 7), dataOf(2 * n + 1, 7, true));
    bench.flush();
    bench.send(PING, windowUpdateOf(0, 60_000), windowUpdateOf(2 * n + 1, 1000));
    bench.clock.nowMs += 0.2;
    assert.equal(bench.core.isOver, false, `after ${n}`);
    bench.frames();
  }
});
