/** Messages between machines: what is sent arrives as it was, and whatever else arrives is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Message } from '../pubsub/message.ts';
import { decodeWire, encodeWire } from './pubsub-wire.ts';

const line = (minLength: number) =>
  fc.string({ minLength, maxLength: 100, unit: 'grapheme' }).filter((text) => !/[\0\r\n]/.test(text));
const data = fc.oneof(fc.string({ unit: 'grapheme' }), fc.uint8Array());

test('a message arrives as it was sent', () => {
  fc.assert(
    fc.property(
      line(1),
      data,
      fc.option(line(0), { nil: undefined }),
      fc.option(line(0), { nil: undefined }),
      (topic, data, id, event) => {
        const bytes = typeof data === 'string' ? Buffer.byteLength(data) : data.length;
        const back = decodeWire(encodeWire(new Message(topic, data, id, event, bytes)));
        assert.deepEqual(
          [back?.topic, back?.data, back?.id, back?.event, back?.byteLength],
          [topic, data, id, event, bytes],
        );
      },
    ),
  );
});

test('what is cut off, altered or foreign is refused or read as a message, and never throws', () => {
  const whole = encodeWire(new Message('topic', 'data é', 'id', 'event', 7));
  for (let end = 0; end < 20; end++) assert.equal(decodeWire(whole.subarray(0, end)), undefined, `${end}`);
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
      const altered = Uint8Array.from(whole);
      altered[at] = byte;
      const message = decodeWire(altered);
      assert.ok(message === undefined || message.topic !== '');
    }),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void decodeWire(bytes)));
});

test('an id with a line break, which would begin a field of its own for readers of events, is refused', () => {
  const bytes = encodeWire(new Message('t', 'x', 'a b', undefined, 1));
  bytes[bytes.indexOf(0x20)] = 0x0a;
  assert.equal(decodeWire(bytes), undefined);
});
