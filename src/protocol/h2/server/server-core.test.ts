import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HTTP2_PREFACE } from '../../detect.ts';
import * as frame from '../frames.ts';
import {
  beginningOf,
  blockOf,
  CoreBench,
  dataOf,
  frameOf,
  GET,
  GREETING,
  GREETING_BLOCK,
  HEAD_BLOCK,
  headersOf,
  joined,
  PING,
  POST,
  resetOf,
  settingsOf,
  uint32,
  windowUpdateOf,
} from './core.fixture.ts';

const MAX = 2 ** 31 - 1;

test('a request is answered, and the stream is free again', () => {
  const bench = new CoreBench();
  bench.send(HTTP2_PREFACE, settingsOf(), headersOf(1, GET));
  assert.deepEqual(bench.frames(), [
    'SETTINGS',
    'WINDOW_UPDATE 0 2031617',
    'SETTINGS ack',
    'HEADERS 1',
    'DATA 1 5 end',
  ]);
  assert.deepEqual(bench.log, ['active', 'request 1 GET / whole', 'idle']);
  assert.equal(bench.core.streamCount, 0);
});

/** A conversation in which most things happen that can, good ones. */
const CONVERSATION = joined(
  beginningOf(frame.SETTINGS_INITIAL_WINDOW_SIZE, 100),
  headersOf(1, GET),
  headersOf(3, POST, false),
  dataOf(3, 10),
  PING,
  frameOf(frame.FRAME_DATA, frame.FLAG_PADDED, 3, Uint8Array.of(3, 1, 2, 3, 4, 0, 0, 0)),
  headersOf(3, [['checksum', 'x']]),
  windowUpdateOf(3, 1000),
  frameOf(frame.FRAME_HEADERS, frame.FLAG_END_STREAM, 5, blockOf(GET.slice(0, 2))),
  frameOf(frame.FRAME_CONTINUATION, 0, 5, new Uint8Array(0)),
  frameOf(frame.FRAME_CONTINUATION, frame.FLAG_END_HEADERS, 5, blockOf(GET.slice(2))),
  frameOf(0x77, 0, 5, new Uint8Array(300)),
  frameOf(frame.FRAME_PRIORITY_UPDATE, 0, 0, joined(uint32(5), Uint8Array.of(0x75, 0x3d, 0x31))),
  windowUpdateOf(0, 70_000),
  headersOf(7, POST, false),
  dataOf(7, 300, true),
  settingsOf(frame.SETTINGS_INITIAL_WINDOW_SIZE, 5000),
  resetOf(7),
);

test('however the bytes are split, the same is told and answered', () => {
  const whole = new CoreBench();
  whole.contentBytes = 2000;
  whole.send(CONVERSATION);
  const frames = whole.frames();
  const bytesSent = (lines: readonly string[], id: number): number =>
    lines
      .filter((line) => line.startsWith(`DATA ${id} `))
      .reduce((sum, line) => sum + Number(line.split(' ')[2]), 0);
  assert.equal(bytesSent(frames, 5), 2000);
  for (let split = 1; split < CONVERSATION.length; split++) {
    const bench = new CoreBench();
    bench.contentBytes = 2000;
    bench.send(CONVERSATION.subarray(0, split));
    bench.send(CONVERSATION.subarray(split));
    assert.deepEqual(
      bench.log.filter((line) => !line.startsWith('reset')),
      whole.log.filter((line) => !line.startsWith('reset')),
      `split at ${split}`,
    );
    const now = bench.frames();
    for (const id of [1, 3, 5]) assert.equal(bytesSent(now, id), bytesSent(frames, id), `split at ${split}`);
    assert.deepEqual([...bench.faults], []);
  }
});

test('byte by byte comes the same', () => {
  const bench = new CoreBench();
  bench.contentBytes = 2000;
  for (let at = 0; at < CONVERSATION.length; at++) bench.core.receive(CONVERSATION, at, at + 1);
  assert.ok(bench.log.includes('end 3 checksum=x'));
  assert.ok(bench.log.includes('data 3 14'));
  assert.ok(bench.log.includes('end 7'));
  assert.deepEqual([...bench.faults], []);
});

