/**
 * Every interleaving of what can happen to a seat, up to a depth: the threads are made of flags, the seat is the real
 * one. Held after each event: somebody serves, or starts, or a start is due; nobody is forgotten; and a seat that is
 * closed leads nowhere any more.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Seat, type SeatHost } from './seat.ts';
import { SEAT_TABLE, type SeatEvent, type SeatState } from './seat-states.ts';

interface FakeThread {
  readonly id: number;
  isReady: boolean;
  isEnded: boolean;
  /** It has been told to end. */
  isTold: boolean;
}

class World implements SeatHost<FakeThread> {
  readonly threads: FakeThread[] = [];
  readonly seat: Seat<FakeThread> = new Seat(0, this);
  pause: (() => void) | undefined;
  unsettled = 0;
  refusesNext = false;
  isClosed = false;

  start(): FakeThread {
    if (this.refusesNext) {
      this.refusesNext = false;
      throw new Error('no more threads');
    }
    const thread = { id: this.threads.length, isReady: false, isEnded: false, isTold: false };
    this.threads.push(thread);
    return thread;
  }

  discard(thread: FakeThread): void {
    assert.equal(thread.isReady && this.seat.serving === thread, false, 'one that serves is discarded');
    thread.isTold = true;
  }

  dismiss(thread: FakeThread): void {
    assert.equal(thread.isTold, false, 'a thread is dismissed twice');
    thread.isTold = true;
  }

  after(_delayMs: number, call: () => void): () => void {
    assert.equal(this.pause, undefined, 'two starts are due');
    this.pause = call;
    return () => {
      this.pause = undefined;
    };
  }

  nowMs(): number {
    return 0;
  }

  crashed(): void {}
  notStarted(): void {}

  ask(): void {
    this.unsettled++;
    const settled = () => this.unsettled--;
    this.seat.start().then(settled, settled);
  }

  /** What may happen now, each by name. */
  moves(): Map<string, () => void> {
    const moves = new Map<string, () => void>();
    if (this.isClosed || this.threads.length < 4) moves.set('start', () => this.ask());
    if (!this.isClosed)
      moves.set('start, refused by the system', () => {
        this.refusesNext = true;
        this.ask();
        this.refusesNext = false;
      });
    moves.set('close', () => {
      this.isClosed = true;
      this.seat.close();
    });
    if (this.pause !== undefined)
      moves.set('due', () => {
        const call = this.pause!;
        this.pause = undefined;
        call();
      });
    for (const thread of this.threads) {
      if (thread.isEnded) continue;
      if (!thread.isReady)
        moves.set(`ready ${thread.id}`, () => {
          thread.isReady = true;
          this.seat.ready(thread);
        });
      moves.set(`end ${thread.id}`, () => {
        thread.isEnded = true;
        this.seat.ended(thread, new Error('ended'));
      });
    }
    return moves;
  }

  check(): void {
    const { seat } = this;
    const living = this.threads.filter((thread) => !thread.isEnded && !thread.isTold);
    const known = [seat.serving, seat.starting].filter((thread) => thread !== undefined);
    for (const thread of living) assert.ok(known.includes(thread), `thread ${thread.id} is forgotten`);
    assert.equal(seat.serving?.isReady ?? true, true);
    assert.equal(seat.serving?.isEnded ?? false, false);
    if (seat.state === 'closed') {
      assert.deepEqual(known, []);
      assert.equal(this.pause, undefined, 'a start is due on a closed seat');
    } else if (seat.state !== 'vacant') {
      assert.ok(known.length > 0 || this.pause !== undefined, 'nobody will ever serve');
      if (this.pause !== undefined) assert.deepEqual(known, [], 'a start is due beside a thread');
    }
  }
}

/** Runs `path` in a new world and lets promises settle after each move. */
async function replay(path: readonly string[]): Promise<World> {
  const world = new World();
  for (const name of path) {
    world.moves().get(name)!();
    await new Promise((resolve) => setImmediate(resolve));
    try {
      world.check();
    } catch (error) {
      throw new Error(`after ${path.join(', ')}`, { cause: error });
    }
  }
  return world;
}

test('no interleaving of starts, ends, crashes, reloads and the close loses a thread or a seat', async () => {
  const reached = new Set<string>();
  const seen = new Set<string>();
  let paths: string[][] = [[]];
  for (let depth = 0; depth < 9 && paths.length > 0; depth++) {
    const next: string[][] = [];
    for (const path of paths) {
      const world = await replay(path);
      for (const name of world.moves().keys()) {
        const longer = [...path, name];
        const after = await replay(longer);
        reached.add(`${world.seat.state} ${name.replace(/ \d+$/, '')} ${after.seat.state}`);
        // Worlds that look the same go on the same: one of them is followed.
        const look = JSON.stringify([
          after.seat.state,
          after.threads.map((t) => [t.isReady, t.isEnded, t.isTold]),
          after.seat.serving?.id,
          after.seat.starting?.id,
        ]);
        if (seen.has(look)) continue;
        seen.add(look);
        next.push(longer);
      }
      // However it stands: when it closes and all threads end, nobody waits any more.
      world.seat.close();
      for (const thread of world.threads) {
        if (thread.isEnded) continue;
        thread.isEnded = true;
        world.seat.ended(thread, new Error('ended'));
      }
      await new Promise((resolve) => setImmediate(resolve));
      world.check();
      assert.equal(world.unsettled, 0, `after ${path.join(', ')} somebody waits for ever`);
    }
    paths = next;
  }
  assert.ok(seen.size > 100, `${seen.size} worlds`);
  for (const [state, row] of Object.entries(SEAT_TABLE) as [SeatState, Record<SeatEvent, { to: string }>][])
    for (const [event, { to }] of Object.entries(row)) {
      const name = { failed: 'end', crashed: 'end' }[event as string] ?? event;
      assert.ok(reached.has(`${state} ${name} ${to}`), `${state}, ${event}: never tried`);
    }
});

test('a start that waits is told why another thread was started, or that the seat closes', async () => {
  const world = new World();
  const first = world.seat.start();
  const second = world.seat.start();
  await assert.rejects(first, /another start/);
  world.seat.close();
  await assert.rejects(second, { code: 'HOLDFAST_CLOSED' });
  await assert.rejects(world.seat.start(), { code: 'HOLDFAST_CLOSED' });
});
