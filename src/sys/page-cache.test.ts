import assert from 'node:assert/strict';
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { POSIX_FADV_DONTNEED } from './abi/file.ts';
import { pipe2 } from './descriptor.ts';
import { ERRNO } from './errno.ts';
import { adviseFile, isFileInMemory, readCachedByte } from './page-cache.ts';
import { closeFd } from './socket.ts';

const skip = process.platform === 'linux' ? false : 'Linux only';
const FILE_BYTES = 1024 * 1024;

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
    assert.equal(adviseFile(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
    assert.equal(readCachedByte(fd, FILE_BYTES - 1), -ERRNO.EAGAIN);
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