test('who does not speak HTTP/2 is sent nothing more', () => {
  const bench = new CoreBench();
  bench.frames();
  bench.send(Uint8Array.from('PRI * HTTP/1.1\r\n', (c) => c.charCodeAt(0)));
  assert.deepEqual(bench.frames(), []);
  assert.deepEqual(bench.log, ['over h2-bad-preface']);
});

test('the same block at the same state of the table is the same head, and not after the table has changed', () => {
  const bench = CoreBench.connected();
  for (let id = 1; id < 9; id += 2) bench.send(headersOf(id, GET));
  // It is kept when it comes a second time.
  assert.equal(bench.heads[1], bench.heads[2]);
  assert.equal(bench.heads[2], bench.heads[3]);
  // x-a: 1 goes into the table as 62, then x-a: 2 does: the block `indexed 62` means another field then.
  const inserting = (value: number): Uint8Array =>
    joined(blockOf(GET), Uint8Array.of(0x40, 3, 0x78, 0x2d, 0x61, 1, value));
  const indexed = joined(blockOf(GET), Uint8Array.of(0x80 | 62));
  const headers = (id: number, block: Uint8Array): Uint8Array =>
    frameOf(frame.FRAME_HEADERS, frame.FLAG_END_HEADERS | frame.FLAG_END_STREAM, id, block);
  bench.heads.length = 0;
  const ids = [9, 11, 13, 15, 17, 19, 21, 23];
  for (const value of [0x31, 0x32]) {
    bench.send(headers(ids.shift()!, inserting(value)));
    for (let n = 0; n < 3; n++) bench.send(headers(ids.shift()!, indexed));
  }
  assert.deepEqual(
    bench.heads.map(({ fields }) => fields.values[fields.names.indexOf('x-a')]),
    ['1', '1', '1', '1', '2', '2', '2', '2'],
  );
  assert.equal(bench.heads[2], bench.heads[3]);
  assert.notEqual(bench.heads[3], bench.heads[5]);
  assert.equal(bench.heads[6], bench.heads[7]);
});

test('a malformed request resets its stream, and the session hears nothing of it', () => {
  const bench = CoreBench.connected();
  bench.send(headersOf(1, GET.slice(0, 3)), headersOf(3, [...GET, ['connection', 'close']]));
  bench.send(headersOf(5, [...POST, ['content-length', '7']]), headersOf(7, GET));
  assert.deepEqual(bench.frames(), [
    'RST_STREAM 1 PROTOCOL_ERROR',
    'RST_STREAM 3 PROTOCOL_ERROR',
    'RST_STREAM 5 PROTOCOL_ERROR',
    'HEADERS 7',
    'DATA 7 5 end',
  ]);
  assert.deepEqual(bench.log, ['active', 'request 7 GET / whole', 'idle']);
});

test('content that is longer or shorter than was said resets the stream', () => {
  const bench = CoreBench.connected();
  bench.send(headersOf(1, [...POST, ['content-length', '7']], false), dataOf(1, 8));
  bench.send(headersOf(3, [...POST, ['content-length', '7']], false), dataOf(3, 6, true));
  bench.send(headersOf(5, [...POST, ['content-length', '7']], false), dataOf(5, 7, true));
  assert.deepEqual(bench.frames(), [
    'RST_STREAM 1 PROTOCOL_ERROR',
    'RST_STREAM 3 PROTOCOL_ERROR',
    'HEADERS 5',
    'DATA 5 5 end',
  ]);
});

test('what is under way when we reset is ignored; behind END_STREAM it ends the connection', () => {
  const bench = CoreBench.connected();
  bench.contentBytes = undefined;
  bench.send(headersOf(1, POST, false));
  bench.core.reset(bench.streams.get(1)!, 7);
  bench.streams.clear();
  bench.send(dataOf(1, 100), headersOf(1, [['a', 'b']]), windowUpdateOf(1, 5), resetOf(1));
  assert.deepEqual(bench.frames(), ['RST_STREAM 1 REFUSED_STREAM']);
  bench.contentBytes = 5;
  bench.send(headersOf(3, GET), dataOf(3, 1));
  assert.deepEqual(bench.frames(), ['HEADERS 3', 'DATA 3 5 end', 'GOAWAY 3 STREAM_CLOSED']);
});

