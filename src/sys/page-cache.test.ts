import assert from 'node:assert/strict';
import { closeSync, fsyncSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { POSIX_FADV_DONTNEED } from './abi/file.ts';
import { pipe2 } from './descriptor.ts';
import { ERRNO } from './errno.ts';
import { adviseFile, isFileInMemory, readCachedByte, readCachedBytes } from './page-cache.ts';
import { closeFd } from './socket.ts';

const skip = process.platform === 'linux' ? false : 'Linux only';
const FILE_BYTES = 1024 * 1024;

const HOLE_BYTES = 128 * 1024;

/** Pages may be held for a moment by another core, and be asked back in by the question itself: one look in so many is enough. */
function becomesCold(look: () => number): boolean {
  const word = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 0; tries < 200; tries++) {
    if (look() === -ERRNO.EAGAIN) return true;
    Atomics.wait(word, 0, 0, 5);
  }
  return false;
}

function withFile(folder: string, body: (fd: number) => void): void {
  const own = mkdtempSync(join(folder, 'holdfast-pages-'));
  const fd = openSync(join(own, 'file'), 'w+');
  try {
    writeSync(fd, Buffer.alloc(FILE_BYTES, 'x'));
    body(fd);
  } finally {
    closeSync(fd);
    rmSync(own, { recursive: true });
  }
}

test('a byte is read where its page is in memory, and refused where it is not', { skip }, (t) => {
  withFile(tmpdir(), (fd) => {
    const warm = readCachedByte(fd, FILE_BYTES - 1);
    if (warm === -ERRNO.EOPNOTSUPP) return t.skip('this file system cannot tell');
    assert.equal(warm, 1);
    assert.equal(readCachedByte(fd, FILE_BYTES), 0, 'the end');
    assert.equal(readCachedByte(fd, 2 ** 33), 0, 'far beyond the end');
    if (isFileInMemory(fd) === 1) return;
    fsyncSync(fd);
    assert.ok(
      becomesCold(() => {
        assert.equal(adviseFile(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
        return readCachedByte(fd, FILE_BYTES - 1);
      }),
    );
  });
});

test('a hole in what is in memory is found, wherever it is', { skip }, (t) => {
  withFile(tmpdir(), (fd) => {
    if (readCachedBytes(fd, 0, FILE_BYTES) === -ERRNO.EOPNOTSUPP)
      return t.skip('this file system cannot tell');
    assert.equal(readCachedBytes(fd, 0, FILE_BYTES), 1);
    assert.equal(readCachedBytes(fd, FILE_BYTES - 1, FILE_BYTES), 1);
    assert.equal(readCachedBytes(fd, 5, FILE_BYTES + 1), 0, 'the end');
    if (isFileInMemory(fd) === 1) return;
    fsyncSync(fd);
    for (const hole of [0, 3 * HOLE_BYTES, 7 * HOLE_BYTES]) {
      const found = becomesCold(() => {
        // Pages that were written together may only go together.
        ftruncateSync(fd, 0);
        for (let at = 0; at < FILE_BYTES; at += 16_384)
          writeSync(fd, Buffer.alloc(16_384, 'y'), 0, 16_384, at);
        fsyncSync(fd);
        adviseFile(fd, hole, HOLE_BYTES, POSIX_FADV_DONTNEED);
        return readCachedBytes(fd, 0, FILE_BYTES);
      });
      assert.ok(found, `at ${hole}`);
    }
  });
});

test('a file in memory is told from one on a disk', { skip }, () => {
  withFile('/dev/shm', (fd) => assert.equal(isFileInMemory(fd), 1));
});

test('what is no file is refused with its error number', { skip }, () => {
  const pipe = pipe2(0);
  assert.ok(typeof pipe !== 'number');
  assert.equal(readCachedByte(pipe.readFd, 0), -ERRNO.ESPIPE);
  assert.equal(adviseFile(pipe.readFd, 0, 0, POSIX_FADV_DONTNEED), -ERRNO.ESPIPE);
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
  assert.equal(isFileInMemory(pipe.readFd), -ERRNO.EBADF);
  assert.equal(readCachedByte(pipe.readFd, 0), -ERRNO.EBADF);
});
