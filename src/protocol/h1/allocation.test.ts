/**
 * The hot path makes no garbage: a million heads parsed and answered leave the heap as it was. Measured
 * before any collection can hide it, so the bound is what a few objects a thousand heads would exceed.
 */
import { ok } from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS } from '../limits.ts';
import { chunkHeaderInto } from './chunk-encoder.ts';
import { CHUNKED_DATA, ChunkedDecoder } from './chunked.ts';
import { latin1Bytes } from './drive.contract.ts';
import { HEAD_COMPLETE, RequestHeadParser } from './request-head.ts';
import { MODE_KEEP_ALIVE, ResponseHeadEncoder } from './response-head.ts';

const ROUNDS = 1_000_000;
const WARM_UP = 100_000;
/** One 16-byte object in each of a million rounds would be 16 MB. */
const GROWTH_BYTES_MAX = 1024 * 1024;

/** Heap growth over `rounds` calls. New space is 16 MiB, so a collection may come and only shrink it. */
function growthBytes(round: () => void, rounds = ROUNDS): number {
  for (let i = 0; i < WARM_UP; i++) round();
  const before = process.memoryUsage().heapUsed;
  let growth = 0;
  for (let i = 0; i < rounds; i++) {
    round();
    // Read often enough that garbage shows before a collection takes it away.
    if (i % 50_000 === 0) growth = Math.max(growth, process.memoryUsage().heapUsed - before);
  }
  return growth;
}

test('parsing a head allocates nothing', () => {
  const parser = new RequestHeadParser(DEFAULT_LIMITS);
  const bytes = latin1Bytes(
    'POST /x HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\nConnection: keep-alive\r\n\r\n',
  );
  const growth = growthBytes(() => {
    parser.reset();
    parser.parse(bytes, 0, 30);
    if (parser.parse(bytes, 0, bytes.length) !== HEAD_COMPLETE) throw new Error(parser.fault?.code);
  });
  ok(growth < GROWTH_BYTES_MAX, `${growth} bytes`);
});

test('decoding a chunk allocates nothing', () => {
  const decoder = new ChunkedDecoder({ ...DEFAULT_LIMITS, bodyBytesMax: Number.POSITIVE_INFINITY });
  const bytes = latin1Bytes('5\r\nhello\r\n');
  const growth = growthBytes(() => {
    let p = decoder.decode(bytes, 0, bytes.length);
    if (decoder.event !== CHUNKED_DATA) throw new Error(decoder.fault?.code);
    p = decoder.decode(bytes, p, bytes.length);
    if (p !== bytes.length) throw new Error(`${p}`);
  }, ROUNDS / 4);
  ok(growth < GROWTH_BYTES_MAX, `${growth} bytes`);
});

test('encoding a head and a chunk header allocates nothing', () => {
  const encoder = new ResponseHeadEncoder({ keepAliveText: 'timeout=76' });
  encoder.setDate(784_111_777_000);
  const out = new Uint8Array(1024);
  let length = 0;
  const growth = growthBytes(() => {
    length = (length + 13) & 0xffff;
    let q = encoder.encodeSimpleInto(out, 0, 200, 'text/plain', length, MODE_KEEP_ALIVE);
    q = encoder.beginInto(out, q, 404, MODE_KEEP_ALIVE);
    q = encoder.fieldInto(out, q, 'etag', '"x"');
    q = encoder.endInto(out, q, length);
    if (chunkHeaderInto(out, q, 4096) < 200) throw new Error(`${q}`);
  }, ROUNDS / 4);
  ok(growth < GROWTH_BYTES_MAX, `${growth} bytes`);
});
