/** An exchange without a server and without a socket: a host that counts, an owner that listens, a sink that records. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FileRange } from '../engine/engine.ts';
import type { Fault } from '../protocol/error.ts';
import { createTestHub } from '../pubsub/hub.fixture.ts';
import type { FetchHandler } from '../web/context.ts';
import { fileResponse } from '../web/file-response.ts';
import { ResponseParts } from '../web/parts.ts';
import { Response } from '../web/response.ts';
import { AnswerPlan } from './answer-plan.ts';
import { type AnswerSink, RESPONSE_HIGH_WATER_BYTES } from './answer-sink.ts';
import { AsyncScope } from './async-scope.ts';
import { ClosingSignals } from './closing-signals.ts';
import { ClientGoneError } from './errors.ts';
import { Exchange } from './exchange.ts';
import type { ErrorHandler, ExchangeHost } from './exchange-host.ts';
import type { ExchangeOwner } from './exchange-owner.ts';
import { PieceMemory } from './piece-memory.ts';
import type { Trailers } from './trailers.ts';

/** Writes down what it is told to write. */
class RecorderSink implements AnswerSink {
  readonly written: string[] = [];
  room = RESPONSE_HIGH_WATER_BYTES;
  unsentBytes = 0;
  takesBytes = true;
  takesFile = true;
  readonly ranges: FileRange[] = [];
  /** What it holds to be unfit for a head. */
  refusesFields = false;

  shortText(status: number, contentType: string | undefined, text: string): boolean {
    this.written.push(`${status} ${contentType} ${text}`);
    return true;
  }

  begin(plan: AnswerPlan): boolean {
    if (this.refusesFields) throw new TypeError('a field that cannot be sent');
    const { status, contentLength, bytes, stream, file, endsWithTrailers } = plan;
    this.written.push(`${status} length=${contentLength}${bytes === null ? '' : ` ${Buffer.from(bytes)}`}`);
    return stream === null && file === null && !endsWithTrailers;
  }

  fault(fault: Fault, withContent: boolean): number {
    this.written.push(`fault ${fault.status}${withContent ? '' : ' without content'}`);
    return 1;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    const to = Math.min(end, start + this.room);
    this.written.push(`piece ${Buffer.from(bytes.subarray(start, to))}`);
    this.room -= to - start;
    return to;
  }

  file(file: FileRange): void {
    this.ranges.push(file);
    this.unsentBytes += file.length;
    this.written.push(`file ${file.fd} ${file.offset}+${file.length}`);
  }

  pace(bytesPerSecond: number): void {
    this.written.push(`pace ${bytesPerSecond}`);
  }

  end(trailers: Trailers | undefined): void {
    this.written.push(trailers === undefined ? 'end' : `end ${trailers.names}=${trailers.values}`);
  }

  interim(status: number): void {
    this.written.push(`interim ${status}`);
  }

  continue(): void {
    this.written.push('continue');
  }

  yields(): void {}

  last(): void {
    this.written.push('last');
  }
}

const HEAD = {
  methodStart: 0,
  method: 1,
  methodEnd: 3,
  targetStart: 4,
  targetEnd: 6,
  hostStart: 23,
  hostEnd: 24,
  fieldsStart: 17,
  fieldsEnd: 26,
  hasContent: false,
};
const TEXT = 'GET /x HTTP/1.1\r\nHost: a\r\n\r\n';

