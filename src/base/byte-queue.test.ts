import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteQueue } from './byte-queue.ts';
import { SeededRandom } from './random.ts';

const BLOCK_BYTES = 16 * 1024;

function bytesOf(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

test('bytes come out as they went in, whatever the sizes of the pieces', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const queue = new ByteQueue();
    const sizes = random.pick([[1], [1, 31, 32, 33, 500], [1, 4000, 9000, 70_000], [5000, 8191, 8192]]);
    let next = 0;
    let expected = 0;
    const check = (block: Uint8Array) => {
      assert.ok(
        block.every((byte) => byte === (expected++ & 0xff)),
        `seed ${seed}: wrong bytes before ${expected}`,
      );
      assert.equal(block.byteLength, block.buffer.byteLength, 'memory of its own, and full');
    };
    for (let step = 0; step < 200; step++) {
      if (random.chance(0.25)) {
        const block = queue.shift();
        if (block !== undefined) check(block);
        continue;
      }
      const size = random.pick(sizes);
      const piece = Uint8Array.from({ length: size + 2 }, (_, i) => next + i - 1);
      if (random.chance(0.5)) queue.push(piece, 1, 1 + size);
      else queue.give(piece.slice(1, 1 + size));
      next += size;
      assert.equal(queue.length, next - expected, `seed ${seed}`);
      assert.ok(queue.memoryBytes >= queue.length, `seed ${seed}`);
      assert.ok(queue.memoryBytes <= 2 * queue.length + BLOCK_BYTES, `seed ${seed}: ${queue.memoryBytes}`);
    }
    check(queue.takeAll());
    assert.equal(expected, next, `seed ${seed}`);
    assert.equal(queue.length, 0);
    assert.equal(queue.memoryBytes, 0);
  }
});

test('single bytes share blocks: a hundred thousand of them come out in a few pieces', () => {
  const queue = new ByteQueue();
  for (let i = 0; i < 100_000; i++) queue.push(bytesOf(i), 0, 1);
  let pieces = 0;
  while (queue.shift() !== undefined) pieces++;
  assert.ok(pieces < 20, `${pieces} pieces`);
});

test('a piece that comes alone is as long as it is, and a large one that is given away is not copied', () => {
  const queue = new ByteQueue();
  queue.push(bytesOf(1, 2, 3), 0, 3);
  assert.equal(queue.memoryBytes, 3);
  assert.deepEqual(queue.takeAll(), bytesOf(1, 2, 3));
  const large = new Uint8Array(BLOCK_BYTES);
  queue.give(large);
  assert.equal(queue.shift(), large);
});

test('nothing comes out of an empty queue, or of one that was cleared', () => {
  const queue = new ByteQueue();
  assert.equal(queue.shift(), undefined);
  assert.equal(queue.takeAll().length, 0);
  queue.push(bytesOf(1), 0, 1);
  queue.clear();
  assert.equal(queue.shift(), undefined);
  assert.equal(queue.length, 0);
  queue.push(bytesOf(7), 0, 1);
  assert.deepEqual(queue.shift(), bytesOf(7));
});

test('taking pieces out one by one costs time in their number, once', () => {
  const queue = new ByteQueue();
  const count = 20_000;
  // Large ones, so that each is a block.
  const piece = new Uint8Array(BLOCK_BYTES / 2);
  for (let i = 0; i < count; i++) queue.give(piece);
  for (let i = 0; i < count; i++) assert.equal(queue.shift(), piece);
  assert.equal(queue.shift(), undefined);
});
