import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SeededRandom } from '../base/random.ts';
import type { EngineConnection, EngineHandler } from '../engine/engine.ts';
import { HeadMemory } from '../http/h1/head-memory.ts';
import { HEAD_COMPLETE, RequestHeadParser } from '../protocol/h1/request-head.ts';
import { DEFAULT_LIMITS } from '../protocol/limits.ts';
import { Response } from '../web/response.ts';
import { checkOptions } from './options.ts';
import { ServerThread } from './server-thread.ts';

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const head = (target: string, fields = ''): Uint8Array =>
  ascii(`GET ${target} HTTP/1.1\r\nHost: a.example:8080\r\n${fields}\r\n`);

/** Reads `bytes` and has the memory keep it. */
function keep(memory: HeadMemory, owner: number, bytes: Uint8Array, requests = 1): boolean {
  const parser = new RequestHeadParser(DEFAULT_LIMITS);
  assert.equal(parser.parse(bytes, 0, bytes.length), HEAD_COMPLETE);
  return memory.remember(owner, requests, parser, bytes, 0) !== parser;
}

/** In the middle of other bytes, at any alignment. */
function recall(memory: HeadMemory, owner: number, bytes: Uint8Array, at = 0, behind = 0) {
  const memoryOfEngine = new Uint8Array(at + bytes.length + behind).fill(0x41);
  memoryOfEngine.set(bytes, at);
  return memory.recall(owner, memoryOfEngine, at, memoryOfEngine.length);
}

test('the very same bytes are recalled, wherever they lie and whatever comes behind them', () => {
  const memory = new HeadMemory(DEFAULT_LIMITS);
  for (const fields of ['', 'A: b\r\n', 'Cookie: c=1\r\nA: bcd\r\n', `X: ${'y'.repeat(1500)}\r\n`]) {
    const bytes = head('/one?two', fields);
    assert.ok(keep(memory, 7, bytes));
    for (let at = 0; at < 5; at++)
      for (const behind of [0, 1, 40]) {
        const found = recall(memory, 7, bytes, at, behind);
        assert.ok(found !== null, `at ${at} with ${behind} behind`);
        assert.equal(found.parser.headBytes, bytes.length);
        assert.equal(found.text, Buffer.from(bytes).toString('latin1'));
        assert.equal(found.urlFor('http', 'localhost'), 'http://a.example:8080/one?two');
      }
  }
});

test('a head that differs in one bit, anywhere, is not recalled, nor one that is not whole', () => {
  const memory = new HeadMemory(DEFAULT_LIMITS);
  const bytes = head('/path', 'Accept: text/html\r\nCookie: a=b\r\n');
  keep(memory, 1, bytes);
  for (let i = 0; i < bytes.length; i++) {
    const other = bytes.slice();
    other[i]! ^= 1 << (i % 8);
    assert.equal(recall(memory, 1, other, i % 4, 8), null, `byte ${i}`);
    assert.equal(recall(memory, 1, bytes.subarray(0, i), i % 4), null, `the first ${i} bytes`);
  }
});

test('what one connection sent is not recalled for another', () => {
  const memory = new HeadMemory(DEFAULT_LIMITS);
  const bytes = head('/', 'Cookie: secret\r\n');
  keep(memory, 1, bytes);
  assert.equal(recall(memory, 2, bytes), null);
  // The same place in the table.
  assert.equal(recall(memory, 1 + 1024, bytes), null);
  assert.notEqual(recall(memory, 1, bytes), null);
});

test('of two connections on one place, the one that has use of it keeps it', () => {
  const memory = new HeadMemory(DEFAULT_LIMITS);
  const mine = head('/mine');
  const other = head('/other');
  assert.ok(keep(memory, 5, mine));
  assert.notEqual(recall(memory, 5, mine), null);
  assert.ok(!keep(memory, 5 + 1024, other), 'in use');
  assert.notEqual(recall(memory, 5, mine), null);
  assert.ok(!keep(memory, 5 + 1024, other));
  assert.ok(keep(memory, 5 + 1024, other), 'not used since');
  assert.equal(recall(memory, 5, mine), null);
  assert.notEqual(recall(memory, 5 + 1024, other), null);
});

test('a connection whose heads never come again is tried only now and then', () => {
  const memory = new HeadMemory(DEFAULT_LIMITS);
  let kept = 0;
  for (let i = 1; i <= 3200; i++) if (keep(memory, 9, head(`/${i}`), i)) kept++;
  assert.ok(kept >= 90 && kept <= 120, `${kept}`);
});

