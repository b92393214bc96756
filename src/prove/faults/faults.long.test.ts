/** Faults that strike a server: one that gets over them is left alone, and each that does not is found by the fault it falls to. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Sighting } from '../slices/slice.ts';
import type { StartOrder } from '../target/started-server.ts';
import { clockJump } from './clock-jump.ts';
import { diskFull } from './disk-full.ts';
import type { Fault } from './fault.ts';
import { runFault } from './run-fault.ts';
import { longStop, reload, shortStop } from './signals.ts';
import { upstreamFaults } from './upstream-gone.ts';

const PATHS = {
  small: '/',
  large: undefined,
  upload: undefined,
  hung: undefined,
  websocket: undefined,
  events: undefined,
};
const ORDER: StartOrder = {
  ...{ command: fileURLToPath(new URL('./faulty-process.fixture.js', import.meta.url)), target: 'fixture' },
  ...{ engine: 'fixture', promises: { headerMs: 2000, idleMs: undefined, bodyMs: undefined } },
  ...{ paths: PATHS, upstreams: [] },
};
/** The name is this process's own: the relay looks for its URL here. */
const UPSTREAM = 'STORE_URL';
const ON_UPSTREAM = { ...ORDER, upstreams: [UPSTREAM] };
const [GONE, SILENT] = upstreamFaults(ON_UPSTREAM) as [Fault, Fault];

async function sightingsBy(
  fault: Fault,
  order: StartOrder,
  planted?: string,
): Promise<Map<string, Sighting>> {
  const found = new Map<string, Sighting>();
  const withFault = {
    ...fault,
    async prepare(given: StartOrder) {
      const arranged = await fault.prepare(given);
      if (typeof arranged === 'string') return arranged;
      const env = { ...arranged.changes.env, ...(planted === undefined ? {} : { FIXTURE_FAULT: planted }) };
      return { ...arranged, changes: { ...arranged.changes, env } };
    },
  };
  await runFault(withFault, order, {
    ...{ signal: new AbortController().signal, note() {}, count() {} },
    async report(sighting) {
      found.set(sighting.id, sighting);
    },
  });
  return found;
}

async function startStore(t: TestContext): Promise<void> {
  const notes = new Map<string, string>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let asked = '';
    socket.on('error', () => {}).on('data', (piece: Buffer) => (asked += piece.toString()));
    socket.on('end', () => {
      const [verb, key, value] = asked.trim().split(' ');
      if (verb === 'SET') notes.set(key!, value!);
      socket.end(verb === 'SET' ? 'ok\n' : `${notes.get(key!) ?? ''}\n`);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  process.env[UPSTREAM] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.after(() => {
    delete process.env[UPSTREAM];
    server.close();
  });
}

const PLANTED: readonly (readonly [fault: Fault, planted: string, id: string])[] = [
  [reload, 'ends-on-hangup', 'ended-reload'],
  [diskFull, 'ends-without-log', 'ended-disk-full'],
  [clockJump, 'ends-by-wall-clock', 'clock-moves-deadlines'],
  [longStop, 'ends-when-late', 'stop-loses-requests-on-new-connections'],
];

describe('faults', { concurrency: 3 }, () => {
  for (const fault of [shortStop, longStop, reload, diskFull, clockJump])
    it(`${fault.name}: a server that gets over it is left alone`, async () => {
      const found = await sightingsBy(fault, ORDER);
      assert.deepEqual(
        [...found.values()].map(({ title }) => title),
        [],
      );
    });

  for (const [fault, planted, id] of PLANTED)
    it(`${fault.name}: a server that ${planted.replaceAll('-', ' ')} is found`, async () => {
      const found = await sightingsBy(fault, ORDER, planted);
      assert.ok(found.has(id), `found ${[...found.keys()].join(', ') || 'nothing'}`);
    });

  it('a store that is gone for a while: who gets over it, who never asks it again, who had not told it yet', async (t) => {
    await startStore(t);
    const [good, silent, givesUp, early] = await Promise.all([
      sightingsBy(GONE, ON_UPSTREAM),
      sightingsBy(SILENT, ON_UPSTREAM),
      sightingsBy(GONE, ON_UPSTREAM, 'gives-up-store'),
      sightingsBy(SILENT, ON_UPSTREAM, 'acknowledges-early'),
    ]);
    assert.deepEqual(
      [...good.values(), ...silent.values()].map(({ title }) => title),
      [],
    );
    assert.ok(givesUp.has('no-recovery-store-url-gone'), [...givesUp.keys()].join());
    assert.ok(early.has('lost-write-store-url-silent'), [...early.keys()].join());
  });
});
