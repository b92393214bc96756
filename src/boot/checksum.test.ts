/** Sums as projects publish them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sumOf, sumPlaces } from './checksum.ts';

const SUM = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);

test('a sum is found however it is written, and none that belongs to another file', () => {
  for (const text of [
    SUM,
    `${SUM}\n`,
    `${SUM.toUpperCase()}  linux\n`,
    `${OTHER}  linux.old\n${SUM} *linux\n`,
    `${OTHER}  boot/linux\n${SUM}  ./linux\r\n`,
    `SHA256 (linux) = ${SUM}\n`,
  ])
    assert.equal(sumOf(text, 'linux'), SUM, text);
  for (const text of ['', '<html>', `${OTHER}  linux.old`, SUM.slice(1), `${'a'.repeat(128)}  linux`])
    assert.equal(sumOf(text, 'linux'), undefined, text);
});

test('a sum is looked for beside the file and in its folder, and not for sums and signatures', () => {
  assert.deepEqual(sumPlaces('os/linux'), ['os/linux.sha256', 'os/SHA256SUMS']);
  assert.deepEqual(sumPlaces('linux'), ['linux.sha256', 'SHA256SUMS']);
  for (const path of ['linux.sha256', 'linux.sig', 'os/SHA256SUMS', 'SHA256SUMS.gpg', 'linux.asc'])
    assert.deepEqual(sumPlaces(path), [], path);
});
