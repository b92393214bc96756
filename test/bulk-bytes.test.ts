/** Much in one body, on every engine that this host offers: that it comes whole, in order, and in pieces as large as they were given. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Response, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { RawClient } from './raw-client.ts';

const PIECE_BYTES = 64 * 1024;
const CONTENT = randomBytes(5_000_011);
const BOUNDARY = 'the-end-of-a-part';

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Ways of reading a request; each gives the digest of what it read. */
const READERS: Record<string, (request: Request) => Promise<string>> = {
  async '/iterated'(request) {
    const hash = createHash('sha256');
    for await (const piece of request.body as unknown as AsyncIterable<Uint8Array>) hash.update(piece);
    return hash.digest('hex');
  },
  // It stops for a moment now and then, so that reading pauses in the midst of much.
  async '/slow'(request) {
    const hash = createHash('sha256');
    let count = 0;
    for await (const piece of request.body as unknown as AsyncIterable<Uint8Array>) {
      hash.update(piece);
      if (++count % 20 === 0) await sleep(2);
    }
    return hash.digest('hex');
  },
  async '/whole'(request) {
    return digest(new Uint8Array(await request.arrayBuffer()));
  },
  async '/late'(request) {
    await sleep(30);
    return digest(new Uint8Array(await request.arrayBuffer()));
  },
  async '/form'(request) {
    const file = (await request.formData()).get('file') as File;
    return digest(new Uint8Array(await file.arrayBuffer()));
  },
};

function bodyFor(path: string): Buffer {
  if (path !== '/form') return CONTENT;
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="n"\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), CONTENT, Buffer.from(`\r\n--${BOUNDARY}--\r\n`)]);
}

/** In chunks of uneven sizes. */
function chunked(body: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0, size = 1; at < body.length; at += size, size = ((size * 7) % 90_001) + 1) {
    const part = body.subarray(at, at + size);
    parts.push(Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n'));
  }
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')]);
}

/** The chunks of a whole answer. */
function chunksOf(answer: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = answer.indexOf('\r\n\r\n') + 4; ; ) {
    const lineEnd = answer.indexOf('\r\n', at);
    const size = Number.parseInt(answer.toString('latin1', at, lineEnd), 16);
    if (size === 0) return chunks;
    at = lineEnd + 2 + size + 2;
    chunks.push(answer.subarray(at - 2 - size, at - 2));
  }
}

for (const { engine, skip } of await enginesHere()) {
  describe(`much in one body (${engine})`, { skip }, () => {
    it('is read whole and in order, with its length told or chunked, request after request', async () => {
      const server = await serve({
        port: 0,
        engine,
        fetch: async (request) => new Response(await READERS[new URL(request.url).pathname]!(request)),
      });
      try {
        const client = await RawClient.open(server.port);
        for (const path of Object.keys(READERS)) {
          const body = bodyFor(path);
          for (const framed of [
            [`Content-Length: ${body.length}`, body] as const,
            ['Transfer-Encoding: chunked', chunked(body)] as const,
          ]) {
            client.write(
              `POST ${path} HTTP/1.1\r\nHost: a\r\n${framed[0]}\r\nContent-Type: multipart/form-data; boundary=${BOUNDARY}\r\n\r\n`,
            );
            client.write(framed[1]);
            const answer = await client.response();
            assert.equal(answer.body.toString(), digest(CONTENT), `${path}, ${framed[0]}`);
          }
        }
        client.destroy();
      } finally {
        await server.close(true);
      }
    });

    it('leaves as one chunk for each piece of 64 KiB that was given', async () => {
      const pieces = Array.from({ length: 20 }, (_, i) => CONTENT.subarray(i * 1000, i * 1000 + PIECE_BYTES));
      const server = await serve({
        port: 0,
        engine,
        fetch: () =>
          new Response(
            new ReadableStream({
              start(controller) {
                for (const piece of pieces) controller.enqueue(piece);
                controller.close();
              },
            }),
          ),
      });
      try {
        const client = await RawClient.open(server.port);
        client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        await client.until((c) => c.received.subarray(-5).toString() === '0\r\n\r\n', 'the last chunk');
        const chunks = chunksOf(client.received);
        assert.equal(chunks.length, pieces.length);
        for (const [i, chunk] of chunks.entries()) assert.ok(chunk.equals(pieces[i]!), `chunk ${i}`);
        client.destroy();
      } finally {
        await server.close(true);
      }
    });
  });
}
