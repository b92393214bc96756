import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SEND_RESERVE_BYTES_MAX } from '../engine.ts';
import { MAPPED_BYTES_MIN, SendArena } from './send-arena.ts';

/** What a connection does: reserve, commit all of it. */
function put(arena: SendArena, size: number) {
  const block = arena.withRoom(size);
  block.used += size;
  block.pins++;
  return block;
}

test('bytes that the kernel took at once leave the block as it was', () => {
  const arena = new SendArena();
  const block = arena.withRoom(1);
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
  assert.ok(seen.has(put(arena, MAPPED_BYTES_MIN)), 'free blocks are used again');
});

test('a block with waiting segments comes back when the last one is through, once', () => {
  const arena = new SendArena();
  const slow = put(arena, SEND_RESERVE_BYTES_MAX);
  put(arena, SEND_RESERVE_BYTES_MAX);
  const current = put(arena, MAPPED_BYTES_MIN);
  assert.notEqual(current, slow);
  arena.unpin(current);
  arena.endTurn();
  arena.unpin(slow);
  arena.unpin(slow);
  assert.throws(() => arena.unpin(slow), /unpinned more often/);
  const next = new Set();
  for (let i = 0; i < 6; i++) next.add(put(arena, SEND_RESERVE_BYTES_MAX));
  assert.equal(next.size, 3);
});

test('what is small and what is large lie in different blocks', () => {
  const arena = new SendArena();
  const small = put(arena, MAPPED_BYTES_MIN - 1);
  const large = put(arena, MAPPED_BYTES_MIN);
  assert.notEqual(small, large);
  assert.equal(put(arena, 1), small);
  assert.equal(put(arena, SEND_RESERVE_BYTES_MAX), large);
  for (const block of [small, small, large, large]) arena.unpin(block);
  arena.endTurn();
  assert.deepEqual([small.used, large.used], [0, 0]);
});
