import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ERRNO } from '../../sys/errno.ts';
import { AcceptFailures } from './accept-errors.ts';

test('what concerns one connection lets the next one be accepted at once', () => {
  const failures = new AcceptFailures();
  for (const errno of [ERRNO.ECONNABORTED, ERRNO.EINTR, ERRNO.EPROTO, ERRNO.EPERM, ERRNO.ENETDOWN])
    assert.equal(failures.failed(errno), false);
});

test('accepting rests for whatever else the kernel says, also for what nobody foresaw', () => {
  const failures = new AcceptFailures();
  const { EMFILE, ENFILE, ENOMEM, ENOBUFS, EINVAL, EBADF, EACCES, ENOSYS } = ERRNO;
  for (const errno of [EMFILE, ENFILE, ENOMEM, ENOBUFS, EINVAL, EBADF, EACCES, ENOSYS, 4095])
    assert.equal(failures.failed(errno), true, `errno ${errno}`);
});

test('accepting rests when every connection seems to fail, and not before one is accepted between', () => {
  const failures = new AcceptFailures();
  const untilRest = (): number => {
    for (let count = 1; count <= 1000; count++) if (failures.failed(ERRNO.EPERM)) return count;
    return Number.POSITIVE_INFINITY;
  };
  const first = untilRest();
  assert.ok(first > 1 && first < 1000, `${first}`);
  assert.equal(untilRest(), first, 'counted anew after a rest');
  for (let i = 0; i < 10 * first; i++) {
    assert.equal(failures.failed(ERRNO.EPERM), false);
    failures.succeeded();
  }
});
