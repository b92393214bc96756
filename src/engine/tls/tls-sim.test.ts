/**
 * TLS over the simulated engine: connections in virtual time, with splits, short writes, delays, resets and slow peers drawn from a
 * seed, and clients by OpenSSL. A seed replays who does what and how each connection lives and ends. It does not replay
 * bytes and sizes: keys are OpenSSL's to draw, and signatures and tickets differ by a few bytes.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import { Watch } from '../contract/harness.contract.ts';
import { DEADLINE_TICK_MS, type EngineConnection, type EngineOptions, type TlsEvent } from '../engine.ts';
import { CERTIFICATE, KEY } from '../node/tls-keys.fixture.ts';
import type { SimConnection } from '../sim/connection.ts';
import { type NetworkFaults, NO_FAULTS } from '../sim/faults.ts';
import { SimNetwork } from '../sim/network.ts';
import type { PeerHandler, SimPeer } from '../sim/peer.ts';
import { SimEngine } from '../sim/sim-engine.ts';
import { OpenSslClient } from './openssl-client.fixture.ts';
import { probeTls } from './probe-tls.ts';
import { createTlsEngine } from './tls-engine.ts';

const FIRST_SEED = Number(process.env['HOLDFAST_FUZZ_SEED'] ?? 1);
const SEEDS = Number(process.env['HOLDFAST_FUZZ_CASES'] ?? 20);
const HANDSHAKE_MS = 2000;
const IDLE_MS = 5000;
const CLIENTS = 8;
/** How a client of the simulation ends what it has begun. */
const KINDS = ['polite', 'cut', 'resets', 'vanishes', 'silent', 'half a hello', 'garbage', 'floods'] as const;
type Kind = (typeof KINDS)[number];

class SimClient implements PeerHandler {
  readonly kind: Kind;
  readonly tls: OpenSslClient;
  readonly wanted: string;
  peer!: SimPeer;
  received = '';
  isStanding = false;
  hasEnded = false;
  wasReset = false;
  readonly #network: SimNetwork;
  #openedMs = Number.NaN;
  endedMs = Number.NaN;

  constructor(network: SimNetwork, random: SeededRandom) {
    this.#network = network;
    this.kind = KINDS[random.int(KINDS.length)]!;
    this.tls = new OpenSslClient({ isTls12: random.chance(0.3) && this.kind !== 'floods' });
    this.wanted = 'what is said comes back. '.repeat(random.between(1, random.chance(0.2) ? 4000 : 40));
  }

  get lastedMs(): number {
    return this.endedMs - this.#openedMs;
  }

  onConnect(): void {
    this.#openedMs = this.#network.nowMs;
    if (this.kind === 'silent') return;
    this.tls.shakeHands();
    if (this.kind === 'half a hello') this.#send(this.tls.take().subarray(0, 50));
    else if (this.kind === 'garbage') this.#send(Buffer.alloc(400, 0xff));
    else this.#flush();
  }

  onData(_peer: SimPeer, bytes: Uint8Array): void {
    if (this.kind === 'silent' || this.kind === 'half a hello' || this.kind === 'garbage') return;
    this.tls.feed(bytes);
    if (!this.isStanding && this.tls.shakeHands()) {
      this.isStanding = true;
      this.#begin();
    }
    if (this.isStanding) this.received += this.tls.read().toString('latin1');
    this.#flush();
    if (this.received.length < this.wanted.length || this.kind !== 'polite') return;
    this.tls.sayGoodbye();
    this.#flush();
    this.peer.end();
  }

  #begin(): void {
    if (this.kind === 'floods') for (let i = 0; i < 40; i++) this.tls.updateKeys(false);
    else
      for (let at = 0; at < this.wanted.length; at += 16_000)
        this.tls.write(Buffer.from(this.wanted.slice(at, at + 16_000)));
    this.#flush();
    if (this.kind === 'cut') this.peer.end();
    else if (this.kind === 'resets') this.peer.reset();
    else if (this.kind === 'vanishes') this.peer.vanish();
  }

  onEnd(): void {
    this.#over();
    this.hasEnded = true;
    this.peer.end();
  }

  onReset(): void {
    this.#over();
    this.wasReset = true;
  }

  #over(): void {
    if (Number.isNaN(this.endedMs)) this.endedMs = this.#network.nowMs;
  }

  #flush(): void {
    this.#send(this.tls.take());
  }

  #send(bytes: Buffer): void {
    if (bytes.length > 0 && !this.wasReset) this.peer.write(bytes, 0, bytes.length);
  }
}

function drawnFaults(random: SeededRandom): NetworkFaults {
  const chance = (): number => (random.chance(0.5) ? 0 : random.nextUnit() * 0.4);
  return {
    ...NO_FAULTS,
    latencyMsMax: random.int(50),
    jitterMsMax: random.int(20),
    segmentBytesMax: random.between(20, 20_000),
    tinySegment: chance() / 10,
    shortReceive: chance(),
    shortWrite: chance(),
    lateSend: chance(),
    turnDelay: chance(),
    turnDelayMsMax: 5,
    ringFull: chance(),
    receiveExhaustion: chance(),
    closeDelayMsMax: random.int(10),
    sendBufferBytes: random.between(2000, 200_000),
    receiveBufferBytes: random.between(2000, 100_000),
  };
}

