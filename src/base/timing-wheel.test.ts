import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SeededRandom } from './random.ts';
import { TimingWheel } from './timing-wheel.ts';

const TICK_MS = 4;
const NEVER = Number.POSITIVE_INFINITY;

function firedBy(wheel: TimingWheel, nowMs: number): number[] {
  const fired: number[] = [];
  wheel.advance(nowMs, (slot) => fired.push(slot));
  return fired;
}

test('a deadline fires at the first advance that reaches its tick, once, and never early', () => {
  const wheel = new TimingWheel(TICK_MS, 1000);
  wheel.set(3, 1010.5);
  assert.deepEqual(firedBy(wheel, 1010.4), []);
  assert.deepEqual(firedBy(wheel, 1010.5), [], 'its tick begins at 1012');
  assert.deepEqual(firedBy(wheel, 1011.9), []);
  assert.equal(wheel.deadlineOf(3), 1010.5);
  assert.deepEqual(firedBy(wheel, 1012), [3]);
  assert.equal(wheel.deadlineOf(3), NEVER);
  assert.deepEqual(firedBy(wheel, 5000), []);
});

test('a deadline that has passed already fires with the next tick', () => {
  const wheel = new TimingWheel(TICK_MS, 1000);
  firedBy(wheel, 1000);
  wheel.set(0, 500);
  wheel.set(1, Number.NEGATIVE_INFINITY);
  assert.deepEqual(firedBy(wheel, 1003), []);
  assert.deepEqual(firedBy(wheel, 1004).sort(), [0, 1]);
});

test('a deadline moves later, moves earlier, and is cleared', () => {
  const wheel = new TimingWheel(TICK_MS, 0);
  wheel.set(0, 100);
  wheel.set(0, 200);
  wheel.set(1, 5000);
  wheel.set(1, 40);
  wheel.set(2, 60);
  wheel.set(2, NEVER);
  wheel.set(3, 60);
  wheel.remove(3);
  assert.deepEqual(firedBy(wheel, 39), []);
  assert.deepEqual(firedBy(wheel, 40), [1]);
  assert.deepEqual(firedBy(wheel, 199), []);
  assert.deepEqual(firedBy(wheel, 200), [0]);
  assert.deepEqual(firedBy(wheel, 10_000), []);
  assert.equal(wheel.linkedCount, 0);
});

test('earlier deadlines fire first when time has jumped over many', () => {
  const wheel = new TimingWheel(TICK_MS, 0);
  const deadlinesMs = [86_400_000, 20, 3_600_000, 1000, 70_000, 300];
  for (const [slot, deadlineMs] of deadlinesMs.entries()) wheel.set(slot, deadlineMs);
  assert.deepEqual(firedBy(wheel, 90_000_000), [1, 5, 3, 4, 2, 0]);
});

test('a callback may remove, clear, move and set any slot, its own too', () => {
  const wheel = new TimingWheel(TICK_MS, 0);
  for (let slot = 0; slot < 6; slot++) wheel.set(slot, 8);
  const fired: number[] = [];
  wheel.advance(8, (slot) => {
    fired.push(slot);
    if (fired.length > 1) return;
    // The first to fire settles the others' fate, whichever order they are in.
    const [removed, cleared, later, same, sooner] = [0, 1, 2, 3, 4, 5].filter((each) => each !== slot);
    wheel.remove(removed!);
    wheel.set(cleared!, NEVER);
    wheel.set(later!, 20);
    wheel.set(same!, 8);
    wheel.set(sooner!, 1);
    wheel.set(slot, 5);
  });
  assert.equal(fired.length, 3, 'itself, the one kept and the one moved earlier');
  assert.deepEqual(firedBy(wheel, 12), [fired[0]], 'set anew in its own callback: the next tick');
  assert.equal(firedBy(wheel, 20).length, 1, 'moved later');
  assert.equal(wheel.linkedCount, 0);
});

test('a callback that always sets a deadline in the past is called once an advance', () => {
  const wheel = new TimingWheel(TICK_MS, 0);
  let calls = 0;
  wheel.set(0, 4);
  const again = (slot: number) => {
    calls++;
    wheel.set(slot, 0);
  };
  wheel.advance(1_000_000, again);
  assert.equal(calls, 1);
  wheel.advance(1_000_004, again);
  assert.equal(calls, 2);
});

test('what was to follow a callback that threw fires at the next advance', () => {
  const wheel = new TimingWheel(TICK_MS, 0);
  for (let slot = 0; slot < 4; slot++) wheel.set(slot, 8);
  let thrower = -1;
  assert.throws(() =>
    wheel.advance(9, (slot) => {
      thrower = slot;
      throw new Error('of the layer above');
    }),
  );
  assert.ok(wheel.nextMs() <= 9, 'the rest is due at once');
  const rest = firedBy(wheel, 9);
  assert.deepEqual([...rest, thrower].sort(), [0, 1, 2, 3]);
  assert.equal(wheel.nextMs(), NEVER);
});

