/** Both compressors against node:zlib and each other: lengths at every border, what is malformed, and what grows too much. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import zlib from 'node:zlib';
import { compressorSource, NativeCompressor, NodeCompressor } from './message-compressor.ts';

const { isNative, reason } = compressorSource();
const KINDS = [
  { name: 'node:zlib', Kind: NodeCompressor, skip: false },
  { name: 'the zlib of the process', Kind: NativeCompressor, skip: isNative ? false : reason },
] as const;

const LENGTHS = [0, 1, 100, 65_531, 65_532, 65_535, 65_536, 65_537, 131_068, 131_072, 1_000_000];

for (const { name, Kind, skip } of KINDS) {
  describe(`messages compressed by ${name}`, { skip }, () => {
    it('can be inflated by whoever knows RFC 7692, and are inflated by it', () => {
      const compressor = new Kind();
      for (const length of LENGTHS) {
        for (const bytes of [Buffer.alloc(length, 'some words, '), randomBytes(length)]) {
          for (const windowBits of [9, 12, 15]) {
            const payload = Buffer.from(compressor.compress(bytes, windowBits));
            const inflated = zlib.inflateRawSync(Buffer.concat([payload, Buffer.of(0, 0, 255, 255)]), {
              windowBits,
              finishFlush: zlib.constants.Z_SYNC_FLUSH,
            });
            assert.ok(inflated.equals(bytes), `${length} bytes, ${windowBits} bits`);
            if (length > 0) assert.ok(bytes.equals(compressor.inflate(payload, length)!));
          }
        }
      }
      compressor.release();
    });

    it('are not made longer than they may be', () => {
      const compressor = new Kind();
      const payload = Buffer.from(compressor.compress(Buffer.alloc(10_000_000), 15));
      assert.ok(payload.length < 50_000);
      for (const bytesMax of [1, 1000, 65_536, 9_999_999])
        assert.equal(compressor.inflate(payload, bytesMax)?.length, undefined);
      assert.equal(compressor.inflate(payload, 10_000_000)?.length, 10_000_000);
      compressor.release();
    });

    it('are refused where they are no DEFLATE, and the next is read all the same', () => {
      const compressor = new Kind();
      for (const hex of ['07', 'ffffffff', 'ed'.repeat(100)])
        assert.equal(compressor.inflate(Buffer.from(hex, 'hex'), 1000), null, hex);
      // RFC 7692 §7.2.3.1 and §7.2.3.4: "Hello", the second time as two blocks.
      for (const hex of ['f248cdc9c90700', 'f24805000000ffffcac9c90700'])
        assert.equal(String(Buffer.from(compressor.inflate(Buffer.from(hex, 'hex'), 1000)!)), 'Hello');
      // RFC 7692 §7.2.3.5: in a block that is marked as the last.
      assert.equal(
        String(Buffer.from(compressor.inflate(Buffer.from('f348cdc9c9070000', 'hex'), 1000)!)),
        'Hello',
      );
      compressor.release();
    });
  });
}
