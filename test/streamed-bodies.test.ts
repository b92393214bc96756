/**
 * Streamed answers whose source does what a source should not, on every engine that this host offers: it gives
 * nothing for ever, or changes the memory of a piece that is still being sent.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Response as LightResponse, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { get, RawClient } from './raw-client.ts';

const EMPTY = new Uint8Array(0);

async function* emptyPieces(): AsyncGenerator<Uint8Array | string> {
  for (;;) {
    yield EMPTY;
    yield '';
  }
}
const emptyStream = (): ReadableStream =>
  new ReadableStream({ pull: (controller) => controller.enqueue(EMPTY) });

/** More than the buffers of a socket hold whose reader has not begun to read. */
const PIECE_BYTES = 8 * 1024 * 1024;
const FILL = 97;

type Resizable = ArrayBuffer & { resize(size: number): void };
/** The library file in use here is older than resizable buffers. */
const SizedBuffer = ArrayBuffer as unknown as new (size: number, options: object) => Resizable;
const resizable = (size: number): Resizable => new SizedBuffer(size, { maxByteLength: size * 2 });
const filled = (buffer: ArrayBufferLike, length?: number): Uint8Array =>
  new Uint8Array(buffer as ArrayBuffer, 0, length).fill(FILL);

/** A piece, and what is done to its memory while it is sent. */
interface Memory {
  make(): Uint8Array;
  change(piece: Uint8Array): void;
  /** Nothing that was given is lost by it. */
  isHarmless?: boolean;
}

const MEMORY: Record<string, Memory> = {
  'is transferred': {
    make: () => filled(new ArrayBuffer(PIECE_BYTES)),
    change: ({ buffer }) => void structuredClone(buffer, { transfer: [buffer as ArrayBuffer] }),
  },
  'is cut off beneath a view of fixed length': {
    make: () => filled(resizable(PIECE_BYTES), PIECE_BYTES),
    change: ({ buffer }) => (buffer as Resizable).resize(PIECE_BYTES - 1),
  },
  'is cut off beneath a view that follows it': {
    make: () => filled(resizable(PIECE_BYTES)),
    change: ({ buffer }) => (buffer as Resizable).resize(PIECE_BYTES - 1),
  },
  'is cut off behind what has been sent': {
    make: () => filled(resizable(PIECE_BYTES)),
    change: ({ buffer }) => (buffer as Resizable).resize(1),
  },
  grows: {
    make: () => filled(resizable(PIECE_BYTES)),
    change: ({ buffer }) => (buffer as Resizable).resize(PIECE_BYTES + 1000),
    isHarmless: true,
  },
  'is shared with threads': {
    make: () => filled(new SharedArrayBuffer(PIECE_BYTES)),
    change: () => {},
    isHarmless: true,
  },
};

async function* oneOf(piece: Uint8Array): AsyncGenerator<Uint8Array> {
  yield piece;
}
const streamOf = (piece: Uint8Array): ReadableStream =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(piece);
      controller.close();
    },
  });

/** How a piece of a handler's memory comes to be sent as it is. */
const GIVEN: Record<string, (piece: Uint8Array) => unknown> = {
  'a generator': (piece) => new LightResponse(oneOf(piece)),
  'a stream': (piece) => new LightResponse(streamOf(piece)),
  'the platform’s Response': (piece) => new Response(streamOf(piece)),
  'a stream of a known length': (piece) =>
    new LightResponse(streamOf(piece), { headers: { 'content-length': `${PIECE_BYTES}` } }),
};

/** Handlers that take the memory of what they were sent, as much of it as they get; each gives back what it read. */
const TAKERS: Record<string, (request: Request) => unknown> = {
  'by a reader': async ({ body }) => {
    const reader = body!.getReader();
    const taken: ArrayBuffer[] = [];
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read())
      taken.push(takenFrom(value!));
    return new Blob(taken);
  },
  'by a reader with a buffer of its own': async ({ body }) => {
    const reader = body!.getReader({ mode: 'byob' });
    const taken: ArrayBuffer[] = [];
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(10_000));
      if (value !== undefined && value.byteLength > 0) taken.push(takenFrom(value));
      if (done) return new Blob(taken);
    }
  },
  'by iterating': async ({ body }) => {
    const taken: ArrayBuffer[] = [];
    for await (const piece of body as unknown as AsyncIterable<Uint8Array>) taken.push(takenFrom(piece));
    return new Blob(taken);
  },
  'beside a clone': async (request) => {
    const copy = request.clone();
    for await (const piece of request.body as unknown as AsyncIterable<Uint8Array>) takenFrom(piece);
    return copy.text();
  },
  'of a clone': async (request) => {
    const copy = request.clone();
    for await (const piece of copy.body as unknown as AsyncIterable<Uint8Array>) takenFrom(piece);
    return request.text();
  },
  'as a whole': async (request) => new Blob([takenFrom(new Uint8Array(await request.arrayBuffer()))]),
  'through a pipe that copies': ({ body }) =>
    body!.pipeThrough(
      new TransformStream({
        transform(piece, controller) {
          controller.enqueue(new Uint8Array(piece));
          takenFrom(piece);
        },
      }),
    ),
};