test('an advance inside a callback of an advance fires each deadline once', () => {
  const wheel = new TimingWheel(TICK_MS, 0);
  const fired: number[] = [];
  for (let slot = 0; slot < 8; slot++) wheel.set(slot, 8 + slot * 4);
  const inner = (slot: number) => fired.push(slot);
  wheel.advance(20, (slot) => {
    fired.push(slot);
    if (fired.length === 1) wheel.advance(28, inner);
  });
  assert.deepEqual(fired.sort(), [0, 1, 2, 3, 4, 5]);
});

test('deadlines past the last level wait their full time without waking anybody each tick', () => {
  const wheel = new TimingWheel(TICK_MS, 0);
  const farMs = 64 ** 5 * TICK_MS * 3 + 12_345;
  wheel.set(0, farMs);
  wheel.set(1, 64 ** 5 * TICK_MS); // exactly one turn of the last level
  const fired: [number, number][] = [];
  let wakes = 0;
  for (let nowMs = 0; wheel.nextMs() !== NEVER; wakes++) {
    nowMs = wheel.nextMs();
    wheel.advance(nowMs, (slot) => fired.push([slot, nowMs]));
  }
  assert.deepEqual(fired, [
    [1, 64 ** 5 * TICK_MS],
    [0, Math.ceil(farMs / TICK_MS) * TICK_MS],
  ]);
  assert.ok(wakes < 50, `${wakes} wakes for two deadlines`);
});

test('a clock that has run for years, or goes back, does no harm', () => {
  for (const startMs of [0, 0.1, 2 ** 31, 86_400_000 * 3650 + 0.7, 1.8e12]) {
    const wheel = new TimingWheel(TICK_MS, startMs);
    wheel.set(0, startMs + 1000);
    assert.deepEqual(firedBy(wheel, startMs + 999), []);
    assert.deepEqual(firedBy(wheel, startMs - 5000), []);
    assert.deepEqual(firedBy(wheel, startMs + 1000 + TICK_MS), [0]);
  }
});

test('a tick that is no whole number of milliseconds, a deadline or a clock that makes no sense, is our own mistake', () => {
  assert.throws(() => new TimingWheel(0.1, 0), /holdfast bug/);
  assert.throws(() => new TimingWheel(TICK_MS, -1), /holdfast bug/);
  const wheel = new TimingWheel(TICK_MS, 0);
  assert.throws(() => wheel.set(0, Number.NaN), /holdfast bug/);
  assert.throws(() => wheel.set(-1, 10), /holdfast bug/);
});

// ---- Against a naive model: a map of slots to the tick at which each must fire ----

interface Model {
  nowTick: number;
  readonly dueTicks: Map<number, number>;
}

function modelSet(model: Model, slot: number, deadlineMs: number): void {
  if (deadlineMs === NEVER) model.dueTicks.delete(slot);
  else model.dueTicks.set(slot, Math.max(Math.ceil(deadlineMs / TICK_MS), model.nowTick + 1));
}

/** In microseconds, as clocks are: the smallest doubles vanish when they are divided by a tick. */
const inMicroseconds = (ms: number) => Math.round(ms * 1000) / 1000;
const startMoment = fc.double({ min: 0, max: 1e9, noNaN: true }).map(inMicroseconds);
/** Mostly near and in neighbouring ticks, sometimes in another level of the wheel or past its horizon. */
const delayMs = fc
  .oneof(
    { weight: 4, arbitrary: fc.integer({ min: 0, max: 40 }) },
    { weight: 3, arbitrary: fc.double({ min: -20, max: 300, noNaN: true }) },
    { weight: 2, arbitrary: fc.double({ min: 0, max: 20_000, noNaN: true }) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 2_000_000, noNaN: true }) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 1e10, noNaN: true }) },
  )
  .map(inMicroseconds);
const slotNumber = fc.nat({ max: 12 });
const change = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('set' as const), slot: slotNumber, delayMs }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('clear' as const), slot: slotNumber }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), slot: slotNumber }) },
);
const step = fc.oneof(
  { weight: 4, arbitrary: change },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      byMs: delayMs,
      inside: fc.array(change, { maxLength: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('next' as const) }) },
);

