/** What a program sees of `for await` over our streams, beside what it sees of the platform's own iterator on the same stream. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeBody, fakeRequest } from './exchange.contract.ts';

type Iterator = AsyncIterableIterator<Uint8Array, unknown>;
type Log = unknown[];

const text = (value: unknown): unknown =>
  value instanceof Uint8Array ? Buffer.from(value).toString() : value;

/** A result, or the error that came in its place. */
async function outcome(promise: Promise<unknown>): Promise<unknown> {
  try {
    const result = await promise;
    const { done, value } = (result ?? {}) as { done?: boolean; value?: unknown };
    return [done, text(value)];
  } catch (error) {
    return (error as Error).message;
  }
}

interface Scene {
  readonly body: FakeBody;
  readonly request: ReturnType<typeof fakeRequest>;
  readonly stream: ReadableStream<Uint8Array>;
  readonly iterator: Iterator;
  readonly log: Log;
}

const SCENES: Record<string, (scene: Scene) => Promise<void>> = {
  async 'to the end'({ iterator, log, request, stream }) {
    log.push(request.bodyUsed, stream.locked);
    for (let i = 0; i < 6; i++) log.push(await outcome(iterator.next()), request.bodyUsed, stream.locked);
    log.push(await outcome(stream.getReader().read()));
  },
  async 'left in the midst'({ iterator, log, request, stream, body }) {
    log.push(await outcome(iterator.next()));
    log.push(await outcome(iterator.return!('enough')), body.cancelReasons, request.bodyUsed, stream.locked);
    log.push(await outcome(iterator.next()), await outcome(iterator.return!('again')));
    log.push(await outcome(stream.getReader().read()));
  },
  async 'left before the first piece'({ iterator, log, request, stream, body }) {
    log.push(await outcome(iterator.return!()), body.cancelReasons, request.bodyUsed, stream.locked);
    log.push(await outcome(request.text()));
  },
  async 'asked for more than once at a time'({ iterator, log, body }) {
    const calls = [iterator.next(), iterator.next(), iterator.return!(1), iterator.next(), iterator.next()];
    log.push(await Promise.all(calls.map(outcome)), body.readCount, body.cancelReasons);
  },
  async failing({ iterator, log, request, stream, body }) {
    body.fault = new Error('cut off');
    for (let i = 0; i < 5; i++) log.push(await outcome(iterator.next()), request.bodyUsed, stream.locked);
    log.push(await outcome(stream.getReader().read()));
    log.push(await outcome(iterator.return!('late')));
  },
  async 'beside other readers'({ iterator, log, request, stream }) {
    await iterator.next();
    log.push(await request.text().catch((error: Error) => error.name), await outcome(stream.cancel()));
    try {
      stream.getReader();
    } catch (error) {
      log.push((error as Error).name);
    }
  },
  async 'by for await'({ iterator, log }) {
    for await (const piece of iterator) log.push(text(piece));
  },
};

async function play(
  act: (scene: Scene) => Promise<void>,
  pieces: string[],
  buffered: boolean,
  isNative: boolean,
): Promise<Log> {
  const body = new FakeBody(pieces, buffered);
  const request = fakeRequest({ method: 'POST', body });
  const stream = request.body as ReadableStream<Uint8Array>;
  const iterator = (isNative ? stream.values() : stream[Symbol.asyncIterator]()) as unknown as Iterator;
  const log: Log = [];
  await act({ body, request, stream, iterator, log });
  return log;
}

for (const [what, act] of Object.entries(SCENES)) {
  test(`a body iterated ${what} looks as with the platform's iterator`, async () => {
    for (const pieces of [['ab', 'c'], ['a'], ['a', 'b', 'c', 'd']]) {
      for (const buffered of [false, true]) {
        const expected = await play(act, pieces, buffered, true);
        assert.deepEqual(await play(act, pieces, buffered, false), expected, `${pieces} ${buffered}`);
      }
    }
  });
}

test('a stream that is locked or has been read is iterated, or refused, by the platform', async () => {
  const request = fakeRequest({ method: 'POST', body: new FakeBody(['ab', 'c'], false) });
  const stream = request.body as ReadableStream<Uint8Array>;
  const reader = stream.getReader();
  assert.throws(() => stream[Symbol.asyncIterator](), TypeError);
  assert.equal(text((await reader.read()).value), 'ab');
  reader.releaseLock();
  const rest: unknown[] = [];
  for await (const piece of stream as unknown as AsyncIterable<Uint8Array>) rest.push(text(piece));
  assert.deepEqual(rest, ['c']);
});
