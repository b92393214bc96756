/** The loggers that people pass get the error whole, with its stack, whatever is in the message. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import pino from 'pino';
import { type LoggerLike, serve } from '#src/index.ts';

/** Collects what a logger writes. */
class Sink extends Writable {
  text = '';
  override _write(piece: Buffer, _encoding: string, done: () => void): void {
    this.text += piece.toString();
    done();
  }
}

/** A target that console would take for a format. */
const TARGET = '/a%20b?%c%s%o';

async function failOnce(logger: LoggerLike): Promise<void> {
  const server = await serve({ port: 0, logger, fetch: throws });
  const socket = connect(server.port, '127.0.0.1');
  socket.end(`GET ${TARGET} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  socket.resume();
  await once(socket, 'close');
  await server.close(true);
}
const throws = () => {
  throw new TypeError('no database');
};

test('pino writes message, class and stack', async () => {
  const sink = new Sink();
  await failOnce(pino({}, sink));
  const line = JSON.parse(sink.text.trimEnd().split('\n')[0]!);
  assert.equal(line.level, 50);
  assert.equal(line.msg, `handler failed: GET ${TARGET}`);
  assert.equal(line.err.type, 'TypeError');
  assert.equal(line.err.message, 'no database');
  assert.match(line.err.stack, /loggers\.test/);
});

test('console writes message and stack', async () => {
  const sink = new Sink();
  await failOnce(new console.Console(sink, sink));
  assert.ok(sink.text.startsWith(`handler failed: GET ${TARGET} TypeError: no database\n    at `), sink.text);
  assert.match(sink.text, /loggers\.test/);
});

test('any other logger is called with the message and the error, and winston-like ones are not taken for pino', async () => {
  const calls: unknown[][] = [];
  const logger = { info() {}, warn() {}, error: (...words: unknown[]) => void calls.push(words), child() {} };
  await failOnce(logger);
  assert.equal(calls.length, 1);
  const [message, error, ...rest] = calls[0]!;
  assert.equal(message, `handler failed: GET ${TARGET}`);
  assert.ok(error instanceof TypeError);
  assert.deepEqual(rest, []);
});

test('a child of pino, and what is no error, are understood', async () => {
  const sink = new Sink();
  const server = await serve({
    port: 0,
    logger: pino({}, sink).child({ part: 'web' }),
    fetch() {
      throw 'only words';
    },
  });
  await fetch(server.url);
  await server.close(true);
  const line = JSON.parse(sink.text.trimEnd().split('\n')[0]!);
  assert.equal(line.part, 'web');
  assert.equal(line.err, 'only words');
});

test('what the error hook answers is not logged; both errors are when it fails, at once or later', async () => {
  const calls: string[] = [];
  const note = (...words: unknown[]) => void calls.push(words.map(String).join(' '));
  const server = await serve({
    port: 0,
    logger: { info: note, warn: note, error: note },
    fetch: (request) => {
      if (request.url.endsWith('/nothing')) return undefined as never;
      throw new TypeError('no database');
    },
    error: async (error, { url }) => {
      if (url.endsWith('/later')) await new Promise((resolve) => setTimeout(resolve, 1));
      if (!url.endsWith('/fine') && !url.endsWith('/nothing')) throw new RangeError('no page');
      return new Response(String(error), { status: 503 });
    },
  });
  const ask = async (path: string) => (await fetch(`${server.url}${path}`)).text();
  assert.equal(await ask('/fine'), 'TypeError: no database');
  assert.match(await ask('/nothing'), /Response/);
  assert.deepEqual(calls, []);
  for (const path of ['/now', '/later']) {
    assert.match(await ask(path), /^500/);
    assert.deepEqual(calls.splice(0), [
      `handler failed: GET ${path} TypeError: no database`,
      `error hook failed: GET ${path} RangeError: no page`,
    ]);
  }
  await server.close(true);
});
