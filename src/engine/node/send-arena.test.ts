import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SEND_RESERVE_BYTES_MAX } from '../engine.ts';
import { SendArena, type SendBlock } from './send-arena.ts';

/** What a connection does: reserve, commit all of it. */
function put(arena: SendArena, size: number) {
  const block = arena.withRoom(size);
  block.used += size;
  block.pins++;
  return block;
}

test('bytes that the kernel took at once leave the block as it was', () => {
  const arena = new SendArena();
  const block = arena.current;
  for (let turn = 0; turn < 1000; turn++) {
    assert.equal(put(arena, 5000), block);
    arena.unpin(block);
    arena.endTurn();
    assert.equal(block.used, 0);
  }
});

test('segments that wait are not written over, and packed side by side', () => {
  const arena = new SendArena();
  const block = put(arena, 100);
  block.floor = block.used;
  arena.endTurn();
  for (let turn = 0; turn < 10; turn++) {
    put(arena, 5000);
    arena.unpin(block);
    arena.endTurn();
    assert.equal(block.used, 100);
  }
  arena.unpin(block);
  arena.endTurn();
  assert.equal(block.used, 0);
});

test('what is taken back within a turn leaves alone what was reserved below and above it', () => {
  const arena = new SendArena();
  const block = arena.withRoom(100);
  block.used += 100;
  put(arena, 5000);
  arena.takeBack(block, 100, 5100);
  assert.equal(block.used, 100);
  put(arena, 5000);
  arena.withRoom(10).used += 10;
  arena.takeBack(block, 100, 5100);
  assert.equal(block.used, 5110);
  arena.endTurn();
  assert.equal(block.used, 0);
});

test('a block replaced in a turn is not given out again before the turn ends', () => {
  const arena = new SendArena();
  const first = arena.withRoom(SEND_RESERVE_BYTES_MAX);
  first.used += SEND_RESERVE_BYTES_MAX;
  const seen = new Set([first]);
  for (let i = 0; i < 5; i++) {
    const block = arena.withRoom(SEND_RESERVE_BYTES_MAX);
    block.used += SEND_RESERVE_BYTES_MAX;
    seen.add(block);
  }
  // Two of the largest reservations fit in a block: six of them need three, none twice.
  assert.equal(seen.size, 3);
  arena.endTurn();
  put(arena, SEND_RESERVE_BYTES_MAX);
  put(arena, SEND_RESERVE_BYTES_MAX);
  assert.ok(seen.has(put(arena, 1)), 'free blocks are used again');
});

test('blocks of a peak are memory of another kind than those that stay', () => {
  const arena = new SendArena();
  const all = new Set<SendBlock>();
  while (all.size < 40) all.add(put(arena, SEND_RESERVE_BYTES_MAX));
  const plain = [...all].filter(({ isPlain }) => isPlain);
  assert.equal(plain.length, 8);
  for (const block of all) {
    const { maxByteLength } = block.bytes.buffer as ArrayBuffer & { readonly maxByteLength: number };
    assert.equal(maxByteLength, block.bytes.length);
    assert.equal((block.bytes.buffer as { resizable?: boolean }).resizable, !block.isPlain);
  }
  arena.endTurn();
  for (const block of all) while (block.pins > 0) arena.unpin(block);
  // The next ones are plain again.
  for (let i = 0; i < 16; i++) assert.ok(put(arena, SEND_RESERVE_BYTES_MAX).isPlain || i < 2);
});

test('a block with waiting segments comes back when the last one is through, once', () => {
  const arena = new SendArena();
  const slow = put(arena, SEND_RESERVE_BYTES_MAX);
  put(arena, SEND_RESERVE_BYTES_MAX);
  assert.notEqual(put(arena, 1), slow);
  arena.unpin(arena.current);
  arena.endTurn();
  arena.unpin(slow);
  arena.unpin(slow);
  assert.throws(() => arena.unpin(slow), /unpinned more often/);
  const next = new Set();
  for (let i = 0; i < 6; i++) next.add(put(arena, SEND_RESERVE_BYTES_MAX));
  assert.equal(next.size, 3);
});
