import assert from 'node:assert/strict';
import { PassThrough, Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { collect, IterablePieces, type OutgoingBody, StreamPieces } from './pieces.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** One piece at a time, of the producer's own memory. */
function streamOfIterable(pieces: AsyncGenerator<Uint8Array>): ReadableStream {
  return new ReadableStream(
    {
      async pull(controller) {
        const { value, done } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
}

interface Producer {
  pulls: number;
  cancels: unknown[];
  body: OutgoingBody;
}

/** The same producer by either way: three pieces with an empty one between, then `last`. */
function producers(last: 'end' | 'error' | 'wrong'): [string, Producer][] {
  const pieces = [Uint8Array.of(1), new Uint8Array(0), Uint8Array.of(2), Uint8Array.of(3)];
  const next = (pull: number): unknown => {
    if (pull <= pieces.length) return pieces[pull - 1];
    if (last === 'error') throw new Error('source failed');
    return last === 'wrong' ? 5 : undefined;
  };
  const byStream = { pulls: 0, cancels: [] as unknown[] } as Producer;
  byStream.body = new StreamPieces(
    new ReadableStream(
      {
        pull(controller) {
          const piece = next(++byStream.pulls);
          if (piece === undefined) controller.close();
          else controller.enqueue(piece);
        },
        cancel(reason) {
          byStream.cancels.push(reason);
        },
      },
      { highWaterMark: 0 },
    ),
  );
  const byIterable = { pulls: 0, cancels: [] as unknown[] } as Producer;
  byIterable.body = new IterablePieces({
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        const value = next(++byIterable.pulls);
        return value === undefined ? { done: true, value } : { done: false, value };
      },
      return: async () => {
        byIterable.cancels.push('return');
        return { done: true, value: undefined };
      },
    }),
  });
  return [
    ['stream', byStream],
    ['iterable', byIterable],
  ];
}

describe('a body that is sent piece by piece', () => {
  it('is pulled only when the next piece is wanted, and never gives an empty one', async () => {
    for (const [name, producer] of producers('end')) {
      await turn();
      assert.equal(producer.pulls, 0, name);
      assert.deepEqual(await producer.body.read(), Uint8Array.of(1));
      await turn();
      assert.equal(producer.pulls, 1, name);
      assert.deepEqual(await producer.body.read(), Uint8Array.of(2));
      await turn();
      assert.equal(producer.pulls, 3, name);
      assert.deepEqual(await collect(producer.body), Uint8Array.of(3));
      assert.equal(await producer.body.read(), undefined);
      producer.body.cancel('late');
      await turn();
      assert.deepEqual(producer.cancels, [], name);
    }
  });

  it('cancels its producer once, whether or not it was started', async () => {
    for (const started of [false, true]) {
      for (const [name, producer] of producers('end')) {
        if (started) await producer.body.read();
        producer.body.cancel('why');
        producer.body.cancel('again');
        assert.equal(await producer.body.read(), undefined);
        await turn();
        assert.deepEqual(producer.cancels, [name === 'stream' ? 'why' : 'return']);
      }
    }
  });

  it('gives no piece that comes after it was cancelled', async () => {
    for (const [, producer] of producers('end')) {
      const reading = producer.body.read();
      producer.body.cancel();
      assert.equal(await reading, undefined);
    }
  });

  it('rejects with the producer’s error, and does not cancel what has failed', async () => {
    for (const [name, producer] of producers('error')) {
      await assert.rejects(collect(producer.body), /source failed/);
      producer.body.cancel();
      await turn();
      assert.deepEqual(producer.cancels, [], name);
    }
  });

  it('refuses what is no bytes, and cancels the one who made it', async () => {
    for (const [name, producer] of producers('wrong')) {
      await assert.rejects(collect(producer.body), TypeError);
      await turn();
      assert.equal(producer.cancels.length, 1, name);
    }
  });

  it('survives producers that throw when they are cancelled', async () => {
    const stream = new ReadableStream({
      cancel() {
        throw new Error('no');
      },
    });
    new StreamPieces(stream).cancel();
    new IterablePieces({
      [Symbol.asyncIterator]: () => {
        throw new Error('no');
      },
    }).cancel();
    await turn();
  });

  it('outlives the end of a generator that the platform made a stream of, which comes after the cancel', async () => {
    const uncaught: unknown[] = [];
    const listen = (error: unknown): unknown => uncaught.push(error);
    process.on('uncaughtException', listen);
    for (const reads of [0, 1, 2]) {
      let end!: () => void;
      let hasEnded = false;
      const waiting = new Promise<void>((resolve) => {
        end = resolve;
      });
      async function* pieces(): AsyncGenerator<Uint8Array> {
        if (reads === 2) yield Uint8Array.of(1);
        await waiting;
        hasEnded = true;
      }
      const body = new StreamPieces(new Response(pieces()).body!);
      if (reads === 2) await body.read();
      const reading = reads > 0 ? body.read() : undefined;
      await turn();
      body.cancel(new Error('client went'));
      await turn();
      end();
      await turn();
      await turn();
      assert.equal(await reading, undefined);
      assert.equal(hasEnded, true, `${reads} reads`);
    }
    process.removeListener('uncaughtException', listen);
    assert.deepEqual(uncaught, []);
  });

  it('hears the error of a Readable behind a platform Response that is cancelled in the turn of its first read', async () => {
    const uncaught: unknown[] = [];
    const listen = (error: unknown): unknown => uncaught.push(error);
    process.on('uncaughtException', listen);
    const readable = new PassThrough();
    const body = new StreamPieces(new Response(readable).body!);
    const reading = body.read().catch(() => undefined);
    body.cancel(new Error('client went'));
    await turn();
    readable.destroy(new Error('no such file'));
    await reading;
    await turn();
    process.removeListener('uncaughtException', listen);
    assert.deepEqual(uncaught, []);
  });

  it('lets the loop turn while a producer gives nothing but empty pieces', async () => {
    async function* empty(): AsyncGenerator<Uint8Array> {
      for (;;) yield new Uint8Array(0);
    }
    const stream = (): ReadableStream =>
      new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(0)) });
    const bodies = [new IterablePieces(empty()), new StreamPieces(stream())];
    for (const body of bodies) {
      const reading = body.read();
      // Were this starved, the test would never end.
      await new Promise((resolve) => setTimeout(resolve, 5));
      body.cancel();
      assert.equal(await reading, undefined);
    }
  });

  it('is collected as it was given, whatever the producer does to its memory afterwards', async () => {
    for (const size of [1, 20_000]) {
      async function* reused(): AsyncGenerator<Uint8Array> {
        const piece = new Uint8Array(size);
        for (let i = 1; i <= 3; i++) yield piece.fill(i);
        structuredClone(piece.buffer, { transfer: [piece.buffer] });
      }
      const expected = Buffer.concat([1, 2, 3].map((each) => Buffer.alloc(size, each)));
      const bodies = [new IterablePieces(reused()), new StreamPieces(streamOfIterable(reused()))];
      for (const body of bodies) assert.ok(expected.equals(await collect(body)), `${size}`);
    }
  });

  it('refuses a piece whose memory is gone, and cancels the one who made it', async () => {
    const transferred = (): ArrayBuffer => {
      const memory = new ArrayBuffer(8);
      structuredClone(memory, { transfer: [memory] });
      return memory;
    };
    const gone: Record<string, () => unknown> = {
      'a view': () => {
        const piece = new Uint8Array(8);
        structuredClone(piece.buffer, { transfer: [piece.buffer] });
        return piece;
      },
      'a view beyond the end': () => {
        // The library file in use here is older than resizable buffers.
        const memory = Reflect.construct(ArrayBuffer, [8, { maxByteLength: 8 }]);
        const piece = new Uint8Array(memory as ArrayBuffer, 4, 4);
        memory.resize(2);
        return piece;
      },
      'a DataView': () => {
        const piece = new DataView(new ArrayBuffer(8));
        structuredClone(piece.buffer, { transfer: [piece.buffer] });
        return piece;
      },
      'a buffer': transferred,
    };
    for (const [what, make] of Object.entries(gone)) {
      let cancels = 0;
      const stream = new StreamPieces(
        new ReadableStream({
          pull: (controller) => controller.enqueue(make()),
          cancel: () => void cancels++,
        }),
      );
      stream.isLenient = true;
      const iterable = new IterablePieces({
        [Symbol.asyncIterator]: () => ({
          next: async () => ({ done: false, value: make() }),
          return: async () => ({ done: true, value: cancels++ }),
        }),
      });
      for (const body of [stream, iterable]) await assert.rejects(body.read(), /memory has been/, what);
      assert.equal(cancels, 2, what);
    }
  });

  it('destroys a Readable that waits for data', async () => {
    const readable = new Readable({ read() {} });
    const body = new IterablePieces(readable);
    const reading = body.read();
    await turn();
    body.cancel(new Error('client went'));
    assert.equal(readable.destroyed, true);
    await reading.catch(() => {});
  });

  it('takes text, views and buffers from an async iterable', async () => {
    async function* pieces(): AsyncGenerator<unknown> {
      yield 'é';
      yield new Uint16Array([0x4241]);
      yield new Uint8Array([0x43]).buffer;
    }
    assert.equal(new TextDecoder().decode(await collect(new IterablePieces(pieces()))), 'éABC');
  });
});