/** What the answers of these are made of is the handler's again at once. */
const COPIED: Record<string, (bytes: Uint8Array<ArrayBuffer>) => unknown> = {
  'a view, of ours': (bytes) => new LightResponse(bytes),
  'a buffer, of ours': (bytes) => new LightResponse(bytes.buffer),
  'a blob, of ours': (bytes) => new LightResponse(new Blob([bytes])),
  'a view, of the platform': (bytes) => new Response(bytes),
  'a buffer, of the platform': (bytes) => new Response(bytes.buffer),
  'a view, of the platform, with a clone': (bytes) => {
    const response = new Response(bytes);
    void response.clone().arrayBuffer();
    return response;
  },
};

/** @returns the bytes of a piece whose own memory is gone then */
function takenFrom(piece: Uint8Array): ArrayBuffer {
  const bytes = piece.slice().buffer as ArrayBuffer;
  structuredClone(piece.buffer, { transfer: [piece.buffer as ArrayBuffer] });
  return bytes;
}

/** Answers that never come to their first byte, though their source is never idle. */
const EMPTY_BODIES: Record<string, () => unknown> = {
  'a generator': () => new LightResponse(emptyPieces()),
  'a stream': () => new LightResponse(emptyStream()),
  'a stream of the platform’s Response': () => new Response(emptyStream()),
};

