/**
 * Readers at the pace of a modem that stop for longer than any timeout: each gets every byte, by one
 * request, and what one that has stopped costs is bounded however fast the source is.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { SeededRandom } from '#src/base/random.ts';
import type { EngineName } from '#src/index.ts';
import { enginesHere } from '../engines.ts';
import { atMost, becomes, type Figures, inParallel, judged, report, SEED, scaled, sleep } from './figures.ts';
import { faultIn, isPattern } from './pattern.ts';
import { Subject } from './subject-process.ts';

const READER_COUNT = scaled(200, 40);
const IDLE_MS = 200;
const PAUSE_MS = 3 * IDLE_MS;
const PACED_MS = scaled(10_000, 500);
/** More than the kernel holds for a connection: 4 MiB to send by default (tcp_wmem), and what the reader's side takes. */
const BODY_BYTES = 8 * 1024 * 1024;
const FIRST_COUNT = 100;
const STOPPED_COUNT = 200;
const STOPPED_BYTES_MAX = 256 * 1024;

class SlowReader {
  readonly socket: Socket;
  readonly bytesPerSecond: number;
  received = 0;
  isExact = true;
  ended = '';
  /** Where the first wrong byte is, and what stands there. */
  fault = '';
  #head: Buffer | undefined = Buffer.alloc(0);
  #chunk = Buffer.alloc(0);

  constructor(port: number, bytesPerSecond: number, path: string) {
    this.bytesPerSecond = bytesPerSecond;
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.pause();
    this.socket.on('end', () => (this.ended ||= 'FIN'));
    this.socket.on('error', (error: NodeJS.ErrnoException) => (this.ended ||= error.code ?? error.message));
    // HTTP/1.0 frames the body by the end of the connection, so that every byte after the head is content.
    this.socket.write(`GET ${path} HTTP/1.0\r\n\r\n`);
  }

  /** Takes at most `size` bytes. */
  readSome(size: number): void {
    const piece = this.socket.read(Math.min(size, this.socket.readableLength)) as Buffer | null;
    if (piece !== null) this.#take(piece);
    else this.socket.read(0);
  }

  /** Takes the rest as fast as it comes. */
  drain(): void {
    this.socket.on('data', (piece: Buffer) => this.#take(piece));
    this.socket.resume();
  }

  #take(piece: Buffer): void {
    let body = piece;
    if (this.#head !== undefined) {
      this.#chunk = Buffer.concat([this.#chunk, piece]);
      const end = this.#chunk.indexOf('\r\n\r\n');
      if (end === -1) return;
      this.#head = undefined;
      body = this.#chunk.subarray(end + 4);
    }
    if (this.isExact && !isPattern(body, this.received)) {
      this.isExact = false;
      this.fault = faultIn(body, this.received);
    }
    this.received += body.length;
  }
}

async function readSlowly(t: TestContext, engine: EngineName): Promise<void> {
  const random = new SeededRandom(SEED);
  const subject = await Subject.start(t, {
    engine,
    timeouts: { idle: IDLE_MS, header: 5000, body: IDLE_MS, linger: 5000 },
  });
  const before = await subject.resources();
  const readers = Array.from(
    { length: READER_COUNT },
    () => new SlowReader(subject.port, random.between(1024, 64 * 1024), `/pattern?bytes=${BODY_BYTES}`),
  );
  const startMs = performance.now();
  await sleep(PAUSE_MS);
  for (let pacedMs = 0; pacedMs < PACED_MS; pacedMs += 100) {
    for (const reader of readers) reader.readSome(Math.ceil(reader.bytesPerSecond / 10));
    await sleep(100);
  }
  await sleep(PAUSE_MS);
  const waiting = await subject.openConnections();
  const { rssBytes } = await subject.resources();
  // A few at a time, as fast as they can: the others go on waiting meanwhile.
  await inParallel(READER_COUNT, 10, async (i) => {
    readers[i]!.drain();
    await becomes(() => readers[i]!.ended !== '', 30_000, 5);
  });
  const exact = readers.filter(
    (reader) => reader.isExact && reader.received === BODY_BYTES && reader.ended === 'FIN',
  );
  const { requests, aborted, closeReasons } = await subject.stats();
  report(t, 'slow readers', engine, {
    readers: READER_COUNT,
    byteExact: exact.length,
    requests,
    stillSendingAfterPauses: waiting,
    kibEachWhileWaiting: (rssBytes - before.rssBytes) / READER_COUNT / 1024,
    seconds: (performance.now() - startMs) / 1000,
    seed: SEED,
  });
  const first = readers.find((reader) => !exact.includes(reader));
  assert.equal(
    exact.length,
    READER_COUNT,
    `${first?.ended} after ${first?.received} of ${BODY_BYTES}, ${first?.fault}; ${JSON.stringify(closeReasons)}`,
  );
  assert.equal(requests, READER_COUNT, 'each by one request');
  assert.equal(aborted, 0);
  // The kernel holds more for some than for others: what counts is that the server had to wait for readers.
  assert.ok(
    waiting >= READER_COUNT * 0.8,
    `the server had done with all but ${waiting}: the bodies were too short`,
  );
  for (const reader of readers) reader.socket.destroy();
  await subject.assertNothingLeft(before.descriptors);
}

/** `count` readers more, when the kernel's buffers are full and nothing moves any more. */
async function stopped(subject: Subject, count: number, openBefore: number): Promise<SlowReader[]> {
  const readers = Array.from({ length: count }, () => new SlowReader(subject.port, 0, '/endless'));
  await becomes(async () => (await subject.openConnections()) === openBefore + count, 5000);
  let sent = -1;
  await becomes(
    async () => {
      const { bytesSent } = (await subject.stats()).engine;
      const isStill = bytesSent === sent;
      sent = bytesSent;
      return isStill;
    },
    5000,
    300,
  );
  return readers;
}

async function stopReading(t: TestContext, engine: EngineName): Promise<Figures> {
  const subject = await Subject.start(t, { engine });
  const { descriptors } = await subject.resources();
  // Readers before those that count: heaps that grow and code that is compiled once are not what one more costs.
  const readers = await stopped(subject, FIRST_COUNT, 0);
  const before = await subject.resources();
  readers.push(...(await stopped(subject, STOPPED_COUNT, FIRST_COUNT)));
  const during = await subject.resources();
  for (const reader of readers) reader.socket.resetAndDestroy();
  const { bytesSent } = (await subject.stats()).engine;
  await subject.assertNothingLeft(descriptors);
  return {
    stoppedReaders: STOPPED_COUNT,
    kibEach: (during.rssBytes - before.rssBytes) / STOPPED_COUNT / 1024,
    kernelTookKibEach: bytesSent / readers.length / 1024,
  };
}

for (const { engine, skip } of await enginesHere()) {
  test(
    `${READER_COUNT} readers at 1 to 64 KB/s that stop for 3 idle timeouts get every byte (${engine})`,
    { skip },
    (t) => readSlowly(t, engine),
  );

  test(`a reader of an endless answer that has stopped costs less than 256 KiB (${engine})`, { skip }, (t) =>
    judged(
      t,
      'memory of stopped readers',
      engine,
      () => stopReading(t, engine),
      (figures) => atMost(figures, 'kibEach', STOPPED_BYTES_MAX / 1024),
    ),
  );
}
