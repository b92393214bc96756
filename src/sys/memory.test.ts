import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  allocate,
  allocateGuarded,
  discardPages,
  mapFile,
  PAGE_BYTES,
  pageBytes,
  scratch,
  storeAddress,
} from './memory.ts';

const skip = process.platform === 'linux' ? false : 'Linux only';

function isMapped(address: number): boolean {
  return readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .some((line) => {
      const [start, end] = line
        .split(' ')[0]!
        .split('-')
        .map((each) => Number.parseInt(each, 16));
      return start! <= address && address < end!;
    });
}

test('memory is zeroed, page aligned and rounded up to pages', { skip }, () => {
  const memory = allocate(5000);
  assert.equal(memory.byteLength, 8192);
  assert.equal(memory.address % PAGE_BYTES, 0);
  assert.equal(memory.buffer.byteLength, 8192);
  assert.ok(memory.bytes.every((byte) => byte === 0));
  memory.release();
});

test('release unmaps, and a second release does nothing', { skip }, () => {
  const memory = allocate(PAGE_BYTES * 16, { populate: true });
  const { address } = memory;
  assert.ok(isMapped(address));
  memory.release();
  assert.ok(!isMapped(address));
  memory.release();
});

test('guarded memory lies between pages that nobody may touch, and they go with it', { skip }, () => {
  const permissionsAt = (address: number): string | undefined =>
    readFileSync('/proc/self/maps', 'utf8')
      .split('\n')
      .map((line) => /^([0-9a-f]+)-([0-9a-f]+) (\S+)/.exec(line))
      .find(
        (match) =>
          match !== null &&
          Number.parseInt(match[1]!, 16) <= address &&
          address < Number.parseInt(match[2]!, 16),
      )?.[3];
  const memory = allocateGuarded(5000);
  const { address, byteLength } = memory;
  memory.bytes.fill(7);
  assert.deepEqual(
    [address - 1, address, address + byteLength - 1, address + byteLength].map(permissionsAt),
    ['---p', 'rw-p', 'rw-p', '---p'],
  );
  memory.release();
  assert.ok(!isMapped(address - 1) && !isMapped(address) && !isMapped(address + byteLength));
});

test('pages that are given back stay mapped, read as zeros, and leave their neighbours alone', {
  skip,
}, () => {
  const page = pageBytes();
  const memory = allocate(3 * page);
  memory.bytes.fill(7);
  discardPages(memory.address + page, page);
  assert.ok(isMapped(memory.address + page));
  assert.deepEqual(
    [0, page - 1, page, 2 * page - 1, 2 * page].map((at) => memory.bytes[at]),
    [7, 7, 0, 0, 7],
  );
  memory.release();
  assert.throws(() => discardPages(page + 1, page), { syscall: 'madvise', code: 'EINVAL' });
});

test('a file that cannot be mapped is an error with the call and errno', { skip }, () => {
  assert.throws(() => mapFile(-1, PAGE_BYTES, 0), { syscall: 'mmap', code: 'EBADF' });
});

test('the scratch page is one page that stays', { skip }, () => {
  assert.equal(scratch(), scratch());
  scratch().i32[1] = -2;
  assert.equal(scratch().view.getInt32(4, true), -2);
});

test('an address is stored as a 64-bit field', () => {
  const words = new Uint32Array(4);
  storeAddress(words, 1, 0x7f12_3456_789a);
  assert.equal(new DataView(words.buffer).getBigUint64(4, true), 0x7f12_3456_789an);
});
