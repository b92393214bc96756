import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SEND_RESERVE_BYTES_MAX } from '../engine.ts';
import { type Segment, setAside } from './segments.ts';
import { SendArena } from './send-arena.ts';

/** Puts a segment of `size` bytes behind `queue`, in the arena, and sets it aside. */
function add(queue: Segment[], arena: SendArena, size: number, value: number): void {
  const block = arena.withRoom(size);
  const start = block.used;
  block.used += size;
  block.pins++;
  block.buffer.fill(value, start, block.used);
  queue.push({ block, buffer: block.buffer, start, end: block.used });
  setAside(queue, arena);
  arena.endTurn();
  assert.equal(block.pins, 0, 'what was set aside must not hold its block');
}

test('what waits keeps its order and its bytes, whatever the sizes', () => {
  const arena = new SendArena();
  const queue: Segment[] = [];
  const parts: Buffer[] = [];
  const sizes = [1, 100, 5000, 20_000, 3, SEND_RESERVE_BYTES_MAX, 16_383, 16_384, 2, SEND_RESERVE_BYTES_MAX];
  for (const [value, size] of sizes.entries()) {
    add(queue, arena, size, value);
    parts.push(Buffer.alloc(size, value));
    const waiting = Buffer.concat(queue.map(({ buffer, start, end }) => buffer.subarray(start, end)));
    assert.ok(waiting.equals(Buffer.concat(parts)), `after ${size} bytes more`);
  }
});

test('pieces that wait are packed: not one memory each', () => {
  const arena = new SendArena();
  const queue: Segment[] = [];
  for (let i = 0; i < 64; i++) add(queue, arena, 1000, i);
  assert.equal(queue.length, 1);
  const small: Segment[] = [];
  add(small, arena, 10, 1);
  assert.equal(small[0]!.buffer.length, 10, 'a few bytes take no more than they are');
});