test('trailers that were under way when we reset are ignored, however many streams have come since', () => {
  const bench = CoreBench.connected();
  bench.contentBytes = undefined;
  bench.send(headersOf(1, POST, false));
  bench.core.reset(bench.streams.get(1)!, 7);
  bench.streams.clear();
  bench.contentBytes = 5;
  for (let id = 3; id < 500; id += 2) bench.send(headersOf(id, GET));
  bench.frames();
  bench.send(dataOf(1, 100), headersOf(1, [['checksum', 'x']]), headersOf(501, GET));
  assert.deepEqual(bench.frames(), ['HEADERS 501', 'DATA 501 5 end']);
  // RFC 9113 §5.1.1: ids of requests only grow.
  bench.send(headersOf(1, GET));
  assert.deepEqual(bench.frames(), ['GOAWAY 501 PROTOCOL_ERROR']);
});

test('an answer stops at the window of its stream, and goes on with it', () => {
  const bench = CoreBench.connected({}, frame.SETTINGS_INITIAL_WINDOW_SIZE, 1000);
  bench.contentBytes = 2500;
  bench.send(headersOf(1, GET));
  assert.deepEqual(bench.frames(), ['HEADERS 1', 'DATA 1 1000']);
  bench.send(windowUpdateOf(1, 500));
  assert.deepEqual(bench.frames(), ['DATA 1 500']);
  // RFC 9113 §6.9.2: a smaller window owes.
  bench.send(settingsOf(frame.SETTINGS_INITIAL_WINDOW_SIZE, 0), windowUpdateOf(1, 1000));
  assert.deepEqual(bench.frames(), ['SETTINGS ack']);
  bench.send(windowUpdateOf(1, 1));
  assert.deepEqual(bench.frames(), ['DATA 1 1']);
  bench.send(settingsOf(frame.SETTINGS_INITIAL_WINDOW_SIZE, 5000));
  assert.deepEqual(bench.frames(), ['SETTINGS ack', 'DATA 1 999 end']);
});

test('large answers take turns, a frame each, and a small one does not wait for their end', () => {
  const bench = CoreBench.connected({}, frame.SETTINGS_INITIAL_WINDOW_SIZE, MAX);
  bench.send(windowUpdateOf(0, MAX - 65_535));
  bench.contentBytes = 200_000;
  bench.send(headersOf(1, GET), headersOf(3, GET));
  bench.contentBytes = 2000;
  bench.send(headersOf(5, GET));
  const order: string[] = [];
  for (let i = 0; i < 20; i++) {
    order.push(...bench.frames().filter((line) => line.startsWith('DATA')));
    bench.flush();
  }
  const ids = order.map((line) => line.split(' ')[1]);
  assert.equal(ids.filter((id) => id === '1').length, 13);
  assert.ok(ids.indexOf('5') < 8, ids.join(' '));
  assert.equal(ids.slice(5, 15).filter((id) => id === '3').length, 5, ids.join(' '));
  assert.equal(bench.streams.size, 0);
});

test('an urgent answer overtakes, by its field and by PRIORITY_UPDATE before and after it', () => {
  const bench = CoreBench.connected({}, frame.SETTINGS_INITIAL_WINDOW_SIZE, MAX);
  bench.send(windowUpdateOf(0, MAX - 65_535));
  bench.contentBytes = 100_000;
  const update = (id: number, text: string): Uint8Array =>
    frameOf(
      frame.FRAME_PRIORITY_UPDATE,
      0,
      0,
      joined(
        uint32(id),
        Uint8Array.from(text, (c) => c.charCodeAt(0)),
      ),
    );
  bench.send(update(7, 'u=1'), headersOf(1, GET), headersOf(3, GET));
  bench.send(headersOf(5, [...GET, ['priority', 'u=2']]), headersOf(7, GET), update(3, 'u=0'));
  const order: string[] = [];
  for (let i = 0; i < 20; i++) {
    bench.flush();
    order.push(...bench.frames().filter((line) => line.startsWith('DATA') && line.endsWith('end')));
  }
  assert.deepEqual(
    order.map((line) => line.split(' ')[1]),
    ['3', '7', '5', '1'],
  );
});

