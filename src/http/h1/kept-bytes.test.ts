import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import { KeptBytes } from './kept-bytes.ts';

const pieceOf = (from: number, size: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, i) => from + i);

function assertHolds(kept: KeptBytes, from: number, until: number, what: string): void {
  assert.equal(kept.end - kept.start, until - from, what);
  for (let i = kept.start, value = from; i < kept.end; i++, value++)
    if (kept.bytes[i] !== (value & 0xff)) assert.fail(`${what}: a wrong byte at ${i}`);
}

test('what is appended and dropped leaves the bytes in between, in order', () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = new SeededRandom(seed);
    const source = pieceOf(0, 300);
    const kept = new KeptBytes(source, 100, 103);
    let from = 100;
    let until = 103;
    for (let step = 0; step < 200; step++) {
      if (random.chance(0.6)) {
        const size = random.pick([1, 1, 3, 200, 5000]);
        kept.append(pieceOf(until - 1, size + 1), 1, size + 1);
        until += size;
      } else if (until > from) {
        const size = random.between(0, until - from);
        kept.dropUntil(kept.start + size);
        from += size;
      }
      assertHolds(kept, from, until, `seed ${seed}, step ${step}`);
    }
  }
});

test('a drip moves what is there only when its memory doubles', () => {
  const kept = new KeptBytes(pieceOf(0, 1), 0, 1);
  let moves = 0;
  for (let i = 1; i < 100_000; i++) {
    const before = kept.bytes;
    kept.append(pieceOf(i, 1), 0, 1);
    kept.dropUntil(kept.start);
    if (kept.bytes !== before) moves++;
  }
  // Below a kilobyte it may be cut to its size now and then.
  assert.ok(moves < 40, `${moves} moves`);
  assert.ok(kept.bytes.length <= 200_000);
  assertHolds(kept, 0, 100_000, 'the drip');
});

test('taking small requests from a large piece moves the rest a few times, and gives its memory back', () => {
  const kept = new KeptBytes(pieceOf(0, 65_536), 0, 65_536);
  let movedBytes = 0;
  while (kept.end - kept.start > 16) {
    const before = kept.bytes;
    kept.dropUntil(kept.start + 16);
    if (kept.bytes !== before) movedBytes += kept.bytes.length;
    assert.ok(kept.bytes.length <= Math.max(1024, 4 * (kept.end - kept.start) + 64));
  }
  assert.ok(movedBytes < 65_536, `${movedBytes} bytes were moved`);
});
