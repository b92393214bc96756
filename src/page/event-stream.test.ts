import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventStreamReader } from './event-stream.ts';

const STREAM =
  ': hello\n\nevent: status\ndata: {"a":1}\n\ndata: one\r\ndata: two\r\n\r\nevent: empty\n\nevent: status\ndata:{"b":2}\n\n';
const EVENTS = [
  { name: 'status', data: '{"a":1}' },
  { name: 'message', data: 'one\ntwo' },
  { name: 'status', data: '{"b":2}' },
];

test('events are read whole, however they are cut', () => {
  assert.deepEqual(new EventStreamReader().read(STREAM), EVENTS);
  const reader = new EventStreamReader();
  assert.deepEqual(
    [...STREAM].flatMap((piece) => reader.read(piece)),
    EVENTS,
  );
  for (let at = 0; at < STREAM.length; at++) {
    const split = new EventStreamReader();
    assert.deepEqual([...split.read(STREAM.slice(0, at)), ...split.read(STREAM.slice(at))], EVENTS);
  }
});

test('an event without an end is not kept for ever', () => {
  const reader = new EventStreamReader();
  assert.throws(() => {
    for (let i = 0; i < 40; i++) reader.read('x'.repeat(1024 * 1024));
  }, RangeError);
});