test('a body that nobody reads stops at its window, and others go on', () => {
  const bench = CoreBench.connected();
  bench.contentBytes = undefined;
  bench.reads = false;
  bench.send(headersOf(1, POST, false));
  for (let i = 0; i < 3; i++) bench.send(dataOf(1, 16_384));
  bench.send(dataOf(1, 16_383));
  assert.deepEqual(bench.frames(), []);
  bench.reads = true;
  bench.send(headersOf(3, POST, false));
  let window = 65_535;
  for (let sent = 0; sent < 4_000_000; sent += 16_384) {
    window -= 16_384;
    assert.ok(window >= 0);
    bench.send(dataOf(3, 16_384));
    for (const line of bench.frames())
      if (line.startsWith('WINDOW_UPDATE 3')) window += Number(line.split(' ')[2]);
  }
  bench.send(dataOf(1, 1));
  assert.deepEqual(bench.frames(), ['RST_STREAM 1 FLOW_CONTROL_ERROR']);
});

test('whoever reads late gives back all of the window, padding is given back at once', () => {
  const bench = CoreBench.connected();
  bench.contentBytes = undefined;
  bench.reads = false;
  bench.send(headersOf(1, POST, false));
  for (let i = 0; i < 255; i++)
    bench.send(
      frameOf(frame.FRAME_DATA, frame.FLAG_PADDED, 1, joined(Uint8Array.of(199), new Uint8Array(200))),
    );
  // A byte of content and 200 of padding each.
  const given = bench.frames().reduce((sum, line) => sum + Number(line.split(' ')[2]), 0);
  assert.ok(given >= 32_768 && given <= 255 * 200, `${given}`);
  bench.core.consumed(bench.streams.get(1)!, 255);
});

test('an answer before the end of its request: the rest is dropped, and beyond the window refused', () => {
  const bench = CoreBench.connected();
  bench.contentBytes = undefined;
  bench.send(headersOf(1, POST, false), headersOf(3, POST, false), headersOf(5, POST, false));
  bench.send(headersOf(7, [...POST, ['content-length', '70000']], false));
  bench.contentBytes = 5;
  for (const stream of [...bench.streams.values()]) bench.answer(stream);
  assert.deepEqual(
    bench.frames().filter((line) => line.startsWith('RST')),
    ['RST_STREAM 7 NO_ERROR'],
  );
  bench.send(dataOf(1, 10), dataOf(1, 10, true));
  for (let i = 0; i < 3; i++) bench.send(dataOf(3, 16_384));
  bench.send(dataOf(3, 16_383));
  assert.deepEqual(bench.frames(), ['RST_STREAM 3 NO_ERROR']);
  bench.clock.nowMs += 2000;
  bench.core.expire(bench.clock.nowMs);
  assert.deepEqual(bench.frames(), ['RST_STREAM 5 NO_ERROR']);
  assert.equal(bench.core.streamCount, 0);
});

test('what a peer resets is told with its code; a second answer to it goes nowhere', () => {
  const bench = CoreBench.connected();
  bench.contentBytes = undefined;
  bench.send(headersOf(1, GET));
  const stream = bench.streams.get(1)!;
  bench.send(resetOf(1, 8));
  bench.core.sendHead(stream, new Uint8Array(1), 0, 1, true);
  bench.core.write(stream, new Uint8Array(1), 0, 1, true);
  assert.equal(bench.core.room(stream), 0);
  assert.deepEqual(bench.frames(), []);
  assert.deepEqual(bench.log, ['active', 'request 1 GET / whole', 'reset 1 CANCEL', 'idle']);
});

test('what comes behind a request waits where the session says so', () => {
  const bench = CoreBench.connected();
  bench.holds = true;
  let held = bench.send(headersOf(1, GET), PING, headersOf(3, GET), headersOf(5, GET).subarray(0, 12));
  assert.deepEqual(bench.frames(), ['HEADERS 1', 'DATA 1 5 end']);
  held = bench.send(held);
  assert.deepEqual(bench.frames(), ['PING ack', 'HEADERS 3', 'DATA 3 5 end']);
  held = bench.send(held);
  assert.equal(held.length, 0, 'half a frame is kept by the core');
  bench.send(headersOf(5, GET).subarray(12));
  assert.deepEqual(bench.frames(), ['HEADERS 5', 'DATA 5 5 end']);
});