describe('a body that is cancelled before it was read', () => {
  it('reaches the Readable behind a stream of the platform', async () => {
    const made: Readable[] = [];
    for (const readable of [Readable.from(['a', 'b']), new PassThrough().end('a')]) {
      made.push(readable);
      new StreamPieces(new globalThis.Response(readable as never).body!).cancel();
    }
    for (let i = 0; i < 200 && !made.every((readable) => readable.destroyed); i++)
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(
      made.map((readable) => readable.destroyed),
      [true, true],
    );
  });

  it('reaches the source of any other stream once, and reads nothing', () => {
    const seen: string[] = [];
    const stream = new ReadableStream(
      { pull: () => void seen.push('pull'), cancel: (reason) => void seen.push(String(reason)) },
      { highWaterMark: 0 },
    );
    const pieces = new StreamPieces(stream);
    pieces.cancel('enough');
    pieces.cancel('again');
    assert.deepEqual(seen, ['enough']);
  });

  it('hears the errors of a Readable, before it is read and after it was cancelled', async () => {
    // An 'error' that nobody hears would end this process.
    const early = new IterablePieces(Readable.from([]).destroy(new Error('at once')));
    const late = new Readable({
      read() {},
      destroy: (_error, done) => setTimeout(done, 5, new Error('late')),
    });
    new IterablePieces(late).cancel();
    await new Promise((resolve) => setTimeout(resolve, 20));
    await assert.rejects(early.read(), /at once/);
  });

  it('survives a producer that throws', () => {
    const trap = (): never => {
      throw new Error('trap');
    };
    const odd: object[] = [
      { destroy: trap, [Symbol.asyncIterator]: trap },
      { [Symbol.asyncIterator]: trap },
      { [Symbol.asyncIterator]: () => ({ next: trap, return: trap }) },
      Object.defineProperty({ [Symbol.asyncIterator]: trap }, 'destroy', { get: trap }),
      Object.defineProperty({ [Symbol.asyncIterator]: trap }, 'on', { get: trap }),
    ];
    for (const each of odd) new IterablePieces(each as AsyncIterable<unknown>).cancel();
  });
});

