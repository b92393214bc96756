/**
 * Bodies of requests on every engine that this host offers: what comes in memory of the engine's, which serves others as soon
 * as the handler has been called, is the handler's own, whenever and however it reads it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';

type Reader = (request: Request) => Promise<string>;

const textOf = (bytes: ArrayBuffer | Uint8Array): string => Buffer.from(bytes as ArrayBuffer).toString();

const READERS: Record<string, Reader> = {
  text: (request) => request.text(),
  json: async (request) => JSON.stringify(await request.json()),
  arrayBuffer: async (request) => textOf(await request.arrayBuffer()),
  bytes: async (request) => textOf(await (request as unknown as { bytes(): Promise<Uint8Array> }).bytes()),
  blob: async (request) => (await request.blob()).text(),
  stream: async (request) => {
    let text = '';
    for await (const piece of request.body as unknown as AsyncIterable<Uint8Array>) text += textOf(piece);
    return text;
  },
  clone: async (request) => {
    const copy = request.clone();
    return (await request.text()) && copy.text();
  },
};

/** When a handler comes to read. */
const MOMENTS: Record<string, () => Promise<unknown> | undefined> = {
  'at once': () => undefined,
  'after a microtask': () => Promise.resolve(),
  'when others have been served': () => new Promise((resolve) => setTimeout(resolve, 20)),
};

const post = (body: string, framing = `Content-Length: ${Buffer.byteLength(body)}`) =>
  Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n${body}`);
const chunked = (body: string) =>
  post(`${Buffer.byteLength(body).toString(16)}\r\n${body}\r\n0\r\n\r\n`, 'Transfer-Encoding: chunked');

/** Makes bodies of `size` and more bytes, no two the same. */
const bodyOf = (client: number, request: number, size: number) =>
  JSON.stringify({ client, request, text: `${client}/${request} é`.repeat(size / 5) });

for (const { engine, skip } of await enginesHere()) {
  describe(`bodies of requests (${engine})`, { skip }, () => {
    for (const [moment, wait] of Object.entries(MOMENTS)) {
      for (const [way, read] of Object.entries(READERS)) {
        it(`are the client's own, read ${moment} by ${way}, and sent behind each other`, async () => {
          const server = await serve({
            port: 0,
            engine,
            logger: quiet,
            fetch: async (request) => {
              const waiting = wait();
              if (waiting !== undefined) await waiting;
              return new Response(await read(request));
            },
          });
          try {
            const clients = Array.from({ length: 4 }, async (_, client) => {
              const raw = await RawClient.open(server.port);
              const sent = [40, 1000, 3000, 20_000].map((size, request) => bodyOf(client, request, size));
              raw.write(Buffer.concat(sent.map((body, i) => (i % 2 === client % 2 ? post : chunked)(body))));
              for (const body of sent)
                assert.equal(Buffer.from((await raw.response()).body, 'latin1').toString(), body);
              raw.destroy();
            });
            await Promise.all(clients);
          } finally {
            await server.close(true);
          }
        });
      }
    }

    it('can be read when the answer has left', async () => {
      const kept: Request[] = [];
      const server = await serve({
        port: 0,
        engine,
        logger: quiet,
        fetch: (request) => {
          kept.push(request);
          return new Response('done');
        },
      });
      try {
        const raw = await RawClient.open(server.port);
        for (const body of ['first of these', 'other bytes at the same place']) {
          raw.write(post(body));
          await raw.response();
        }
        raw.destroy();
        assert.deepEqual(await Promise.all(kept.map((request) => request.text())), [
          'first of these',
          'other bytes at the same place',
        ]);
      } finally {
        await server.close(true);
      }
    });

    it('are read once: a second time is refused, whatever the first was', async () => {
      const server = await serve({
        port: 0,
        engine,
        logger: quiet,
        fetch: async (request) => {
          const first = request.text();
          const used = request.bodyUsed;
          const second = await request.json().then(
            () => 'read twice',
            (error: Error) => error.name,
          );
          return new Response(`${await first} ${used} ${second}`);
        },
      });
      try {
        const raw = await RawClient.open(server.port);
        raw.write(post('"once"'));
        assert.equal((await raw.response()).body, '"once" true TypeError');
        raw.destroy();
      } finally {
        await server.close(true);
      }
    });
  });
}