test('settings that nobody acknowledges, and a frame that does not end, end the connection on time', () => {
  const silent = new CoreBench();
  silent.send(HTTP2_PREFACE, settingsOf());
  silent.frames();
  silent.clock.nowMs += 10_000;
  silent.core.expire(silent.clock.nowMs);
  assert.deepEqual(silent.frames(), ['GOAWAY 0 SETTINGS_TIMEOUT']);
  const drip = CoreBench.connected();
  drip.send(frameOf(frame.FRAME_HEADERS, 0, 1, blockOf(GET)));
  for (let i = 0; i < 5; i++) {
    drip.clock.nowMs += 2000;
    drip.send(frameOf(frame.FRAME_CONTINUATION, 0, 1, new Uint8Array(0)));
    drip.core.expire(drip.clock.nowMs);
  }
  assert.deepEqual(drip.frames(), ['GOAWAY 0 ENHANCE_YOUR_CALM']);
  assert.deepEqual(drip.log, ['over h2-frame-timeout']);
});

test('frames that each end, though every piece of bytes ends within one, are no drip', () => {
  const bench = CoreBench.connected();
  const bytes = joined(...Array.from({ length: 40 }, () => PING));
  for (let at = 0; at < bytes.length; at += 20) {
    bench.clock.nowMs += 5000;
    bench.core.receive(bytes, at, Math.min(bytes.length, at + 20));
    bench.core.expire(bench.clock.nowMs);
  }
  assert.equal(bench.core.isOver, false);
});

test('the upgrade of HTTP/1 is stream 1, with the settings that came with it', () => {
  const bench = new CoreBench();
  const stream = bench.core.upgrade(Uint8Array.of(0, 4, 0, 0, 0, 3))!;
  bench.streams.set(1, stream);
  bench.answer(stream);
  assert.deepEqual(bench.frames().slice(2), ['HEADERS 1', 'DATA 1 3']);
  bench.send(HTTP2_PREFACE, settingsOf(), windowUpdateOf(1, 2), headersOf(3, GET));
  assert.deepEqual(bench.frames(), ['SETTINGS ack', 'HEADERS 3', 'DATA 1 2 end', 'DATA 3 3']);
  const bad = new CoreBench();
  assert.equal(bad.core.upgrade(Uint8Array.of(0, 4, 0, 0, 0)), undefined);
  assert.equal(bad.core.upgrade(Uint8Array.of(0, 4, 255, 0, 0, 0)), undefined);
});

test('a peer that makes its table smaller is told that ours is empty, once', () => {
  const bench = CoreBench.connected({}, frame.SETTINGS_HEADER_TABLE_SIZE, 0);
  const sizes: number[] = [];
  const commit = bench.commit.bind(bench);
  bench.commit = (size) => {
    sizes.push(size);
    commit(size);
  };
  bench.send(headersOf(1, GET));
  bench.send(headersOf(3, GET));
  const [first, , second] = sizes;
  assert.equal(first, frame.FRAME_HEADER_BYTES + 1 + HEAD_BLOCK.length);
  assert.equal(second, 2 * frame.FRAME_HEADER_BYTES + GREETING_BLOCK.length + GREETING.length);
  assert.deepEqual(bench.frames(), ['HEADERS 1', 'DATA 1 5 end', 'HEADERS 3', 'DATA 3 5 end']);
});

test('more streams than are allowed are refused, and all others answered', () => {
  const bench = CoreBench.connected({ streamCountMax: 3 });
  bench.contentBytes = undefined;
  for (let id = 1; id <= 9; id += 2) bench.send(headersOf(id, GET));
  assert.deepEqual(bench.frames(), ['RST_STREAM 7 REFUSED_STREAM', 'RST_STREAM 9 REFUSED_STREAM']);
  bench.contentBytes = 5;
  for (const stream of [...bench.streams.values()]) bench.answer(stream);
  bench.send(headersOf(11, GET));
  assert.equal(bench.frames().filter((line) => line.startsWith('HEADERS')).length, 4);
});

test('the last of all stream ids is answered, and the connection is then over', () => {
  const bench = CoreBench.connected();
  bench.send(headersOf(MAX, GET));
  assert.deepEqual(bench.frames(), [`HEADERS ${MAX}`, `DATA ${MAX} 5 end`, `GOAWAY ${MAX} NO_ERROR`]);
  assert.equal(bench.log.at(-1), 'over well');
});

