import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SendBlock } from './send-block.ts';
import { LARGE_BLOCK_BYTES, SendPool, SMALL_BLOCK_BYTES } from './send-pool.ts';

const skip = process.platform === 'linux' ? false : 'engines that own descriptors are on Linux';

test('a block that is given back holds on to nothing that came behind it', { skip }, () => {
  const pool = new SendPool();
  for (const size of [SMALL_BLOCK_BYTES, LARGE_BLOCK_BYTES]) {
    const block = pool.take(size);
    block.next = SendBlock.borrowing(new Uint8Array(LARGE_BLOCK_BYTES));
    pool.give(block);
    assert.equal(block.next, null);
    assert.equal(pool.take(size), block);
    pool.give(block);
  }
  pool.release();
});
