import assert from 'node:assert/strict';
import { closeSync, openSync, readSync } from 'node:fs';
import { test } from 'node:test';
import { pageBytes } from '../../sys/memory.ts';
import type { SendBlock } from './send-block.ts';
import { LARGE_BLOCK_BYTES, SendPool, SMALL_BLOCK_BYTES } from './send-pool.ts';

const isHere = process.platform === 'linux' && pageBytes() === SMALL_BLOCK_BYTES;
const skip = isHere ? false : 'Linux with pages of 4 KiB only';
const PEAK_BYTES = 32 * 2 ** 20;
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** How many of the pages of `blocks` have memory: bit 63 of each entry, proc_pid_pagemap(5). */
function residentBytes(blocks: readonly SendBlock[]): number {
  const pagemap = openSync('/proc/self/pagemap', 'r');
  let pages = 0;
  for (const { address, capacity } of blocks) {
    const entries = Buffer.alloc((capacity / SMALL_BLOCK_BYTES) * 8);
    readSync(pagemap, entries, 0, entries.length, (address / SMALL_BLOCK_BYTES) * 8);
    for (let at = 7; at < entries.length; at += 8) if (entries[at]! & 0x80) pages++;
  }
  closeSync(pagemap);
  return pages * SMALL_BLOCK_BYTES;
}

/** Takes `count` blocks of `size` bytes, and writes to each of their pages. */
function takeMany(pool: SendPool, count: number, size: number, value: number): SendBlock[] {
  const blocks: SendBlock[] = [];
  for (let i = 0; i < count; i++) {
    const block = pool.take(size);
    block.bytes.fill(value, block.start, block.start + block.capacity);
    blocks.push(block);
  }
  return blocks;
}

function holds({ bytes, start, capacity }: SendBlock, value: number): boolean {
  for (let at = start; at < start + capacity; at += SMALL_BLOCK_BYTES)
    if (bytes[at] !== value || bytes[at + SMALL_BLOCK_BYTES - 1] !== value) return false;
  return true;
}

/** A peak of 32 MiB, of which `kept` blocks stay in use. @returns how much of it is resident 5 s after */
async function peak(pool: SendPool, size: number, kept: number): Promise<number> {
  const blocks = takeMany(pool, PEAK_BYTES / size, size, 7);
  const all = [...blocks];
  assert.equal(residentBytes(all), blocks.length * size, 'the peak must be seen');
  const stays = blocks.splice(0, kept);
  for (const block of blocks) pool.give(block);
  await sleep(5000);
  assert.ok(
    stays.every((block) => holds(block, 7)),
    'a block in use must be left alone',
  );
  for (const block of stays) pool.give(block);
  return residentBytes(all);
}

test('memory of a peak goes back to the system, but not that of blocks in use', { skip }, async () => {
  for (const size of [LARGE_BLOCK_BYTES, SMALL_BLOCK_BYTES]) {
    const pool = new SendPool();
    const left = await peak(pool, size, 10);
    assert.ok(left < PEAK_BYTES / 16, `${left} bytes are left`);
    // What was given back serves as before, each block once.
    const again = takeMany(pool, PEAK_BYTES / size, size, 9);
    assert.equal(new Set(again.map((block) => block.address)).size, again.length);
    assert.ok(again.every((block) => holds(block, 9)));
    pool.release();
  }
});

test('blocks that are taken and given all the time are left alone', { skip }, async () => {
  const pool = new SendPool();
  for (const block of takeMany(pool, 100, LARGE_BLOCK_BYTES, 1)) pool.give(block);
  const end = performance.now() + 5000;
  while (performance.now() < end) {
    const blocks = Array.from({ length: 100 }, () => pool.take(LARGE_BLOCK_BYTES));
    assert.ok(
      blocks.every(({ bytes, start }) => bytes[start] === 1),
      'a page was taken from under a block that is used',
    );
    for (const block of blocks) pool.give(block);
    await sleep(20);
  }
  pool.release();
});