describe('pieces of a stream told to a taker', () => {
  /** What is told, in order; reads on after each piece. */
  function told(body: StreamPieces): { log: unknown[]; done: Promise<void> } {
    const log: unknown[] = [];
    const done = new Promise<void>((resolve) => {
      const taker = {
        pieceCame(piece: Uint8Array) {
          log.push(...piece);
          body.readTo(taker);
          log.push('asked');
        },
        piecesEnded() {
          log.push('end');
          resolve();
        },
        piecesFailed(error: unknown) {
          log.push((error as Error).message);
          resolve();
        },
      };
      body.readTo(taker);
      log.push('asked');
    });
    return { log, done };
  }

  it('come one by one, the empty ones left out, and never from within the call', async () => {
    for (const [last, ending] of [
      ['end', 'end'],
      ['error', 'source failed'],
      ['wrong', 'Received non-Uint8Array chunk: a body stream gave 5'],
    ] as const) {
      const [, { body, cancels }] = producers(last)[0]!;
      const { log, done } = told(body as StreamPieces);
      await done;
      assert.deepEqual(log, ['asked', 1, 'asked', 2, 'asked', 3, 'asked', ending]);
      assert.equal(cancels.length, last === 'wrong' ? 1 : 0);
    }
  });

  it('end when they were cancelled, before or while one is waited for', async () => {
    const waiting = new StreamPieces(new ReadableStream());
    const { log, done } = told(waiting);
    waiting.cancel();
    await done;
    assert.deepEqual(log, ['asked', 'end']);
    const again = told(waiting);
    await again.done;
    assert.deepEqual(again.log, ['asked', 'end']);
  });
});