test('it agrees with a naive map about what fires when, whatever is done to it', () => {
  fc.assert(
    fc.property(startMoment, fc.array(step, { maxLength: 80 }), (startMs, steps) => {
      const wheel = new TimingWheel(TICK_MS, startMs, 2); // so small that it must grow
      const model: Model = { nowTick: Math.floor(startMs / TICK_MS) - 1, dueTicks: new Map() };
      let nowMs = startMs;

      const apply = (each: { kind: string; slot: number; delayMs?: number }) => {
        const deadlineMs = each.kind === 'set' ? nowMs + each.delayMs! : NEVER;
        if (each.kind === 'remove') wheel.remove(each.slot);
        else wheel.set(each.slot, deadlineMs);
        return deadlineMs;
      };

      const checkWakeUp = () => {
        const earliestTick = Math.min(...model.dueTicks.values());
        assert.ok(wheel.nextMs() <= earliestTick * TICK_MS, 'it would wake too late');
        if (wheel.nextMs() !== NEVER)
          assert.ok(wheel.nextMs() > nowMs - TICK_MS, 'it would wake for nothing');
        assert.ok(wheel.linkedCount >= model.dueTicks.size);
      };

      for (const each of steps) {
        if (each.kind !== 'advance' && each.kind !== 'next') {
          modelSet(model, each.slot, apply(each));
          checkWakeUp();
          continue;
        }
        const inside = each.kind === 'advance' ? [...each.inside] : [];
        if (each.kind === 'advance') nowMs += each.byMs;
        else if (wheel.nextMs() !== NEVER) nowMs = Math.max(nowMs, wheel.nextMs());

        const target = Math.floor(nowMs / TICK_MS);
        const due = new Set([...model.dueTicks].filter(([, tick]) => tick <= target).map(([slot]) => slot));
        model.nowTick = Math.max(model.nowTick, target);
        for (const slot of due) model.dueTicks.delete(slot);
        wheel.advance(nowMs, (slot) => {
          assert.ok(due.delete(slot), `slot ${slot} fired though it was not due`);
          const step = inside.pop();
          if (step === undefined) return;
          const deadlineMs = apply(step);
          const waiting = due.has(step.slot);
          // One that is about to fire in this very advance does so, unless it is moved past it.
          if (waiting && deadlineMs <= target * TICK_MS) return;
          due.delete(step.slot);
          modelSet(model, step.slot, deadlineMs);
        });
        assert.deepEqual([...due], [], 'due and not fired');
        checkWakeUp();
      }
    }),
    { numRuns: 1500 },
  );
});

test('advancing to nextMs again and again reaches every deadline in few steps, each forward', () => {
  fc.assert(
    fc.property(fc.array(delayMs, { minLength: 1, maxLength: 20 }), (delaysMs) => {
      const wheel = new TimingWheel(TICK_MS, 0);
      for (const [slot, delay] of delaysMs.entries()) wheel.set(slot, delay);
      let fired = 0;
      let lastMs = Number.NEGATIVE_INFINITY;
      let wakes = 0;
      for (let nextMs = wheel.nextMs(); nextMs !== NEVER; nextMs = wheel.nextMs()) {
        assert.ok(nextMs > lastMs, 'no step forward: the caller would spin');
        lastMs = nextMs;
        wheel.advance(nextMs, (slot) => {
          const dueMs = Math.max(Math.ceil(delaysMs[slot]! / TICK_MS), 0) * TICK_MS;
          assert.equal(nextMs, dueMs, 'fired at another moment than its own tick');
          fired++;
        });
        wakes++;
      }
      assert.equal(fired, delaysMs.length);
      // One wake to fire, one for each level it comes down; deadlines past the horizon go round once more.
      assert.ok(wakes <= delaysMs.length * 8, `${wakes} wakes for ${delaysMs.length} deadlines`);
    }),
  );
});

test('100,000 slots cost no more each than a few do', () => {
  const slots = 100_000;
  const random = new SeededRandom(1);
  const wheel = new TimingWheel(TICK_MS, 0);
  const startedMs = performance.now();
  let nowMs = 0;
  for (let slot = 0; slot < slots; slot++) wheel.set(slot, 10_000 + random.int(66_000));
  // Ten requests on each connection, each moving its deadline later, in turns of 64.
  let fired = 0;
  const expired = () => fired++;
  for (let move = 0; move < slots * 10; move++) {
    if (move % 64 === 0) {
      nowMs += 0.5;
      wheel.advance(nowMs, expired);
      assert.ok(wheel.nextMs() > nowMs);
    }
    wheel.set(move % slots, nowMs + 76_000);
  }
  assert.equal(fired, 0);
  wheel.advance(nowMs + 77_000, expired);
  assert.equal(fired, slots);
  // About 0.1 s where it was written: a bound that only a cost growing with the slots can break.
  const elapsedMs = performance.now() - startedMs;
  assert.ok(elapsedMs < 2000, `${elapsedMs} ms`);
});
