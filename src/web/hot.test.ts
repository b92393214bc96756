import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeRequest } from './exchange.contract.ts';
import { ResponseParts, responseParts } from './parts.ts';
import { createRequest, type RequestHead } from './request.ts';
import { Response } from './response.ts';

const WARM_UP_RUNS = 20_000;
const RUNS = 2000; // 2000 * 512 bytes stay far below a young generation of 16 MiB

/** Bytes that one run leaves behind. A collection in between only makes it less, never more. */
function bytesEach(run: () => unknown): number {
  for (let i = 0; i < WARM_UP_RUNS; i++) run();
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 5; round++) {
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < RUNS; i++) run();
    least = Math.min(least, (process.memoryUsage().heapUsed - before) / RUNS);
  }
  return least;
}

describe('the hot path allocates', () => {
  // 19 fields of 8 bytes, three words of header, and a heap number's worth of slack.
  it('one object for a Request', () => {
    const { _port: port, _text: text } = fakeRequest();
    const head: RequestHead = {
      methodStart: 0,
      method: 1,
      methodEnd: 3,
      targetStart: 4,
      targetEnd: 5,
      hostStart: -1,
      hostEnd: -1,
      fieldsStart: 16,
      fieldsEnd: 16,
      hasContent: false,
    };
    assert.ok(bytesEach(() => createRequest(port, head, text)) < 256);
  });

  it('one object for a Response of text, and none for its parts', () => {
    const parts = new ResponseParts();
    assert.ok(bytesEach(() => responseParts(new Response('Hello'), parts)) < 192);
  });

  it('one object and its text for a Response of JSON', () => {
    assert.ok(bytesEach(() => Response.json({ hello: 'world' })) < 320);
  });

  it('one object for a Response with a content type', () => {
    const init = { headers: { 'content-type': 'text/html' } };
    assert.ok(bytesEach(() => new Response('Hello', init)) < 192);
  });
});
