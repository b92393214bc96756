import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fakeRequest } from './exchange.contract.ts';
import { Headers } from './headers.ts';
import { HoldfastRequest } from './request.ts';
import { Response } from './response.ts';

/** A slip of undici's, which neither the standard nor Node's documentation knows. */
const NOT_STANDARD = ['attribute'];

describe('what this release of Node gives its classes', () => {
  const classes = { Response, Headers, Request: HoldfastRequest };
  for (const [name, ours] of Object.entries(classes))
    it(`${name} has by itself: what it inherited would not find its state`, () => {
      const { prototype } = globalThis[name as keyof typeof classes];
      const missing = Object.getOwnPropertyNames(prototype)
        .filter((member) => !NOT_STANDARD.includes(member))
        .filter((member) => !Object.hasOwn(ours.prototype, member));
      assert.deepEqual(missing, []);
    });
});

describe('textStream', () => {
  const read = async (stream: ReadableStream<string>): Promise<string[]> => {
    const pieces: string[] = [];
    for await (const piece of stream) pieces.push(piece);
    return pieces;
  };
  const bytes = new TextEncoder().encode('grüße €');

  it('decodes characters that pieces have split', async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    const response = new Response(body);
    assert.equal((await read(response.textStream())).join(''), 'grüße €');
    assert.equal(response.bodyUsed, true);
  });

  it('takes a body that is in memory, and none', async () => {
    assert.deepEqual(await read(new Response('grüße').textStream()), ['grüße']);
    assert.deepEqual(await read(new Response(null).textStream()), []);
    assert.equal(new Response(null).bodyUsed, false);
  });

  it('is on requests too', async () => {
    const request = fakeRequest({ method: 'POST', body: 'grüße' });
    assert.deepEqual(await read(request.textStream()), ['grüße']);
  });

  it('refuses at once a body that has been read', async () => {
    const response = new Response('x');
    await response.text();
    assert.throws(() => response.textStream(), TypeError);
    const locked = new Response('x');
    locked.body?.getReader();
    assert.throws(() => locked.textStream(), TypeError);
  });
});
