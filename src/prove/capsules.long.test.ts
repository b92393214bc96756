/** Capsules over several planted faults: the same bytes in the same order show the same finding, and few of its events are left. */
import assert from 'node:assert/strict';
import { once, setMaxListeners } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { after, describe, it } from 'node:test';
import { SeededRandom } from '../base/random.ts';
import { makeCapsule, parseCapsule, playCapsule } from './capsules.ts';
import {
  type Faults,
  PATIENT_PROMISES,
  QUICK_PROMISES,
  startFaulty,
  targetAt,
} from './faulty-server.fixture.ts';
import type { Capsule } from './finding.ts';
import { makeStream } from './http1/grammar.ts';
import { JUDGES } from './judges.ts';
import { sightingsOf } from './slice-bench.fixture.ts';
import { h2 } from './slices/h2.ts';
import { malformed } from './slices/malformed.ts';
import type { Sighting, Slice } from './slices/slice.ts';
import { slow } from './slices/slow.ts';
import type { Target } from './target/target.ts';
import type { Script } from './wire/script.ts';
import type { WireEvent } from './wire/wire.ts';

const SEED = 7;
const SIGNAL = new AbortController().signal;
setMaxListeners(0, SIGNAL);

type Overlooks = (bytes: string) => string;

/** Found in streams from a seed, which are some hundred bytes and more. */
const IN_STREAMS: readonly (readonly [overlooks: Overlooks, id: string])[] = [
  [(all) => all.replace(/(Content-Length: ?)[+-]/gi, '$1'), 'bad-length'],
  [(all) => all.replace(/[ \t]+:/g, ':'), 'space-before-colon'],
  [(all) => all.replace(/(Transfer-Encoding:)[^\r\n]*/gi, '$1 chunked'), 'coding-not-final'],
  [(all) => all.replace(/(Content-Length: ?\d+\r\n)Content-Length: ?\d+\r\n/gi, '$1'), 'two-lengths'],
];
const STREAMS_MAX = 1500;

const SLOWLY: readonly (readonly [faults: Faults, id: string])[] = [
  [{ neverEndsHeads: true }, 'never-ended-half-head'],
  [{ bytesExtendDeadlines: true }, 'never-ended-pipelined-drip'],
  [{ neverEndsBodies: true }, 'never-ended-body-stalls'],
  [{ lateMs: 1500 }, 'late-half-head'],
];

const bytesSent = (exchange: readonly WireEvent[]): string =>
  exchange.map(({ what, bytes }) => (what === 'sent' ? bytes : '')).join('');

/** As a file has it, and whoever reads the file. */
async function capsuleOf(target: Target, slice: Slice, sighting: Sighting): Promise<Capsule> {
  const order = { sighting, slice: slice.name, seed: SEED, target, signal: SIGNAL };
  return parseCapsule(JSON.stringify(await makeCapsule(order)));
}

async function checkReplay(target: Target, capsule: Capsule, id: string): Promise<void> {
  const [one, other] = [
    await playCapsule(target, capsule, SIGNAL),
    await playCapsule(target, capsule, SIGNAL),
  ];
  assert.equal(one?.verdict?.id, id);
  assert.equal(other?.verdict?.id, id);
  // A drip goes on until its time is over, which is a matter of milliseconds: what both sent is the same.
  const [sent, again] = [bytesSent(one.exchange), bytesSent(other.exchange)];
  const length = Math.min(sent.length, again.length);
  assert.ok(length > 0 || (capsule.script as Script).every(({ kind }) => kind !== 'send'));
  assert.equal(sent.slice(0, length), again.slice(0, length));
}

/** The first stream of the seed that shows it. */
async function streamWith(target: Target, id: string): Promise<Sighting> {
  const carrier = { authority: target.authority, path: '/', contentMethod: 'POST', contentPath: '/' };
  const judge = { name: 'http1', input: { strict: 0 } };
  const random = new SeededRandom(SEED);
  for (let tries = 0; tries < STREAMS_MAX; tries++) {
    const script = makeStream(random.fork(), carrier);
    if (!JUDGES['http1']!.couldShow(script, judge.input, id)) continue;
    const played = await playCapsule(target, { script, judge }, SIGNAL);
    if (played?.verdict?.id === id) return { ...played.verdict, script, judge, exchange: played.exchange };
  }
  throw new Error(`no stream shows ${id}`);
}

describe('capsules', { concurrency: 4 }, () => {
  const shares: number[] = [];
  const checkSmaller = async (target: Target, slice: Slice, sighting: Sighting): Promise<void> => {
    const capsule = await capsuleOf(target, slice, sighting);
    assert.ok(capsule.shrunk !== undefined, 'it was not made smaller');
    shares.push(capsule.shrunk.eventsAfter / capsule.shrunk.eventsBefore);
    await checkReplay(target, capsule, sighting.id);
  };

  for (const [overlooks, id] of IN_STREAMS)
    it(`malformed/${id} is made smaller, and shows again by the same bytes`, async () => {
      const server = await startFaulty({ overlooks }, PATIENT_PROMISES);
      try {
        await checkSmaller(server.target, malformed, await streamWith(server.target, id));
      } finally {
        server.close();
      }
    });

  for (const [faults, id] of SLOWLY)
    it(`slow/${id} is made smaller, and shows again by the same bytes`, async () => {
      const server = await startFaulty(faults, QUICK_PROMISES);
      try {
        const { sightings } = await sightingsOf(slow, server.target, QUICK_PROMISES);
        await checkSmaller(server.target, slow, sightings.get(id)!);
      } finally {
        server.close();
      }
    });

  it('an attack on HTTP/2 that is never ended shows again, by fewer frames', async () => {
    const EMPTY_SETTINGS = Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 0, 0);
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.write(EMPTY_SETTINGS)).resume();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const target = targetAt((server.address() as AddressInfo).port);
    const script: Script = [{ kind: 'frames', attack: 'ping', count: 20_000 }];
    const sighting = {
      id: 'never-ended-ping',
      severity: 'medium',
      title: '',
      meaning: '',
      rule: '',
    } as const;
    const capsule = await capsuleOf(target, h2, { ...sighting, script, judge: { name: 'h2', input: {} } });
    assert.deepEqual(capsule.shrunk, { eventsBefore: 20_000, eventsAfter: 10_000, plays: 1 });
    await checkReplay(target, capsule, 'never-ended-ping');
    server.close();
  });

  after(() => {
    shares.sort((a, b) => a - b);
    const median = shares[Math.floor(shares.length / 2)]!;
    const told = `shrunk to ${shares.map((share) => `${Math.round(share * 1000) / 10} %`).join(', ')} of their events`;
    console.log(told);
    assert.ok(median <= 0.1, told);
  });
});
