/**
 * What one request has put into an AsyncLocalStorage is never seen by another, through real sockets, on every
 * engine that this host offers: several clients, requests in a row and pipelined, whatever calls the handler's code.
 */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Response as LightResponse, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';

const KINDS = [
  'sync',
  'await',
  'body',
  'piecewise',
  'stream',
  'generator',
  'throw',
  'reject',
  'platform',
] as const;
const CLIENTS = 6;
const ROUNDS = 4;
/** Enough for a stream to be held back, so that it is pulled from `onDrained` too. */
const PIECE_BYTES = 40_000;
const PIECES = 6;

class Program {
  readonly storage = new AsyncLocalStorage<string>();
  readonly faults: string[] = [];
  calls = 0;
  pulls = 0;

  readonly fetch = (request: Request): Response | Promise<Response> => {
    const id = new URL(request.url).pathname;
    this.calls++;
    this.#expect('handler', id, undefined);
    this.storage.enterWith(id);
    request.signal.addEventListener('abort', () => this.#expectNoOther('abort', id));
    const kind = id.split('/')[1] as (typeof KINDS)[number];
    if (kind === 'throw') throw new Error('on purpose');
    if (kind === 'sync') return light(id);
    return this.#later(kind, id, request);
  };

  readonly error = async (_error: unknown, request: Request): Promise<Response> => {
    const id = new URL(request.url).pathname;
    this.#expect('error hook', id, id);
    this.storage.enterWith(`${id}/hook`);
    await sleep(1);
    this.#expect('error hook, later', id, `${id}/hook`);
    return light(id);
  };

  async #later(kind: (typeof KINDS)[number], id: string, request: Request): Promise<Response> {
    if (kind === 'body') {
      assert.equal((await request.text()).length, 70_000);
      this.#expect('after the body', id, id);
    } else if (kind === 'piecewise') {
      for await (const _piece of request.body as unknown as AsyncIterable<Uint8Array>)
        this.#expect('a piece of the body', id, id);
    } else await sleep(1);
    this.#expect('after an await', id, id);
    this.storage.enterWith(id);
    if (kind === 'reject') throw new Error('on purpose');
    if (kind === 'stream') return light(this.#stream(id));
    if (kind === 'platform') return new Response(this.#stream(id));
    if (kind === 'generator') return light(this.#pieces(id));
    return light(id);
  }

  #stream(id: string): ReadableStream<Uint8Array> {
    let left = PIECES;
    return new ReadableStream(
      {
        pull: async (controller) => {
          this.#pulled(id);
          if (left % 2 === 0) await sleep(1);
          if (left-- === 0) controller.close();
          else controller.enqueue(new Uint8Array(PIECE_BYTES));
        },
      },
      { highWaterMark: 0 },
    );
  }

  async *#pieces(id: string): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < PIECES; i++) {
      this.#pulled(id);
      yield new Uint8Array(PIECE_BYTES);
    }
  }

  /** The store of the request, though what pulls is the socket. */
  #pulled(id: string): void {
    this.pulls++;
    this.#expect('pull', id, id);
    this.storage.enterWith(id);
  }

  #expect(where: string, id: string, wanted: string | undefined): void {
    const store = this.storage.getStore();
    if (store !== wanted) this.faults.push(`${where} of ${id} sees ${store}, not ${wanted}`);
  }

  #expectNoOther(where: string, id: string): void {
    const store = this.storage.getStore();
    if (store !== undefined && store !== id) this.faults.push(`${where} of ${id} sees ${store}`);
  }
}

function light(body: ConstructorParameters<typeof LightResponse>[0]): Response {
  return new LightResponse(body) as unknown as Response;
}

function requestFor(id: string): string {
  const body = id.startsWith('/body') || id.startsWith('/piecewise') ? 'x'.repeat(70_000) : undefined;
  return body === undefined
    ? `GET ${id} HTTP/1.1\r\nHost: a\r\n\r\n`
    : `POST ${id} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Every kind of request, one after the other on one connection, then all at once. */
async function ask(server: Server, name: string): Promise<void> {
  const client = await RawClient.open(server.port);
  for (let round = 0; round < ROUNDS; round++) {
    const ids = KINDS.map((kind, i) => `/${KINDS[(i + round) % KINDS.length]}/${name}/${kind}/${round}`);
    const isPipelined = round % 2 === 1;
    if (isPipelined) client.write(ids.map(requestFor).join(''));
    for (const id of ids) {
      if (!isPipelined) client.write(requestFor(id));
      const response = await client.response();
      assert.equal(response.status, 200);
      const isStream = /^\/(stream|generator|platform)/.test(id);
      if (isStream) assert.equal(response.body.length, PIECE_BYTES * PIECES, id);
      else assert.equal(response.body, id);
    }
  }
  // It leaves while a handler works.
  client.write(requestFor(`/await/${name}`));
  client.destroy();
}

for (const { engine, skip } of await enginesHere()) {
  test(`no request sees what another has stored (${engine})`, { skip }, async () => {
    const program = new Program();
    const server = await serve({
      port: 0,
      engine,
      logger: quiet,
      fetch: program.fetch,
      error: program.error,
      onListen: () => program.storage.enterWith('onListen'),
    });
    try {
      // The answers of this very context make turns, too.
      program.storage.enterWith('the test');
      await Promise.all(Array.from({ length: CLIENTS }, (_, i) => ask(server, `client${i}`)));
      await sleep(20);
      assert.deepEqual(program.faults.slice(0, 10), []);
      assert.ok(program.calls >= CLIENTS * ROUNDS * KINDS.length);
      assert.ok(program.pulls >= CLIENTS * ROUNDS * 3 * PIECES);
    } finally {
      await server.close(true);
    }
  });

  test(`what was stored where the server was started is seen by every handler (${engine})`, {
    skip,
  }, async () => {
    const storage = new AsyncLocalStorage<string>();
    const server = await storage.run('the program', () =>
      serve({ port: 0, engine, logger: quiet, fetch: () => light(String(storage.getStore())) }),
    );
    try {
      const client = await RawClient.open(server.port);
      for (let i = 0; i < 3; i++) {
        client.write(requestFor('/'));
        assert.equal((await client.response()).body, 'the program');
      }
      client.destroy();
    } finally {
      await server.close(true);
    }
  });
}