function stage(fetch: FetchHandler, errorHandler?: ErrorHandler) {
  const sink = new RecorderSink();
  const events: string[] = [];
  const host: ExchangeHost = {
    fetch,
    errorHandler,
    settings: { timeouts: { handlerMs: 50, bodyMs: 1000, lingerMs: 100 } } as ExchangeHost['settings'],
    proxies: undefined,
    scheme: 'http',
    defaultAuthority: 'localhost',
    scope: new AsyncScope(),
    parts: new ResponseParts(),
    plan: new AnswerPlan(),
    nowMs: 1000,
    arrivalMs: 1000,
    isDraining: false,
    idleGraceMs: 0,
    closingSignals: new ClosingSignals(),
    pieces: new PieceMemory(
      () => () => {},
      () => 0,
    ),
    upgrade: () => {
      throw new Error('not here');
    },
    hub: createTestHub(),
    deadlines: { header: 0, idle: 0, body: 0, handler: 0, linger: 0, stall: 0, deadPeer: 0, drain: 0 },
    shouldYield: () => false,
    takeConnectionId: () => 1,
    exchangeBegun: () => {},
    standingAnswered: () => {},
    requestRefused: () => {},
    exchangeFinished: ({ status, responseBytes }) => events.push(`finished ${status} ${responseBytes}`),
    exchangeAborted: ({ status }) => events.push(`aborted ${status}`),
    countStatus: () => {},
    countClose: () => {},
    countFault: ({ code }) => events.push(`fault ${code}`),
    offended: (option) => events.push(`offended ${option}`),
    logError: (what) => events.push(`log ${what}`),
    logHookError: () => events.push('log hook'),
    waitUntil: (promise) => promise.then(() => {}),
  };
  const owner: ExchangeOwner = {
    connectionId: 1,
    hasPeerEnded: false,
    attachment: undefined,
    remoteAddress: () => undefined,
    localAddress: () => undefined,
    abandon: (reason) => events.push(`abandoned ${reason}`),
    exchangeFinished: () => events.push('told'),
    exchangeBroken: (_, reason) => events.push(`broken ${reason}`),
    exchangeWaits: () => {},
    armExchange: () => {},
    handlerEnded: () => events.push('handler ended'),
  };
  const exchange = new Exchange(host, owner, sink, 990, HEAD, TEXT, undefined, false);
  return { exchange, sink, events, host };
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));
const light = (body: string, init?: object) => new Response(body, init) as unknown as globalThis.Response;

test('a short text is written in one step, and the exchange is over', () => {
  const { exchange, sink, events } = stage(() => light('hi'));
  exchange.run();
  assert.deepEqual(sink.written, ['200 text/plain;charset=UTF-8 hi']);
  assert.deepEqual(events, ['finished 200 2', 'told']);
  assert.equal(exchange.isFinished, true);
});

test('a stream is written piece by piece while there is room, and goes on when there is again', async () => {
  const source = async function* () {
    yield 'one';
    yield 'four';
    yield 'x';
  };
  const { exchange, sink, events } = stage(() => light(source() as unknown as string));
  sink.room = 5;
  exchange.run();
  await settled();
  await settled();
  assert.deepEqual(sink.written, ['200 length=-1', 'piece one', 'piece fo']);
  sink.room = 100;
  exchange.drained();
  await settled();
  await settled();
  assert.deepEqual(sink.written.slice(3), ['piece ur', 'piece x', 'end']);
  assert.deepEqual(events, ['finished 200 8', 'told']);
});

test('trailers that were given before or during the answer end it', async () => {
  const { exchange, sink } = stage((_, context) => {
    context.trailers({ 'x-sum': '1' });
    return light('text');
  });
  exchange.run();
  await settled();
  assert.deepEqual(sink.written, ['200 length=4 text', 'piece text', 'end x-sum=1']);
});

test('a handler that throws, rejects or gives what is no answer costs a 500, and is logged', async () => {
  const handlers: FetchHandler[] = [
    () => {
      throw new Error('no');
    },
    async () => {
      throw new Error('no');
    },
    () => 7 as unknown as globalThis.Response,
  ];
  for (const fetch of handlers) {
    const { exchange, sink, events } = stage(fetch);
    exchange.run();
    await settled();
    assert.match(sink.written.join(), /^500 length=\d+ 500 Internal Server Error/);
    assert.deepEqual(events.slice(0, 1), ['log handler failed']);
  }
});

test('a head that cannot be written leaves the answer to the error hook', () => {
  let heard: unknown;
  const { exchange, sink } = stage(
    () => light('x', { headers: { 'x-a': 'b' } }),
    (error) => {
      heard = error;
      sink.refusesFields = false;
      return light('sorry', { status: 502, headers: { 'x-c': 'd' } });
    },
  );
  sink.refusesFields = true;
  exchange.run();
  assert.equal((heard as Error).message, 'a field that cannot be sent');
  assert.deepEqual(sink.written, ['502 length=5 sorry']);
});