test('a place keeps no bytes but its head', async () => {
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const memory = new HeadMemory(DEFAULT_LIMITS);
  const pieces: WeakRef<Uint8Array>[] = [];
  for (let owner = 1; owner <= 50; owner++) {
    const piece = new Uint8Array(65_536);
    piece.set(head(`/${owner}`));
    const parser = new RequestHeadParser(DEFAULT_LIMITS);
    assert.equal(parser.parse(piece, 0, piece.length), HEAD_COMPLETE);
    assert.notEqual(memory.remember(owner, 1, parser, piece, 0), parser);
    pieces.push(new WeakRef(piece));
  }
  // What a WeakRef has shown is kept until the turn ends.
  await new Promise(setImmediate);
  collectGarbage();
  const kept = pieces.filter((piece) => piece.deref() !== undefined).length;
  assert.ok(kept <= 1, `${kept} pieces are kept`);
  assert.notEqual(recall(memory, 7, head('/7')), null);
});

test('a head too long to keep is left out', () => {
  const memory = new HeadMemory(DEFAULT_LIMITS);
  assert.ok(!keep(memory, 3, head('/', `A: ${'b'.repeat(4000)}\r\n`)));
});

// The server with the memory and without: what handlers see and what clients get is the same.

interface Seen {
  readonly requests: string[];
  readonly sent: string;
}

class MemoryConnection {
  user: unknown = undefined;
  out = new Uint8Array(64 * 1024);
  unsentBytes = 0;
  isOpen = true;
  sent = '';
  #at = 0;
  reserve(): number {
    return this.#at;
  }
  commit(size: number): void {
    this.sent += Buffer.from(this.out.subarray(0, size)).toString('latin1');
  }
  setDeadline(): void {}
  pauseReading(): void {}
  resumeReading(): void {}
  shutdownWrite(): void {
    this.sent += '<FIN>';
  }
  close(): void {}
  reset(): void {}
  remoteAddress(): undefined {}
  peerLiveness(): undefined {}
}

function run(seed: number, remembers: boolean): Seen & { recalled: number } {
  const requests: string[] = [];
  const fetch = (request: Request): globalThis.Response | Promise<globalThis.Response> => {
    requests.push(`${request.method} ${request.url} ${JSON.stringify([...request.headers])}`);
    const answer = (text: string) => new Response(text) as unknown as globalThis.Response;
    return request.method === 'POST' ? request.text().then(answer) : answer(request.url);
  };
  const thread = new ServerThread({
    fetch,
    error: undefined,
    settings: checkOptions({ fetch }),
    logger: console,
    accessLog: undefined,
    scheme: 'http',
  });
  let recalled = 0;
  const { heads } = thread.h1;
  const ask = heads.recall.bind(heads);
  heads.recall = (...args) => {
    const found = remembers ? ask(...args) : null;
    if (found !== null) recalled++;
    return found;
  };
  thread.attach({ nowMs: 0, arrivalMs: 0 } as never);
  const handler: EngineHandler = thread;
  const random = new SeededRandom(seed);
  const connections = [0, 1, 2].map(() => new MemoryConnection());
  for (const each of connections) handler.onAccept(each as unknown as EngineConnection);
  const pool = [
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET /b?c HTTP/1.1\r\nHost: a\r\nCookie: d=e\r\n\r\n',
    'GET /b?c HTTP/1.1\r\nHost: a\r\nCookie: d=f\r\n\r\n',
    'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
    'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nworld',
    '\r\nGET /x/../y HTTP/1.1\r\nHost: A\r\n\r\n',
    'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
    'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    ...(random.chance(0.2) ? ['GET / HTTP/1.1\r\n\r\n'] : []),
  ].slice(0, random.between(1, 9));
  for (let i = 0; i < 60; i++) {
    let text = '';
    for (let n = random.between(1, 4); n > 0; n--) text += random.pick(pool);
    const at = random.between(0, 3);
    const bytes = new Uint8Array(at + text.length);
    bytes.set(ascii(text), at);
    const conn = random.pick(connections) as unknown as EngineConnection;
    const split = random.chance(0.3) ? random.between(at, bytes.length) : bytes.length;
    handler.onReceive(conn, bytes, at, split);
    if (split < bytes.length) handler.onReceive(conn, bytes, split, bytes.length);
  }
  return {
    requests,
    sent: connections.map((each) => each.sent.replace(/Date: [^\r]*/g, '')).join('|'),
    recalled,
  };
}

test('handlers and clients see no difference between a head that is read and one that is recalled', () => {
  let recalled = 0;
  for (let seed = 1; seed <= 300; seed++) {
    const { recalled: count, ...withMemory } = run(seed, true);
    const { recalled: none, ...without } = run(seed, false);
    assert.deepEqual(withMemory, without, `seed ${seed}`);
    assert.equal(none, 0);
    recalled += count;
  }
  assert.ok(recalled > 5000, `only ${recalled} heads were recalled: nothing was compared`);
});
