/** Records of machines on a clock of the test's own: progress, pauses, restart loops, bounds, and what outlasts a restart. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BootEvent, MachineRecords } from './machine-records.ts';
import type { Kept, MachineRecord, MachineStore, TransferRecord } from './transfer-record.ts';

/** A store in memory, which can be full. */
class MemoryStore implements MachineStore {
  readonly kind = 'memory';
  readonly machines = new Map<string, MachineRecord>();
  readonly transfers = new Map<number, TransferRecord>();
  isFull = false;
  writes = 0;

  load(): Kept {
    return structuredClone({
      machines: [...this.machines.values()],
      transfers: [...this.transfers.values()],
    });
  }

  write(changed: Kept, forgottenMachines: readonly string[], forgottenTransfers: readonly number[]): void {
    if (this.isFull) throw new Error('ENOSPC');
    this.writes++;
    for (const id of forgottenTransfers) this.transfers.delete(id);
    for (const each of forgottenMachines) this.machines.delete(each);
    for (const each of structuredClone(changed.machines)) this.machines.set(each.machine, each);
    for (const each of structuredClone(changed.transfers)) this.transfers.set(each.id, each);
  }

  close(): void {}
}

class World {
  nowMs = 1_000_000;
  readonly store = new MemoryStore();
  readonly events: BootEvent[] = [];
  readonly lines: string[] = [];
  records = this.open();

  open(): MachineRecords {
    const say = (text: unknown): void => void this.lines.push(String(text));
    const logger = { debug: say, info: say, warn: say, error: say };
    return new MachineRecords(
      this.store,
      logger,
      (event) => this.events.push(event),
      () => this.nowMs,
    );
  }

  /** Lets seconds pass, in which a transfer has moved to `bytes`. */
  pass(seconds: number, move: () => void = () => {}): void {
    for (let second = 0; second < seconds; second++) {
      this.nowMs += 1000;
      move();
      this.records.tick();
    }
  }

  begin(machine: string, artifact: string, bytes: { sent: number }, firstByte = 0) {
    return this.records.begin(machine, {
      artifact,
      address: '10.0.0.9',
      firstByte,
      totalBytes: 1_000_000,
      source: 'folder',
      progress: () => bytes.sent,
    });
  }
}

const MAC = '52:54:00:00:00:01';

test('a transfer tells bytes, rate and stall while it runs, and pauses and outcome behind its end', () => {
  const world = new World();
  const bytes = { sent: 0 };
  world.records.seen({ mac: MAC, arch: 'x86_64' }, '10.0.0.9', 'debian');
  const end = world.begin(MAC, '/vmlinuz', bytes);
  world.pass(4, () => (bytes.sent += 50_000));
  const row = () => world.records.rows(10)[0]!;
  let [transfer] = row().transfers;
  assert.deepEqual([transfer!.bytes, transfer!.rateBytesPerSecond, transfer!.stallMs], [200_000, 50_000, 0]);
  world.pass(30);
  [transfer] = row().transfers;
  assert.deepEqual([transfer!.rateBytesPerSecond, transfer!.stallMs, transfer!.pauses], [0, 30_000, 1]);
  world.pass(1, () => (bytes.sent = 400_000));
  world.pass(15);
  world.pass(1, () => (bytes.sent = 1_000_000));
  end('completed', null);
  [transfer] = row().transfers;
  assert.deepEqual(
    [transfer!.outcome, transfer!.bytes, transfer!.pauses, transfer!.pausedMs, transfer!.stallMs],
    ['completed', 1_000_000, 2, 47_000, 0],
  );
  assert.deepEqual([row().boots, row().profile, row().facts.arch], [1, 'debian', 'x86_64']);
  assert.deepEqual(
    world.events.map(({ event }) => event),
    ['boot', 'completed'],
  );
  assert.deepEqual(world.records.counts(), {
    scripts: 1,
    outcomes: { completed: 1, aborted: 0, failed: 0 },
    bytes: 1_000_000,
    pauses: 2,
    restartLoops: 0,
  });
});

test('a pause is counted once, however late the looks are', () => {
  const world = new World();
  world.begin(MAC, '/vmlinuz', { sent: 5 });
  world.pass(1);
  for (let look = 0; look < 3; look++) {
    world.nowMs += 3500;
    world.records.tick();
  }
  assert.equal(world.records.rows(1)[0]!.transfers[0]!.pauses, 1);
});

