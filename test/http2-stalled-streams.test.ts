/** Streams of HTTP/2 whose windows stay closed, over real sockets: what they have the server ask of its handlers, and whether others wait for them. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Session, ClientHttp2Stream } from 'node:http2';
import { describe, it } from 'node:test';
import { serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { connectH2, leave } from './h2-client.ts';
import { quiet } from './quiet-logger.ts';

const MIB = 2 ** 20;
const STALLED = 99;
const PIECE_BYTES = 64 * 1024;
/** RFC 9113 §6.9.2: what a stream may be sent at first. Node's client gives it back when content is read. */
const WINDOW_BYTES = 65_535;
const FULL_BYTES = 8 * MIB;

/** Reads nothing of it. */
async function stall(client: ClientHttp2Session): Promise<ClientHttp2Stream> {
  const stream = client.request({ ':path': '/stalled' });
  await once(stream, 'response');
  return stream;
}

/** @returns milliseconds that the whole of one answer took */
async function readFull(client: ClientHttp2Session): Promise<number> {
  const beganMs = performance.now();
  const stream = client.request({ ':path': '/full' });
  let bytes = 0;
  stream.on('data', (piece: Buffer) => {
    bytes += piece.length;
  });
  await once(stream, 'end');
  assert.equal(bytes, FULL_BYTES);
  return performance.now() - beganMs;
}

const engines = await enginesHere();

describe('streams whose windows stay closed', () => {
  for (const { engine, skip } of engines)
    it(`cost a piece each and hold up nobody (${engine})`, { skip }, async (t) => {
      let pulledBytes = 0;
      const piece = new Uint8Array(PIECE_BYTES);
      const fetch = (request: Request): Response => {
        const isFull = request.url.endsWith('/full');
        let left = isFull ? FULL_BYTES : Number.POSITIVE_INFINITY;
        const pull = (controller: ReadableStreamDefaultController): void => {
          if (left === 0) {
            controller.close();
            return;
          }
          left -= PIECE_BYTES;
          if (!isFull) pulledBytes += PIECE_BYTES;
          controller.enqueue(piece);
        };
        return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
      };
      const server = await serve({ port: 0, engine, logger: quiet, fetch });
      t.after(() => server.close(true));
      const open = async (): Promise<ClientHttp2Session> => {
        const client = await connectH2(server.url);
        client.setLocalWindowSize(64 * MIB);
        t.after(() => leave(client));
        return client;
      };
      const alone = await open();
      const beside = await open();
      const stalled = await Promise.all(Array.from({ length: STALLED }, () => stall(beside)));
      const ratios: number[] = [];
      for (let round = 0; round < 3; round++) ratios.push((await readFull(beside)) / (await readFull(alone)));
      assert.ok(Math.min(...ratios) < 2, `so many times as long as alone: ${ratios.join(', ')}`);
      const keptBytes = pulledBytes - STALLED * WINDOW_BYTES;
      assert.ok(keptBytes <= STALLED * PIECE_BYTES, `${keptBytes} bytes were asked of stalled streams`);
      for (const stream of stalled) stream.destroy();
    });
});
