/** What a connection sends of its files before others have their turn. */
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openKoffi } from '../../sys/ffi-koffi.ts';
import { FileSending, SENT_SHARE } from './file-sending.ts';
import { QueuedFile } from './queued-file.ts';
import { SendBlock } from './send-block.ts';
import { SendPool } from './send-pool.ts';
import { WindowReads } from './window-reads.ts';

const KIB = 1024;
const SHARE_BYTES = 256 * KIB;

function refusal(): string | false {
  try {
    openKoffi();
    return process.platform !== 'linux' && 'sendfile to a file is Linux';
  } catch (error) {
    return String(error);
  }
}

test('a connection sends 256 KiB of a file and not more, however little time that takes', {
  skip: refusal(),
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-share-'));
  const fd = openSync(join(folder, 'file'), 'w+');
  const length = 3 * SHARE_BYTES + 1000;
  ftruncateSync(fd, length);
  // Takes all at once.
  const sink = openSync('/dev/null', 'w');
  const pool = new SendPool();
  const counters = { bytesSent: 0 };
  const sending = new FileSending(pool, counters, new WindowReads(1, () => false));
  let released = -1;
  const file = new QueuedFile(
    { fd, offset: 0, length, verify: () => true, onReleased: (unsent) => void (released = unsent) },
    { fileReadEnded: () => {} },
  );
  file.readEnd = length;
  const queue = {
    fd: sink,
    firstBlock: SendBlock.ofFile(file) as SendBlock | null,
    endsBehind: false,
    took: () => {},
    tookFromFile(size: number) {
      file.at += size;
      if (!file.isWhole) return;
      this.firstBlock = null;
      file.release();
    },
    breakOff: (reason: string) => assert.fail(reason),
  };
  try {
    for (let share = 1; share <= 3; share++) {
      assert.equal(sending.sendAll(queue), SENT_SHARE);
      assert.equal(counters.bytesSent, share * SHARE_BYTES);
    }
    assert.equal(sending.sendAll(queue), 0);
    assert.equal(counters.bytesSent, length);
    assert.equal(released, 0);
  } finally {
    pool.release();
    closeSync(sink);
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
});
