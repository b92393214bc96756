/**
 * Conversations from seeds. An honest client and a session that does as it likes: every answer comes whole, within the
 * windows, and nobody is blamed. The same with damaged bytes: nothing is thrown, told twice, or written for a stream that is
 * over. A failure prints its seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../../base/random.ts';
import { HTTP2_PREFACE } from '../../detect.ts';
import * as frame from '../frames.ts';
import {
  beginningOf,
  CoreBench,
  dataOf,
  type Fields,
  frameOf,
  GET,
  headersOf,
  joined,
  PING,
  POST,
  resetOf,
  settingsOf,
  uint32,
  windowUpdateOf,
} from './core.fixture.ts';

const CASES = 200;
const STEPS = 120;

interface PeerStream {
  readonly id: number;
  /** What we may still send on it. */
  upload: number;
  /** How much of its content is left; undefined when it is all sent. */
  left: number | undefined;
  /** What the server may still send on it. */
  window: number;
  got: number;
  isOver: boolean;
}

/** A client that keeps to the rules, and sees whether the server does. */
class Peer {
  readonly bench: CoreBench;
  readonly streams = new Map<number, PeerStream>();
  /** All that it has sent. */
  readonly sent: Uint8Array[] = [];
  /** The connection's window, for the server; a planted fault makes it smaller than was said. */
  window: number;
  upload = 65_535;
  initialWindow = 65_535;
  nextId = 1;
  readonly #random: SeededRandom;

  constructor(bench: CoreBench, random: SeededRandom, planted = 0) {
    this.bench = bench;
    this.#random = random;
    this.window = 65_535 - planted;
    this.send(beginningOf());
  }

  send(...parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      this.sent.push(part);
      // In pieces now and then.
      const cut = this.#random.chance(0.1) ? this.#random.int(part.length) : part.length;
      this.bench.core.receive(part, 0, cut);
      this.bench.core.receive(part, cut, part.length);
    }
    this.read();
  }

  /** What the server has sent: within the windows, and in order. */
  read(): void {
    for (const line of this.bench.frames()) {
      const [type, idText, sizeText] = line.split(' ');
      const id = Number(idText);
      const stream = this.streams.get(id);
      if (type === 'DATA' || type === 'HEADERS') {
        assert.ok(stream !== undefined && !stream.isOver, `${line} on a stream that is over`);
        const size = type === 'DATA' ? Number(sizeText) : 0;
        stream.window -= size;
        this.window -= size;
        stream.got += size;
        assert.ok(size === 0 || (stream.window >= 0 && this.window >= 0), `${line} is beyond a window`);
        if (line.endsWith('end')) this.#over(stream);
      } else if (type === 'RST_STREAM') {
        assert.ok(stream !== undefined, line);
        this.#over(stream);
        stream.left = undefined;
      } else if (type === 'WINDOW_UPDATE') {
        if (id === 0) this.upload += Number(sizeText);
        else if (stream !== undefined) stream.upload += Number(sizeText);
      }
    }
  }

  #over(stream: PeerStream): void {
    stream.isOver = true;
  }

  step(): void {
    const random = this.#random;
    const open = [...this.streams.values()].filter(({ isOver }) => !isOver);
    const one = open.length > 0 ? open[random.int(open.length)] : undefined;
    switch (random.int(9)) {
      case 0:
      case 1:
        if (open.length < 20) this.#request();
        break;
      case 2:
      case 3:
        this.#upload();
        break;
      case 4: {
        const increment = random.between(1, 40_000);
        this.window += increment;
        this.send(windowUpdateOf(0, increment));
        break;
      }
      case 5: {
        if (one === undefined) break;
        const increment = random.between(1, 40_000);
        one.window += increment;
        this.send(windowUpdateOf(one.id, increment));
        break;
      }
      case 6: {
        if (one === undefined || random.chance(0.6)) break;
        this.#over(one);
        one.left = undefined;
        this.send(resetOf(one.id));
        break;
      }
      case 7:
        if (random.chance(0.5)) this.send(PING);
        else this.#setWindow(random.int(100_000));
        break;
      default:
        if (one !== undefined)
          this.send(
            frameOf(
              frame.FRAME_PRIORITY_UPDATE,
              0,
              0,
              joined(uint32(one.id), Uint8Array.of(0x75, 0x3d, 0x30 + random.int(8))),
            ),
          );
    }
  }

  #request(): void {
    const random = this.#random;
    const id = this.nextId;
    this.nextId += 2 * random.between(1, 2);
    const left = random.chance(0.5) ? undefined : random.int(100_000);
    this.streams.set(id, {
      id,
      upload: 65_535,
      left,
      window: this.initialWindow,
      got: 0,
      isOver: false,
    });
    const length: Fields = left === undefined || random.chance(0.5) ? [] : [['content-length', String(left)]];
    this.send(headersOf(id, [...(left === undefined ? GET : POST), ...length], left === undefined));
  }

  #upload(): void {
    const random = this.#random;
    const uploads = [...this.streams.values()].filter(({ left }) => left !== undefined);
    if (uploads.length === 0) return;
    const stream = uploads[random.int(uploads.length)]!;
    const left = stream.left!;
    if (left === 0) {
      stream.left = undefined;
      this.send(random.chance(0.5) ? dataOf(stream.id, 0, true) : headersOf(stream.id, [['a', 'b']]));
      return;
    }
    const size = Math.min(left, stream.upload, this.upload, random.between(1, 16_384));
    if (size <= 0) return;
    stream.left = left - size;
    stream.upload -= size;
    this.upload -= size;
    const isLast = stream.left === 0 && random.chance(0.5);
    if (isLast) stream.left = undefined;
    this.send(dataOf(stream.id, size, isLast));
  }

  #setWindow(bytes: number): void {
    const change = bytes - this.initialWindow;
    this.initialWindow = bytes;
    for (const stream of this.streams.values()) if (!stream.isOver) stream.window += change;
    this.send(settingsOf(frame.SETTINGS_INITIAL_WINDOW_SIZE, bytes));
  }

  /** Everything is allowed now. */
  openAll(): void {
    this.window += 2 ** 29;
    this.send(windowUpdateOf(0, 2 ** 29));
    this.#setWindow(2 ** 29);
    for (let round = 0; round < 5000; round++) {
      this.#upload();
      this.bench.flush();
      this.read();
    }
  }
}