test('a machine that begins the same artifact again and again is called out, with the reason of each end', () => {
  const world = new World();
  for (const reason of ['client-reset', 'dead-peer']) {
    const bytes = { sent: 0 };
    const end = world.begin(MAC, '/initrd', bytes);
    world.pass(3, () => (bytes.sent += 1000));
    end('aborted', reason);
    assert.equal(world.records.loops().length, 0);
  }
  world.begin('other', '/initrd', { sent: 0 });
  world.begin(MAC, '/initrd', { sent: 0 }, 500);
  assert.equal(world.records.loops().length, 0, 'another machine, and a range, are no restarts');
  world.begin(MAC, '/initrd', { sent: 0 });
  const [loop] = world.records.loops();
  assert.deepEqual([loop!.machine, loop!.artifact, loop!.starts], [MAC, '/initrd', 3]);
  assert.deepEqual(loop!.ends, [
    'aborted after 3000 bytes (client-reset)',
    'aborted after 3000 bytes (dead-peer)',
    'running',
  ]);
  assert.equal(world.records.rows(1)[0]!.transfers[0]!.restarts, 2);
  assert.match(
    world.lines.join('\n'),
    /^restart loop: 52:54:00:00:00:01 has begun \/initrd 3 times within 6 s; ends: aborted after/,
  );
  for (let more = 0; more < 4; more++) world.begin(MAC, '/initrd', { sent: 0 });
  assert.equal(
    world.events.filter(({ event }) => event === 'restart-loop').length,
    2,
    'at 3 and at 6, not each time',
  );
  world.pass(16 * 60);
  assert.equal(world.records.loops().length, 0, 'a loop is over when nothing begins any more');
  assert.equal(world.records.counts().restartLoops, 1);
});

test('a restart forgets nothing, and tells what was under way as interrupted', () => {
  const world = new World();
  const bytes = { sent: 0 };
  world.records.seen({ mac: MAC }, '10.0.0.9', 'debian');
  world.begin(MAC, '/vmlinuz', bytes)('completed', null);
  world.begin(MAC, '/initrd', bytes);
  world.pass(2, () => (bytes.sent += 5000));
  // No close: the process is killed.
  world.records = world.open();
  const [row] = world.records.rows(10);
  assert.deepEqual(
    row!.transfers.map(({ artifact, outcome, bytes, reason }) => [artifact, outcome, bytes, reason]),
    [
      ['/initrd', 'interrupted', 10_000, 'the server ended'],
      ['/vmlinuz', 'completed', 0, null],
    ],
  );
  assert.equal(row!.profile, 'debian');
  world.begin(MAC, '/initrd', bytes);
  world.begin(MAC, '/initrd', bytes);
  assert.equal(world.records.loops()[0]!.starts, 3, 'a loop goes on over a restart');
  assert.equal(new Set(world.records.rows(1)[0]!.transfers.map(({ id }) => id)).size, 4);
});

test('a store that is full for a while is told of once, and gets everything later', () => {
  const world = new World();
  world.store.isFull = true;
  const end = world.begin(MAC, '/vmlinuz', { sent: 7 });
  world.pass(5);
  end('completed', null);
  world.pass(5);
  assert.equal(world.lines.filter((each) => each.includes('cannot be stored')).length, 1);
  world.store.isFull = false;
  world.pass(1);
  assert.deepEqual(
    [...world.store.transfers.values()].map(({ outcome, bytes }) => [outcome, bytes]),
    [['completed', 7]],
  );
  assert.match(world.lines.at(-1)!, /stored again/);
});

test('memory and store are bounded: old transfers and machines are forgotten, what runs is not', () => {
  const world = new World();
  world.begin(MAC, '/long', { sent: 1 });
  for (let i = 0; i < 80; i++) world.begin(MAC, `/file${i}`, { sent: 1 })('completed', null);
  world.pass(1);
  assert.equal(world.records.rows(1)[0]!.transfers.length, 50);
  assert.equal(world.records.rows(1)[0]!.transfers.at(-1)!.artifact, '/long', 'it runs');
  assert.equal(world.store.transfers.size, 50);
  for (let i = 0; i < 10_050; i++) world.records.seen({ serial: `S${i}` }, '10.0.0.1', 'local');
  world.pass(1);
  assert.equal(world.records.machineCount, 10_000);
  assert.equal(world.store.machines.size, 10_000);
  assert.ok(world.store.machines.has(MAC), 'something of it runs');
});
