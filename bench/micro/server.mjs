/**
 * What the server layer costs, in nanoseconds a request, over an engine that takes everything and does
 * nothing: with heads that the connection has sent before, and with heads that differ each time. The
 * ratio is what remembering heads is worth, and what it costs where it is of no use. Then what a handler
 * that throws costs beside one that returns 500, and how much of that is the making of the Error.
 * Run after a build: `node bench/micro/server.mjs`.
 */

import { execFileSync } from 'node:child_process';
import { checkOptions } from '../../dist/server/options.js';
import { ServerThread } from '../../dist/server/server-thread.js';
import { Response } from '../../dist/web/response.js';

const RUNS = 4; // interleaved
const ROUNDS = 40;
const REQUESTS = 50_000;
/** Heads in a row that differ: more than the table of heads remembers of one connection, which is one. */
const VARIANTS = 250;
const FIELDS = {
  small: '',
  browser: Array.from({ length: 18 }, (_, i) => `X-Field-${i}: ${'value '.repeat(7)}\r\n`).join(''),
};

const engine = { nowMs: performance.now(), arrivalMs: 0, connectionCount: 1 };
const out = new Uint8Array(64 * 1024);
const memory = new Uint8Array(1 << 20);

const made = new Error('made before');
const answerFailure = () => new Response('failed', { status: 500 });
const HANDLERS = {
  hello: (request) => new Response(request.url.endsWith('/') ? 'root' : 'Hello, World!'),
  'returns 500': answerFailure,
  'makes an Error and returns 500': () => {
    answerFailure.last = new Error('made for each');
    return answerFailure();
  },
  'throws an Error made before': () => {
    throw made;
  },
  'throws an Error made for each request': () => {
    throw new Error('made for each');
  },
};
const silent = { debug() {}, info() {}, warn() {}, error() {} };

function start(remembers, handler) {
  const fetch = HANDLERS[handler];
  const thread = new ServerThread({
    fetch,
    error: answerFailure,
    settings: checkOptions({ fetch }),
    logger: silent,
    accessLog: undefined,
    scheme: 'http',
  });
  thread.attach(engine);
  if (!remembers) thread.h1.heads.recall = () => null;
  const nothing = () => {};
  const connection = {
    user: undefined, out, unsentBytes: 0, isOpen: true, reserve: () => 0, commit: nothing, setDeadline: nothing,
    pauseReading: nothing, resumeReading: nothing, shutdownWrite: nothing, close: nothing, reset: nothing,
    remoteAddress: nothing, peerLiveness: nothing,
  }; // biome-ignore format: one object
  thread.onAccept(connection);
  return { thread, connection };
}

/** @returns nanoseconds a request, the best of all rounds: what repeats on a shared machine */
function measure({ thread, connection }, heads) {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    engine.nowMs = performance.now();
    const began = process.hrtime.bigint();
    for (let i = 0; i < REQUESTS; i++) {
      const head = heads[i % heads.length];
      thread.onReceive(connection, memory, head.start, head.end);
    }
    best = Math.min(best, Number(process.hrtime.bigint() - began) / REQUESTS);
  }
  return best;
}

function headsOf(fields, count) {
  const heads = [];
  for (let i = 0; i < count; i++) {
    const start = 4096 * (i + 1);
    const text = `GET /users/${String(i).padStart(8, '0')} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n${fields}\r\n`;
    memory.set(Buffer.from(text), start);
    heads.push({ start, end: start + text.length });
  }
  return heads;
}

/** Each case in a process of its own: code that has been optimised for one is not for another. */
const run = (...args) => Number(execFileSync(process.execPath, [import.meta.filename, ...args]).toString());

const [name, count, remembers, handler] = process.argv.slice(2);
if (name !== undefined) {
  console.log(measure(start(remembers === 'true', handler), headsOf(FIELDS[name], Number(count))));
} else {
  for (const size of Object.keys(FIELDS)) {
    for (const [what, variants] of [
      ['the same each time', 1],
      ['another each time', VARIANTS],
    ]) {
      let without = Number.POSITIVE_INFINITY;
      let withMemory = Number.POSITIVE_INFINITY;
      for (let i = 0; i < RUNS; i++) {
        without = Math.min(without, run(size, String(variants), 'false', 'hello'));
        withMemory = Math.min(withMemory, run(size, String(variants), 'true', 'hello'));
      }
      console.log(
        `${size} head, ${what}: ${without.toFixed(0)} ns parsed, ${withMemory.toFixed(0)} ns with the memory ` +
          `of heads (${(withMemory / without).toFixed(2)})`,
      );
    }
  }
  for (const each of Object.keys(HANDLERS)) {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < RUNS; i++) best = Math.min(best, run('small', '1', 'true', each));
    console.log(`${each === 'hello' ? 'a small answer' : `a handler that ${each}`}: ${best.toFixed(0)} ns`);
  }
}