for (const { engine, skip } of await enginesHere()) {
  describe(`streamed answers (${engine})`, { skip }, () => {
    it('leave others their turns while they give nothing but empty pieces', async () => {
      let body: () => unknown = () => undefined;
      const server = await serve({
        port: 0,
        engine,
        logger: quiet,
        fetch: (request) => (request.url.endsWith('/ok') ? new Response('fine') : body()) as Response,
      });
      try {
        for (const [what, make] of Object.entries(EMPTY_BODIES)) {
          body = make;
          const client = await RawClient.open(server.port);
          client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
          // Were the thread starved, neither this nor the timers of this test would ever come.
          assert.equal(await get(server.port, '/ok'), 'fine', what);
          client.destroy();
          await sleep(5);
        }
      } finally {
        await server.close(true);
      }
    });

    for (const [what, memory] of Object.entries(MEMORY)) {
      it(`of a piece whose memory ${what} while it is sent ${memory.isHarmless === true ? 'come whole' : 'are cut by a reset'}`, async () => {
        let answer: () => unknown = () => undefined;
        const errors: unknown[] = [];
        const logger = { ...quiet, error: (_text: string, error: unknown) => errors.push(error) };
        const server = await serve({ port: 0, engine, logger, fetch: () => answer() as Response });
        try {
          const ways = Object.entries(GIVEN);
          for (const [how, give] of what === 'is transferred' ? ways : ways.slice(0, 1)) {
            const piece = memory.make();
            answer = () => give(piece);
            const client = await RawClient.open(server.port);
            client.socket.pause();
            client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
            await stuck(server);
            memory.change(piece);
            client.socket.resume();
            const outcome = await readToEnd(client);
            assert.equal(outcome, memory.isHarmless === true ? 'whole' : 'reset', how);
            const names = errors.splice(0).map((error) => (error as Error).name);
            assert.deepEqual(names, memory.isHarmless === true ? [] : ['ResponsePieceError'], how);
            client.destroy();
          }
          answer = () => new Response('fine');
          assert.equal(await get(server.port, '/'), 'fine');
        } finally {
          await server.close(true);
        }
      });
    }

    it('of memory that is filled anew for each piece come as it was when it was given', async () => {
      const COUNT = 150;
      const memory = new Uint8Array(64 * 1024);
      let given = 0;
      const body = new ReadableStream({
        async pull(controller) {
          await new Promise((resolve) => setImmediate(resolve));
          controller.enqueue(memory.fill(given++ % 256));
          if (given === COUNT) controller.close();
        },
      });
      const server = await serve({ port: 0, engine, logger: quiet, fetch: () => new Response(body) });
      try {
        const reader = (await fetch(server.url)).body!.getReader();
        // Longer than it takes until nothing more fits between the two.
        await sleep(300);
        let at = 0;
        for (let read = await reader.read(); !read.done; read = await reader.read())
          for (const byte of read.value)
            if (byte !== Math.floor(at++ / memory.length) % 256) assert.fail(`byte ${at}`);
        assert.equal(at, COUNT * memory.length);
      } finally {
        await server.close(true);
      }
    });

    it('may be made of memory that the handler takes back at once', async () => {
      const SIZES = [10, 60_000, 300_000];
      let answer: () => unknown = () => undefined;
      const server = await serve({ port: 0, engine, logger: quiet, fetch: () => answer() as Response });
      try {
        for (const [what, make] of Object.entries(COPIED)) {
          for (const size of SIZES) {
            answer = () => {
              const bytes = new Uint8Array(size).fill(FILL);
              const response = make(bytes);
              takenFrom(bytes);
              return response;
            };
            assert.equal(await (await fetch(server.url)).text(), 'a'.repeat(size), `${what}, ${size} bytes`);
          }
        }
      } finally {
        await server.close(true);
      }
    });

    it('are right when a handler takes the memory of the pieces that it was sent', async () => {
      let take: (request: Request) => unknown = () => undefined;
      const server = await serve({
        port: 0,
        engine,
        logger: quiet,
        fetch: async (request) => new LightResponse((await take(request)) as string),
      });
      const content = Array.from({ length: 60_000 }, (_, i) => `${i}`).join();
      try {
        for (const [what, taker] of Object.entries(TAKERS)) {
          take = taker;
          for (const body of [content, content.slice(0, 500)]) {
            const whole = await fetch(server.url, { method: 'POST', body });
            assert.ok((await whole.text()) === body, `${what}, ${body.length} bytes`);
            const chunked = await fetch(server.url, {
              method: 'POST',
              body: new Blob([body]).stream(),
              duplex: 'half',
            });
            assert.ok((await chunked.text()) === body, `${what}, ${body.length} bytes, chunked`);
          }
        }
      } finally {
        await server.close(true);
      }
    });

    it('that end short of their length, or go beyond it, or fail, end by a reset', async () => {
      let answer: () => unknown = () => undefined;
      const server = await serve({ port: 0, engine, logger: quiet, fetch: () => answer() as Response });
      const length = { headers: { 'content-length': '1000' } };
      const failure = new Error('on purpose');
      const asStream = (source: AsyncGenerator<Uint8Array>): ReadableStream =>
        new LightResponse(source).body as ReadableStream;
      const cut: Record<string, () => unknown> = {
        'short of the length': () => new LightResponse(piecesOf([500, 400]), length),
        'short of the length, nothing at all': () => new LightResponse(piecesOf([]), length),
        'short of the length, of the platform': () => new Response(asStream(piecesOf([999])), length),
        'beyond the length': () => new LightResponse(piecesOf([500, 501]), length),
        'an error within the length': () => new LightResponse(piecesOf([500], failure), length),
        'an error between chunks': () => new LightResponse(piecesOf([500], failure)),
        'an error between chunks, of the platform': () => new Response(asStream(piecesOf([500], failure))),
        'an error at once': () => new LightResponse(piecesOf([], failure)),
      };
      try {
        for (const [what, make] of Object.entries(cut)) {
          for (const version of ['1.0', '1.1']) {
            answer = make;
            const client = await RawClient.open(server.port);
            client.write(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`);
            assert.equal(await readToEnd(client), 'reset', `${what}, HTTP/${version}`);
          }
        }
        // The client has had all that it was promised: it must not lose any of that.
        answer = () => new LightResponse(piecesOf([1000], failure), length);
        const client = await RawClient.open(server.port);
        client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
        assert.equal((await client.response()).body.length, 1000);
        await client.until((each) => each.ended, 'FIN');
        client.destroy();
      } finally {
        await server.close(true);
      }
    });
  });
}

async function* piecesOf(sizes: number[], last?: Error): AsyncGenerator<Uint8Array> {
  for (const size of sizes) {
    await sleep(5);
    yield new Uint8Array(size).fill(FILL);
  }
  if (last !== undefined) throw last;
}

/** Waits until the server has more to send than the socket takes. */
async function stuck(server: Server): Promise<void> {
  for (let unsent = -1; ; ) {
    await sleep(20);
    const { unsentBytes } = await server.stats();
    if (unsentBytes > 0 && unsentBytes === unsent) return;
    unsent = unsentBytes;
  }
}

/** How an answer ends; 'whole' means that its content is right, too. */
async function readToEnd(client: RawClient): Promise<string> {
  const pieces: Buffer[] = [];
  // Not by the client's own way, which copies all that it has for each piece.
  client.socket.removeAllListeners('data').on('data', (piece: Buffer) => pieces.push(piece));
  await client.until((each) => each.ended || each.closed, 'the end', 20_000);
  const bytes = Buffer.concat(pieces);
  if (await client.wasReset()) return 'reset';
  const head = bytes.toString('latin1', 0, bytes.indexOf('\r\n\r\n') + 4);
  let content: Buffer = bytes.subarray(head.length);
  if (head.includes('chunked')) {
    if (!content.subarray(-5).equals(Buffer.from('0\r\n\r\n'))) return 'FIN before the last chunk';
    content = dechunked(content);
  }
  const isRight = content.equals(Buffer.alloc(PIECE_BYTES, FILL));
  return isRight ? 'whole' : `FIN after ${content.length} bytes`;
}

function dechunked(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
  }
}
