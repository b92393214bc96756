import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownBytes, unclearedBytes, WholeBody } from './body-memory.ts';

function pattern(length: number, from: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => ((from + i) * 31) % 251);
}

test('memory for bodies is an array of its own, as long as was asked for', () => {
  for (const size of [1, 1000, 1024, 1025, 4096, 100_000]) {
    const bytes = unclearedBytes(size);
    assert.equal(bytes.length, size);
    assert.equal(bytes.buffer.byteLength, size);
    assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype);
  }
});

test('a copy has memory of its own and nothing of a Buffer, whatever it is made of', () => {
  for (const bytes of [pattern(5000, 0), Buffer.from(pattern(5000, 0))]) {
    for (const [start, end] of [
      [7, 8],
      [100, 164],
      [0, 5000],
    ] as const) {
      const copy = ownBytes(bytes, start, end);
      assert.deepEqual(copy, pattern(end - start, start));
      assert.equal(copy.buffer.byteLength, end - start);
    }
  }
});

test('a body comes out as it was put in, whatever its length and its pieces', () => {
  for (const length of [1, 65_535, 65_536, 65_537, 524_288, 524_289, 3_000_000]) {
    for (const pieceBytes of [1000, 4096, 65_536, 1_000_000]) {
      const body = new WholeBody(length);
      for (let at = 0; at < length; at += pieceBytes) {
        const size = Math.min(pieceBytes, length - at);
        // In the midst of something larger, as in a receive buffer.
        const buffer = new Uint8Array(size + 20);
        buffer.set(pattern(size, at), 10);
        body.append(buffer, 10, 10 + size);
      }
      assert.equal(body.bytes.byteLength, length);
      assert.equal(body.bytes.buffer.byteLength, length);
      assert.equal(Buffer.compare(body.bytes, pattern(length, 0)), 0, `${length} by ${pieceBytes}`);
    }
  }
});

test('memory follows what has come, not what the client has said', () => {
  const body = new WholeBody(100_000_000);
  const piece = new Uint8Array(10_000);
  for (let came = 0; came < 1_000_000; came += piece.length) {
    body.append(piece, 0, piece.length);
    assert.ok(
      body.bytes.length <= Math.max(65_536, 8 * (came + piece.length)),
      `${body.bytes.length} after ${came}`,
    );
  }
});