/** One world. @returns how each connection lived, by client */
async function live(seed: number): Promise<string[]> {
  const random = new SeededRandom(seed);
  const faults = drawnFaults(random);
  const network = new SimNetwork(random, faults);
  const events: Partial<Record<TlsEvent, number>> = {};
  const watch = new Watch({
    onAccept: (conn) => conn.setDeadline(network.nowMs + IDLE_MS),
    onReceive(conn: EngineConnection, bytes, start, end) {
      const at = conn.reserve(end - start);
      conn.out.set(bytes.subarray(start, end), at);
      conn.commit(end - start);
      // Some pauses, as a handler that works makes them.
      if ((end - start) % 3 === 0) {
        conn.pauseReading();
        network.after(7, () => conn.resumeReading());
      }
    },
    onPeerEnd: (conn) => conn.close('done'),
    onDeadline: (conn) => conn.reset('idle'),
  });
  const handshakes = {
    timeoutMs: HANDSHAKE_MS,
    needsAddress: false,
    mayBegin: () => true,
    onEnd() {},
    onTimeout() {},
    onEvent(event: TlsEvent) {
      events[event] = (events[event] ?? 0) + 1;
    },
  };
  const engine = await createTlsEngine(
    { handler: watch, handshakes, keepAlive: { idleSeconds: 5, intervalSeconds: 1, probes: 5 } },
    { certificates: [{ cert: CERTIFICATE, key: KEY, keyType: 'ec', names: [] }], alpn: ['http/1.1'] },
    (options) => new SimEngine(network, options as EngineOptions<SimConnection>),
    { nowMs: () => network.nowMs, later: (call) => network.after(0, call) },
  );
  const { address } = await engine.listen({ port: 0, hostname: '192.0.2.2' });
  const clients = Array.from({ length: CLIENTS }, () => new SimClient(network, random));
  for (const client of clients)
    network.after(random.int(300), () => {
      client.peer = network.connect({ port: address.port, receiveBufferBytes: 65_536 }, client);
    });
  let isOver = false;
  network.after(60_000, () => (isOver = true));
  await network.run(() => isOver);

  assert.deepEqual(watch.violations, []);
  assert.equal(engine.connectionCount, 0);
  for (const client of clients) judge(client);
  const count = (...kinds: Kind[]): number => clients.filter(({ kind }) => kinds.includes(kind)).length;
  // A client that goes at once may have taken the end of its handshake along.
  const { full = 0, late = 0 } = events;
  const stood = full - count('polite', 'cut', 'floods');
  assert.ok(stood >= 0 && stood <= count('resets', 'vanishes'));
  const silent = late - count('silent', 'half a hello');
  assert.ok(silent >= 0 && silent <= count('vanishes'));
  assert.equal(events.failed ?? 0, count('garbage'));
  assert.equal(events.broken ?? 0, count('floods'));
  assert.equal(events.truncated ?? 0, count('cut'));
  void engine.close();
  await network.run(() => false);
  for (const client of clients) client.tls.free();
  return [
    JSON.stringify(events),
    ...clients.map(({ kind, hasEnded, wasReset, received }) =>
      [kind, hasEnded, wasReset, kind === 'polite' ? received.length : ''].join(' '),
    ),
    watch.all
      .map(({ closed }) => closed)
      .sort()
      .join(),
  ];
}

function judge(client: SimClient): void {
  const { kind } = client;
  if (kind === 'polite') {
    assert.equal(client.received, client.wanted);
    assert.deepEqual([client.hasEnded, client.wasReset, client.tls.hasEnded], [true, false, true]);
  } else if (kind === 'silent' || kind === 'half a hello') {
    assert.ok(client.hasEnded && !client.wasReset, `${kind}: hangs, or was reset`);
    // There and back, jitter, a turn that is late, a close that takes its time.
    const lateMs = client.lastedMs - HANDSHAKE_MS;
    assert.ok(
      lateMs >= 0 && lateMs <= 2 * (50 + 20) + 3 * 5 + 10 + 2 * DEADLINE_TICK_MS,
      `late by ${lateMs}`,
    );
  } else if (kind === 'garbage' || kind === 'floods') assert.ok(client.hasEnded || client.wasReset, kind);
  else if (kind === 'cut')
    assert.ok(client.wanted.startsWith(client.received), 'what came back was not said');
}

describe('TLS over the simulated network', { skip: !probeTls().available }, () => {
  it(`connections live and end as they should (${SEEDS} seeds)`, async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++)
      await live(seed).catch((cause: unknown) => {
        throw new Error(`HOLDFAST_FUZZ_SEED=${seed} HOLDFAST_FUZZ_CASES=1`, { cause });
      });
  });

  it('a seed replays how connections live and end', async () => {
    for (const seed of [3, 17, 40]) assert.deepEqual(await live(seed), await live(seed));
  });
});