test('the peer is gone: all streams are reset and nothing is written', () => {
  const bench = CoreBench.connected();
  bench.contentBytes = undefined;
  bench.send(headersOf(1, GET), headersOf(3, POST, false));
  bench.core.abort();
  assert.deepEqual(bench.frames(), []);
  assert.deepEqual(bench.log.slice(3), ['reset 1 CANCEL', 'reset 3 CANCEL', 'idle']);
  bench.send(headersOf(5, GET));
  assert.equal(bench.log.length, 6);
});

test('what is read as it comes gets a larger window, up to what the connection has to give, and gives it back', () => {
  const bench = CoreBench.connected({ growthBytes: 300_000 });
  bench.contentBytes = undefined;
  const windowOf = (id: number): number => {
    bench.send(headersOf(id, POST, false));
    let window = 65_535;
    let largest = window;
    for (let n = 0; n < 200; n++) {
      window -= 16_384;
      bench.send(dataOf(id, 16_384));
      for (const line of bench.frames())
        if (line.startsWith(`WINDOW_UPDATE ${id} `)) window += Number(line.split(' ')[2]);
      largest = Math.max(largest, window);
    }
    return largest;
  };
  assert.ok(windowOf(1) > 300_000);
  assert.ok(windowOf(3) < 66_000, 'all is given already');
  bench.send(resetOf(1));
  bench.frames();
  assert.ok(windowOf(5) > 300_000);
  bench.reads = false;
  for (let n = 0; n < 4; n++) bench.send(dataOf(3, 8192));
  assert.deepEqual(bench.frames(), []);
});

test('handlers that go on behind a reset keep their places', () => {
  const bench = CoreBench.connected({ streamCountMax: 2 });
  bench.contentBytes = undefined;
  bench.send(headersOf(1, GET), headersOf(3, GET), resetOf(1), resetOf(3));
  bench.core.handlerOutlives();
  bench.core.handlerOutlives();
  bench.send(headersOf(5, GET));
  bench.core.handlerEnds();
  bench.send(headersOf(7, GET), headersOf(9, GET));
  assert.deepEqual(bench.frames(), ['RST_STREAM 5 REFUSED_STREAM', 'RST_STREAM 9 REFUSED_STREAM']);
});

test('a session may end others, or all, while it is told of one', () => {
  const bench = CoreBench.connected({ lingerTimeoutMs: 60_000 }, frame.SETTINGS_INITIAL_WINDOW_SIZE, 0);
  bench.contentBytes = 100;
  bench.send(headersOf(1, GET), headersOf(3, GET), headersOf(5, GET));
  const onReset = bench.onReset.bind(bench);
  bench.onReset = (stream, errorCode) => {
    onReset(stream, errorCode);
    const other = bench.streams.get(3);
    bench.streams.delete(3);
    if (other !== undefined) bench.core.reset(other, 8);
  };
  bench.clock.nowMs += 60_000;
  bench.core.expire(bench.clock.nowMs);
  assert.equal(bench.core.streamCount, 0);
  bench.send(headersOf(7, GET), headersOf(9, GET));
  bench.onReset = (stream, errorCode) => {
    onReset(stream, errorCode);
    bench.core.abort();
  };
  bench.frames();
  bench.send(resetOf(7), headersOf(11, GET));
  assert.equal(bench.core.streamCount, 0);
  assert.equal(bench.core.isOver, true);
  assert.deepEqual(bench.frames(), []);
});

test('ASCII text is written with its head, other text is not', () => {
  const bench = CoreBench.connected();
  bench.contentBytes = undefined;
  bench.send(headersOf(1, GET));
  const stream = bench.streams.get(1)!;
  assert.equal(bench.core.respondText(stream, HEAD_BLOCK, 0, HEAD_BLOCK.length, 'hé'), false);
  assert.deepEqual(bench.frames(), []);
  assert.equal(bench.core.respondText(stream, HEAD_BLOCK, 0, HEAD_BLOCK.length, 'hello'), true);
  assert.deepEqual(bench.frames(), ['HEADERS 1', 'DATA 1 5 end']);
});
