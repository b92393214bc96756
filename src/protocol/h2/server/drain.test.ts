/** The graceful end of a connection: GOAWAY, a round trip, GOAWAY. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as frame from '../frames.ts';
import { CoreBench, dataOf, frameOf, GET, headersOf, POST } from './core.fixture.ts';

const MAX = 2 ** 31 - 1;

test('a drain answers what is on its way: GOAWAY, a round trip, GOAWAY, and the end with the last answer', () => {
  const bench = CoreBench.connected();
  bench.contentBytes = undefined;
  bench.send(headersOf(1, GET));
  bench.core.drain();
  assert.deepEqual(bench.frames(), [`GOAWAY ${MAX} NO_ERROR`, 'PING']);
  bench.send(headersOf(3, GET));
  bench.send(frameOf(frame.FRAME_PING, frame.FLAG_ACK, 0, new Uint8Array(8)));
  bench.send(headersOf(5, POST, false), dataOf(5, 10, true));
  assert.deepEqual(bench.frames(), ['GOAWAY 3 NO_ERROR']);
  bench.contentBytes = 5;
  for (const stream of [...bench.streams.values()]) bench.answer(stream);
  assert.deepEqual(bench.frames(), ['HEADERS 1', 'DATA 1 5 end', 'HEADERS 3', 'DATA 3 5 end']);
  assert.equal(bench.log.at(-1), 'over well');
});

test('a drain of a peer that answers no PING ends after its grace', () => {
  const bench = CoreBench.connected();
  bench.core.drain();
  bench.clock.nowMs += 999;
  bench.core.expire(bench.clock.nowMs);
  assert.deepEqual(bench.frames(), [`GOAWAY ${MAX} NO_ERROR`, 'PING']);
  bench.clock.nowMs += 1;
  bench.core.expire(bench.clock.nowMs);
  assert.deepEqual(bench.frames(), ['GOAWAY 0 NO_ERROR']);
  assert.deepEqual(bench.log, ['over well']);
});

test('a peer with nothing open is waited for no longer than was asked', () => {
  const idle = CoreBench.connected();
  idle.core.drain(100);
  assert.deepEqual(idle.frames(), [`GOAWAY ${MAX} NO_ERROR`, 'PING']);
  idle.clock.nowMs += 100;
  idle.core.expire(idle.clock.nowMs);
  assert.deepEqual(idle.frames(), ['GOAWAY 0 NO_ERROR']);
  const atOnce = CoreBench.connected();
  atOnce.core.drain(0);
  assert.deepEqual(atOnce.frames(), ['GOAWAY 0 NO_ERROR']);
  assert.deepEqual(atOnce.log, ['over well']);
  const busy = CoreBench.connected();
  busy.contentBytes = undefined;
  busy.send(headersOf(1, GET));
  busy.core.drain(0);
  busy.clock.nowMs += 999;
  busy.core.expire(busy.clock.nowMs);
  assert.deepEqual(busy.frames(), [`GOAWAY ${MAX} NO_ERROR`, 'PING'], 'others are');
});
