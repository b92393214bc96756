import assert from 'node:assert/strict';
import { closeSync, fstatSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { DescriptorLedger } from './ledger.ts';

const isOpen = (fd: number): boolean => {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

test('what is held is closed, once, and what was dropped is left alone', () => {
  const buffer = DescriptorLedger.allocate();
  const ledger = new DescriptorLedger(buffer);
  const fds = [0, 1, 2].map(() => openSync('/dev/null', 'r'));
  for (const fd of fds) ledger.hold(fd);
  ledger.drop(fds[1]!);
  assert.equal(DescriptorLedger.releaseAll(buffer).descriptors, 2);
  assert.deepEqual(fds.map(isOpen), [false, true, false]);
  assert.equal(DescriptorLedger.releaseAll(buffer).descriptors, 0);
  closeSync(fds[1]!);
});
