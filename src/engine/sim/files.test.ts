/** Files on the simulated engine: whole and in place under every fault, or ended by RST, and each descriptor given back once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import { type Plan, Watch, write } from '../contract/harness.contract.ts';
import { type EngineHandler, FILE_WINDOW_BYTES } from '../engine.ts';
import type { SimConnection } from './connection.ts';
import { type NetworkFaults, NO_FAULTS } from './faults.ts';
import { SimNetwork } from './network.ts';
import type { SimPeer } from './peer.ts';
import { SimEngine } from './sim-engine.ts';

const FILE_BYTES = 2 * FILE_WINDOW_BYTES + 12_345;

interface Outcome {
  readonly received: Buffer;
  readonly hasEnded: boolean;
  readonly wasReset: boolean;
  readonly closed: string | undefined;
  readonly errorCode: string;
  readonly released: number[];
}

/** One client that is sent what `act` commits. */
async function play(
  seed: number,
  faults: Partial<NetworkFaults>,
  act: (conn: SimConnection, network: SimNetwork, released: number[]) => void,
): Promise<Outcome> {
  const network = new SimNetwork(new SeededRandom(seed), { ...NO_FAULTS, ...faults });
  const released: number[] = [];
  const plan: Plan = { onAccept: (conn) => act(conn as SimConnection, network, released) };
  const watch = new Watch(plan);
  const engine = new SimEngine(network, { handler: watch as EngineHandler<SimConnection> });
  const { address } = await engine.listen({ port: 0, hostname: '192.0.2.2' });
  const pieces: Buffer[] = [];
  let hasEnded = false;
  let wasReset = false;
  network.connect(
    { port: address.port, receiveBufferBytes: 65_536 },
    {
      onConnect: () => {},
      onData: (_peer: SimPeer, bytes: Uint8Array) => void pieces.push(Buffer.from(bytes)),
      onEnd: () => (hasEnded = true),
      onReset: () => (wasReset = true),
    },
  );
  await network.run(() => false);
  const it = watch.all[0]!;
  void engine.close();
  await network.run(() => false);
  assert.deepEqual(watch.violations, []);
  const { errorCode } = it.conn;
  return { received: Buffer.concat(pieces), hasEnded, wasReset, closed: it.closed, errorCode, released };
}

function content(): Uint8Array {
  const bytes = new Uint8Array(FILE_BYTES);
  for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + (at >> 8) * 7) & 255;
  return bytes;
}

test('files leave in their places whatever the faults, cold or warm', async () => {
  const bytes = content();
  for (let seed = 1; seed <= 30; seed++) {
    const faults = { shortWrite: 0.3, lateSend: 0.2, ringFull: 0.1, tinySegment: 0.05, latencyMsMax: 5 };
    const outcome = await play(seed, faults, (conn, { files }, released) => {
      const fd = files.open(bytes, seed % 2 === 0);
      const onReleased = (unsent: number): void => void released.push(unsent);
      write(conn, 'head');
      conn.commitFile({ fd, offset: 5, length: FILE_BYTES - 5, onReleased });
      conn.commitFile({ fd, offset: 0, length: 0, onReleased });
      conn.commitFile({ fd, offset: 0, length: 10, onReleased });
      write(conn, 'tail');
      assert.equal(conn.unsentBytes, FILE_BYTES + 13);
      conn.close('done');
    });
    const file = Buffer.from(bytes);
    const expected = [Buffer.from('head'), file.subarray(5), file.subarray(0, 10), Buffer.from('tail')];
    assert.ok(outcome.received.equals(Buffer.concat(expected)), `seed ${seed}`);
    assert.ok(outcome.hasEnded && !outcome.wasReset, `seed ${seed}`);
    assert.equal(outcome.closed, 'done');
    assert.deepEqual(outcome.released, [0, 0, 0], `seed ${seed}`);
  }
});

const ENDS: Record<string, (network: SimNetwork, fd: number) => () => boolean> = {
  'file-short': ({ files }, fd) => {
    let windows = 0;
    return () => {
      if (++windows === 2) files.at(fd)!.bytes = files.at(fd)!.bytes.slice(0, FILE_WINDOW_BYTES + 100);
      return true;
    };
  },
  'file-changed': () => {
    let windows = 0;
    return () => ++windows < 2;
  },
  'file-failed': ({ files }, fd) => {
    files.at(fd)!.brokenAt = FILE_WINDOW_BYTES + 7;
    return () => true;
  },
};

for (const [reason, prepare] of Object.entries(ENDS)) {
  test(`${reason} ends by RST and never by FIN, though a close was asked for`, async () => {
    for (let seed = 1; seed <= 10; seed++) {
      const outcome = await play(seed, { shortWrite: 0.2 }, (conn, network, released) => {
        const fd = network.files.open(content(), seed % 2 === 0);
        const verify = prepare(network, fd);
        const onReleased = (unsent: number): void => void released.push(unsent);
        conn.commitFile({ fd, offset: 0, length: FILE_BYTES, verify, onReleased });
        conn.close('done');
      });
      assert.equal(outcome.closed, reason);
      assert.ok(outcome.wasReset && !outcome.hasEnded, `seed ${seed}`);
      assert.equal(outcome.released.length, 1);
      assert.ok(outcome.released[0]! > 0);
      assert.equal(outcome.errorCode, reason === 'file-failed' ? 'EIO' : '');
    }
  });
}

test('a reset while the disk is read gives the descriptor back when the disk has answered, once', async () => {
  const outcome = await play(3, {}, (conn, network, released) => {
    const fd = network.files.open(content(), true);
    const onReleased = (unsent: number): void => {
      released.push(unsent);
      network.files.close(fd);
    };
    conn.commitFile({ fd, offset: 0, length: FILE_BYTES, onReleased });
    network.after(0.5, () => conn.reset('enough'));
  });
  assert.equal(outcome.closed, 'enough');
  assert.deepEqual(outcome.released, [FILE_BYTES]);
});

test('a descriptor that is not open ends by RST', async () => {
  const outcome = await play(4, {}, (conn, _network, released) => {
    conn.commitFile({ fd: 7, offset: 0, length: 5, onReleased: (unsent) => void released.push(unsent) });
  });
  assert.equal(outcome.closed, 'file-failed');
  assert.equal(outcome.errorCode, 'EBADF');
  assert.deepEqual(outcome.released, [5]);
});
