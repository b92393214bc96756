import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { encodeFrame, type Frame, readFrame, WIRE_VERSION, WireError } from './frame.ts';
import { PayloadAssembler, toFrames } from './payload.ts';

const refusal = (code: string, message?: RegExp) => (error: unknown) =>
  error instanceof WireError && error.code === code && (message === undefined || message.test(error.message));

/** Encodes it and reads it again, so that it is what would arrive. */
function travel(value: unknown, messageBytesMax: number): Frame[] {
  return toFrames(value, 'host:1', 'p1', messageBytesMax).map((frame) => {
    const message = encodeFrame(frame);
    assert.ok(message.length <= Math.max(messageBytesMax, 1024 + 512), `${message.length} bytes`);
    return readFrame(message);
  });
}

function assemble(frames: readonly Frame[]): unknown {
  const assembler = new PayloadAssembler();
  let whole: { readonly value: unknown } | undefined;
  for (const frame of frames) {
    assert.equal(whole, undefined, 'nothing before the last frame');
    whole = assembler.add(frame);
  }
  return whole?.value;
}

test('a value arrives as it was, whatever fits into a message', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 600, max: 5000 }), (value, size) => {
      const json = JSON.parse(JSON.stringify(value));
      assert.deepEqual(assemble(travel(json, size)), json);
    }),
  );
});

test('a long value is cut into frames that fit, arrives in any order, and frames that come twice count once', () => {
  // Random text: deflating must not make it short again.
  const value = Array.from({ length: 20_000 }, () => Math.random());
  const frames = travel(value, 16_384);
  assert.ok(frames.length > 5, `${frames.length} frames`);
  assert.ok(frames.every(({ isPacked }) => isPacked));
  assert.deepEqual(assemble(frames), value);
  assert.deepEqual(assemble([...frames].reverse()), value);
  assert.deepEqual(assemble([frames[0]!, frames[0]!, frames[1]!, ...frames.slice(1)]), value);
});

test('a missing frame leaves the value missing', () => {
  const frames = travel(
    Array.from({ length: 5000 }, () => Math.random()),
    4096,
  );
  assert.equal(assemble(frames.slice(1)), undefined);
});

test('a stranger of another version is refused and named', () => {
  const message = Buffer.from('{"holdfast":8,"from":"loader-7","shape":"new"}\nwhatever');
  assert.throws(
    () => readFrame(message),
    refusal('version', new RegExp(`^loader-7 speaks version 8 .* this is version ${WIRE_VERSION}`)),
  );
  const foreign = Buffer.from('{"hello":"world"}\n{}');
  assert.throws(() => readFrame(foreign), refusal('version', /^somebody speaks version unknown/));
});

test('a head line that is none of ours is refused', () => {
  const good = { holdfast: WIRE_VERSION, from: 'a', payload: 'p', part: 0, parts: 1, packed: false };
  const bad: unknown[] = [
    [],
    'text',
    null,
    { ...good, from: 'a b' },
    { ...good, from: undefined },
    { ...good, payload: '' },
    { ...good, part: 1 },
    { ...good, part: -1 },
    { ...good, part: 0.5 },
    { ...good, parts: 0 },
    { ...good, parts: 1e9 },
    { ...good, packed: 'yes' },
  ];
  assert.equal(readFrame(Buffer.from(`${JSON.stringify(good)}\n{}`)).from, 'a');
  for (const head of bad)
    assert.throws(() => readFrame(Buffer.from(`${JSON.stringify(head)}\n{}`)), refusal('malformed'));
});

test('whatever comes, the answer is a value or a named refusal', () => {
  const assembler = new PayloadAssembler();
  const [frame] = toFrames({ type: 'poll' }, 'a', 'p', 4096);
  const good = encodeFrame(frame!);
  const take = (message: Uint8Array) => {
    try {
      assembler.add(readFrame(message));
    } catch (error) {
      assert.ok(error instanceof WireError, String(error));
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 700 }), take));
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (at, byte) => {
      const broken = Uint8Array.from(good);
      broken[at] = byte;
      take(broken);
    }),
  );
});

test('what unpacks to more than anybody needs is refused, and not unpacked', () => {
  const bomb = deflateRawSync(Buffer.alloc(300 * 1024 * 1024, ' '));
  const frame = { from: 'a', payload: 'p', part: 0, parts: 1, isPacked: true, body: bomb };
  assert.throws(() => new PayloadAssembler().add(frame), refusal('too-large'));
});

test('frames that contradict each other are refused', () => {
  const assembler = new PayloadAssembler();
  const frame = { from: 'a', payload: 'p', part: 0, parts: 3, isPacked: false, body: Buffer.from('1') };
  assembler.add(frame);
  assert.throws(() => assembler.add({ ...frame, part: 1, parts: 4 }), refusal('malformed'));
});

test('payloads that are never finished are forgotten, the oldest first', () => {
  const assembler = new PayloadAssembler();
  const part = (payload: string, index: number): Frame => ({
    from: 'a',
    payload,
    part: index,
    parts: 2,
    isPacked: false,
    body: Buffer.from(index === 0 ? '[1' : ']'),
  });
  for (let i = 0; i < 20; i++) assembler.add(part(`p${i}`, 0));
  assert.deepEqual(assembler.add(part('p19', 1)), { value: [1] });
  assert.equal(assembler.add(part('p0', 1)), undefined);
});