test('what comes after the deadline of the handler, or after the client has gone, is not sent', async () => {
  let answer!: (response: globalThis.Response) => void;
  const never = () => new Promise<globalThis.Response>((resolve) => (answer = resolve));
  const late = stage(never);
  late.exchange.run();
  const { signal } = late.exchange.request;
  assert.equal(late.exchange.deadlineMs, 1050);
  assert.equal(late.exchange.deadline(1049), false);
  assert.equal(late.exchange.deadline(1050), true);
  assert.equal(signal.aborted, true);
  answer(light('too late'));
  await settled();
  assert.deepEqual(late.sink.written, ['last', 'fault 503']);

  const left = stage(never);
  left.exchange.run();
  assert.equal(left.exchange.isHandlerBusy, true);
  left.exchange.clientGone(new ClientGoneError('test'));
  answer(light('for nobody'));
  await settled();
  assert.deepEqual(left.sink.written, []);
  assert.deepEqual(left.events, ['aborted 0', 'handler ended']);
});

test('a stream that fails after its head breaks the answer off', async () => {
  const source = async function* () {
    yield 'one';
    throw new Error('no more');
  };
  const { exchange, events, sink } = stage(() => light(source() as unknown as string));
  exchange.run();
  await settled();
  await settled();
  assert.deepEqual(sink.written, ['200 length=-1', 'piece one']);
  assert.deepEqual(events, ['log response body failed', 'broken response-failed']);
  assert.equal(exchange.isCutShort, true);
});

test('a stream that is longer or shorter than the length that was promised is broken off, and not a byte too many is written', async () => {
  for (const [length, written] of [
    [5, ['200 length=5', 'piece one']],
    [9, ['200 length=9', 'piece one', 'piece four']],
  ] as const) {
    const source = async function* () {
      yield 'one';
      yield 'four';
    };
    const headers = { 'content-length': String(length) };
    const { exchange, events, sink } = stage(() => light(source() as unknown as string, { headers }));
    exchange.run();
    for (let turns = 0; turns < 4; turns++) await settled();
    assert.deepEqual(sink.written, written);
    assert.deepEqual(events, ['log response body failed', 'broken response-failed']);
    assert.equal(exchange.isFinished, false);
  }
});

test('a file is given to the sink as it is, and the answer is over when all of it has left', () => {
  for (const isSentWhole of [true, false]) {
    let closes = 0;
    const read = () => Promise.reject(new Error('nobody reads it'));
    const part = { fd: 7, offset: 5, length: 1000, paceBytesPerSecond: 9, read, close: () => void closes++ };
    const fetch = () => fileResponse(part) as unknown as globalThis.Response;
    const { exchange, sink, events } = stage(fetch);
    exchange.run();
    assert.deepEqual(sink.written, ['200 length=1000', 'pace 9', 'file 7 5+1000']);
    assert.equal(exchange.isCutShort, true);
    exchange.drained();
    assert.deepEqual(events, [], 'other bytes have left');
    const range = sink.ranges[0]!;
    assert.equal(range.verify?.(), true);
    range.onReleased(isSentWhole ? 0 : 300);
    assert.equal(closes, 1);
    if (isSentWhole) {
      exchange.drained();
      assert.deepEqual(events, ['finished 200 1000', 'told']);
      assert.deepEqual(sink.written.slice(3), ['end']);
    } else {
      exchange.clientGone(new ClientGoneError('gone'));
      assert.equal(exchange.responseBytes, 700);
      assert.deepEqual(events, ['aborted 200']);
    }
  }
});

test('a file is read piece by piece where the sink takes none, and closed unread where nothing of it is sent', async () => {
  let closes = 0;
  const read = async (into: Uint8Array) => into.fill(97).length;
  const part = { fd: 7, offset: 0, length: 3, read, close: () => void closes++ };
  const fetch = () => fileResponse(part) as unknown as globalThis.Response;
  const pieces = stage(fetch);
  pieces.sink.takesFile = false;
  pieces.exchange.run();
  await settled();
  await settled();
  assert.deepEqual(pieces.sink.written, ['200 length=3', 'piece aaa', 'end']);
  assert.equal(closes, 1);
  const empty = stage(() => fileResponse({ ...part, length: 0 }) as unknown as globalThis.Response);
  empty.exchange.run();
  assert.deepEqual(empty.sink.written, ['200 length=0', 'end']);
  assert.equal(closes, 2);
});
