import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isFileInMemory } from '../../sys/page-cache.ts';
import { FILE_WINDOW_BYTES } from '../engine.ts';
import { KnownDevices } from './known-devices.ts';
import { QueuedFile } from './queued-file.ts';
import { WindowReads } from './window-reads.ts';

const skip = process.platform === 'linux' ? false : 'Linux only';
/** No descriptor: nothing is ever found in memory. */
const NO_FD = -1;

function stage(countMax: number) {
  const begun: QueuedFile[] = [];
  const told: number[] = [];
  const released: number[] = [];
  const gate = { isOpen: true };
  const reads = new WindowReads(countMax, (file) => {
    if (gate.isOpen) begun.push(file);
    return gate.isOpen;
  });
  const add = (name: number): QueuedFile => {
    const range = {
      fd: NO_FD,
      offset: 0,
      length: 3 * FILE_WINDOW_BYTES,
      onReleased: () => void released.push(name),
    };
    const file = new QueuedFile(range, {
      fileReadEnded: (errno) => void told.push(errno === 0 ? name : -name),
    });
    reads.add(file);
    return file;
  };
  return { reads, begun, told, released, gate, add };
}

test('reads are begun in order, so many at once, and the next when one has ended', { skip }, () => {
  const { reads, begun, told, add } = stage(2);
  const files = [1, 2, 3, 4].map(add);
  reads.beginWaiting();
  assert.deepEqual(begun, files.slice(0, 2));
  assert.ok(files.every(({ isReading }) => isReading));
  reads.ended(files[1]!, 1000);
  reads.beginWaiting();
  assert.deepEqual(begun, files.slice(0, 3));
  assert.equal(files[1]!.readEnd, FILE_WINDOW_BYTES);
  assert.equal(files[1]!.isReading, false);
  reads.ended(files[0]!, -5);
  reads.beginWaiting();
  assert.deepEqual(begun, files);
  assert.equal(files[0]!.readEnd, 0, 'it could not be read');
  assert.deepEqual(told, [2, -1]);
  assert.equal(reads.underWay, 2);
});

test('what cannot be begun now is begun later, and what was given up meanwhile never', { skip }, () => {
  const { reads, begun, told, released, gate, add } = stage(8);
  const [first, second] = [add(1), add(2)];
  gate.isOpen = false;
  reads.beginWaiting();
  assert.equal(reads.underWay, 0);
  first!.giveUp();
  assert.deepEqual(released, [], 'it is still in the queue');
  gate.isOpen = true;
  reads.beginWaiting();
  assert.deepEqual(begun, [second]);
  assert.deepEqual(released, [1]);
  second!.giveUp();
  assert.deepEqual(released, [1], 'the disk is read');
  reads.ended(second!, 1000);
  assert.deepEqual(released, [1, 2]);
  assert.deepEqual(told, [], 'nobody is left to be told');
});

test('a device is known by what its file system is, and asked for once', { skip }, () => {
  const devices = new KnownDevices();
  for (const folder of ['/dev/shm', tmpdir()]) {
    const own = mkdtempSync(join(folder, 'holdfast-devices-'));
    const fd = openSync(join(own, 'file'), 'w+');
    try {
      const isInMemory = isFileInMemory(fd) === 1;
      for (let i = 0; i < 2; i++) assert.equal(devices.isInMemory(fd), isInMemory);
      assert.ok(isInMemory || folder !== '/dev/shm');
    } finally {
      closeSync(fd);
      rmSync(own, { recursive: true });
    }
  }
});