/** What the session does of itself. */
function sessionStep(bench: CoreBench, random: SeededRandom, answered: Map<number, number>): void {
  const owned = [...bench.streams.values()].filter(({ hasSentHead }) => !hasSentHead);
  if (owned.length === 0) return;
  const stream = owned[random.int(owned.length)]!;
  const { id } = stream;
  if (random.chance(0.05)) {
    bench.streams.delete(id);
    bench.core.reset(stream, 2);
    return;
  }
  const size = random.chance(0.5) ? 5 : random.int(150_000);
  answered.set(id, size);
  bench.contentBytes = size;
  bench.answer(stream);
  bench.contentBytes = undefined;
}

function honestCase(seed: number, planted = 0): void {
  const random = new SeededRandom(seed);
  const bench = new CoreBench({ drainGraceMs: 10 });
  bench.contentBytes = undefined;
  const peer = new Peer(bench, random, planted);
  const answered = new Map<number, number>();
  for (let step = 0; step < STEPS; step++) {
    peer.step();
    if (random.chance(0.5)) sessionStep(bench, random, answered);
    if (random.chance(0.3)) bench.flush();
    bench.clock.nowMs += random.int(20);
    peer.read();
  }
  for (const stream of [...bench.streams.values()])
    if (!stream.hasSentHead) {
      answered.set(stream.id, 7);
      bench.contentBytes = 7;
      bench.answer(stream);
    }
  bench.contentBytes = undefined;
  peer.openAll();
  assert.deepEqual([...bench.faults], [], 'nobody is blamed');
  for (const { id, got, isOver } of peer.streams.values()) {
    assert.ok(isOver, `stream ${id} is over`);
    const wasReset = bench.log.some((line) => line.startsWith(`reset ${id} `));
    if (answered.has(id) && !wasReset) assert.ok(got === answered.get(id), `stream ${id} got ${got}`);
  }
  assert.ok(peer.upload > 500_000, `the connection's window is given back: ${peer.upload}`);
  bench.core.drain();
  bench.clock.nowMs += 2000;
  bench.core.expire(bench.clock.nowMs);
  assert.equal(bench.log.at(-1), 'over well');
  assert.equal(bench.core.streamCount, 0);
}

function damagedCase(seed: number): void {
  const random = new SeededRandom(seed);
  const source = new CoreBench();
  const peer = new Peer(source, random);
  for (let step = 0; step < STEPS / 2; step++) peer.step();
  const bytes = joined(...peer.sent);
  for (let n = random.between(1, 6); n > 0; n--)
    bytes[HTTP2_PREFACE.length + random.int(bytes.length - HTTP2_PREFACE.length)] = random.int(256);
  const bench = new CoreBench();
  bench.contentBytes = random.chance(0.5) ? undefined : random.int(100_000);
  const over = new Set<string>();
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + random.between(1, 5000));
    bench.core.receive(bytes, at, end);
    at = end;
    if (bench.contentBytes === undefined) {
      sessionStep(bench, random, new Map());
      bench.contentBytes = undefined;
    }
    bench.flush();
    bench.clock.nowMs += random.int(1000);
    bench.core.expire(bench.clock.nowMs);
    for (const line of bench.frames()) {
      const [type, id] = line.split(' ');
      assert.ok(!over.has('GOAWAY'), `${line} behind the end`);
      if (type === 'DATA' || type === 'HEADERS')
        assert.ok(!over.has(id!), `${line} on a stream that is over`);
      if (line.endsWith('end') || type === 'RST_STREAM') over.add(id!);
      if (type === 'GOAWAY') over.add('GOAWAY');
    }
  }
  bench.core.abort();
  assert.equal(bench.core.streamCount, 0);
  assert.equal(bench.streams.size, 0);
}

function run(name: string, oneCase: (seed: number) => void): void {
  const first = Number(process.env['HOLDFAST_FUZZ_SEED'] ?? 1);
  const cases = process.env['HOLDFAST_FUZZ_SEED'] === undefined ? CASES : 1;
  for (let seed = first; seed < first + cases; seed++)
    try {
      oneCase(seed);
    } catch (error) {
      throw new Error(`${name}: HOLDFAST_FUZZ_SEED=${seed}`, { cause: error });
    }
}

test('an honest client gets every answer, whatever the order of things', () => {
  run('honest', (seed) => honestCase(seed));
});

test('damaged bytes throw nothing, and leave no stream behind', () => {
  run('damaged', damagedCase);
});

test('canary: a client whose window is one byte smaller than the server thinks is found out', () => {
  assert.throws(() => {
    for (let seed = 1; seed <= CASES; seed++) honestCase(seed, 1);
  }, /beyond a window/);
});
