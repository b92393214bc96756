import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SysError } from '../base/errors.ts';
import { check, ERRNO, errnoMeaning, errnoName, sysError } from './errno.ts';

test('an errno is named whether it comes positive or negative', () => {
  assert.equal(errnoName(ERRNO.ECONNRESET), 'ECONNRESET');
  assert.equal(errnoName(-ERRNO.ECONNRESET), 'ECONNRESET');
  assert.equal(errnoName(-4095), 'errno 4095');
  assert.equal(errnoMeaning(-ERRNO.EPIPE), 'the reading side is closed');
  assert.equal(errnoMeaning(-4095), '');
});

test('a refused call says which, on what, and what that usually means', () => {
  const error = sysError('bind', -ERRNO.EADDRINUSE, '127.0.0.1:80');
  assert.ok(error instanceof SysError);
  assert.equal(error.code, 'EADDRINUSE');
  assert.equal(error.errno, 98);
  assert.equal(error.syscall, 'bind');
  assert.match(error.message, /^bind: EADDRINUSE 127\.0\.0\.1:80 \(another process listens there/);
});

test('a limit on descriptors is explained for every call', () => {
  assert.match(sysError('accept4', ERRNO.EMFILE).message, /raise ulimit -n/);
  assert.match(sysError('socket', ERRNO.EMFILE).message, /raise ulimit -n/);
});

test('an errno without a hint falls back to its meaning', () => {
  assert.equal(
    sysError('recv', -ERRNO.ECONNRESET).message,
    'recv: ECONNRESET (connection reset by the peer)',
  );
});

test('check passes a result on and throws a negative one', () => {
  assert.equal(check(7, 'socket'), 7);
  assert.throws(() => check(-ERRNO.EPERM, 'io_uring_setup'), { code: 'EPERM', syscall: 'io_uring_setup' });
});
