import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LatencyCounts } from '../measure/latency-counts.ts';
import { Schedule } from '../plan/rate-schedule.ts';
import { type PacedDriver, RatePacing, ThinkPacing } from './pacing.ts';
import { Slot } from './slot.ts';

/** A thread whose begins are written down, and which may fail them. */
class TestThread implements PacedDriver {
  readonly begun: { slot: number; intendedMs: number | undefined }[] = [];
  readonly pauses: { slot: number; untilMs: number }[] = [];
  fails = false;
  nowMs = 0;
  begin(slot: Slot, intendedMs: number | undefined): boolean {
    this.begun.push({ slot: slot.index, intendedMs });
    return !this.fails;
  }
  pause(slot: Slot, untilMs: number): void {
    this.pauses.push({ slot: slot.index, untilMs });
  }
}

function setUp(rate: number, slotCount: number, endMs = Number.POSITIVE_INFINITY, countMax = endMs) {
  const thread = new TestThread();
  const wakes: number[] = [];
  const delays = new LatencyCounts();
  let late = 0;
  const pacing = new RatePacing(
    thread,
    new Schedule(0, rate, 0, 0),
    { wakeAt: (atMs) => void wakes.push(atMs), stop: () => {} },
    { atMs: endMs, countMax },
    slotCount,
    { delays, onLate: () => late++ },
  );
  const slots = Array.from({ length: slotCount }, (_, index) => new Slot(index, 0));
  return { thread, wakes, delays, pacing, slots, late: () => late };
}

test('each request goes to the slot that has been free longest, at its moment', () => {
  const { thread, wakes, pacing, slots } = setUp(100, 3);
  thread.nowMs = -1;
  for (const slot of slots) pacing.onFree(slot);
  assert.deepEqual(thread.begun, []);
  pacing.beginDue(0);
  assert.deepEqual(thread.begun, [{ slot: 0, intendedMs: 0 }]);
  assert.equal(wakes.at(-1), 10);
  pacing.beginDue(25);
  assert.deepEqual(thread.begun.slice(1), [
    { slot: 1, intendedMs: 10 },
    { slot: 2, intendedMs: 20 },
  ]);
});

test('what falls due while all slots are busy waits, keeps its moment, and is nobody’s lateness', () => {
  const { thread, delays, pacing, slots, late } = setUp(1000, 1);
  thread.nowMs = 0;
  pacing.onFree(slots[0]!);
  assert.equal(thread.begun.length, 1);
  pacing.beginDue(50);
  assert.equal(thread.begun.length, 1);
  thread.nowMs = 50;
  pacing.onFree(slots[0]!);
  assert.deepEqual(thread.begun[1], { slot: 0, intendedMs: 1 });
  assert.equal(late(), 0);
  assert.equal(delays.data().maxUs, 0);
});

test('a request that leaves late although a slot was free counts as late', () => {
  const { thread, pacing, slots, late, delays } = setUp(100, 2);
  thread.nowMs = -1;
  for (const slot of slots) pacing.onFree(slot);
  pacing.beginDue(0.5);
  assert.equal(late(), 0);
  pacing.beginDue(13);
  assert.equal(late(), 1);
  assert.equal(delays.data().maxUs, 3000);
});

test('after a request that failed at once the event loop has its turn', () => {
  const { thread, pacing, slots, wakes } = setUp(1000, 4);
  thread.fails = true;
  thread.nowMs = -1;
  for (const slot of slots) pacing.onFree(slot);
  pacing.beginDue(100);
  assert.equal(thread.begun.length, 1);
  assert.equal(wakes.at(-1), 1);
});

test('after the end it begins what was due before, as slots become free, and nothing else', () => {
  const { thread, pacing, slots } = setUp(1000, 2);
  thread.nowMs = -1;
  for (const slot of slots) pacing.onFree(slot);
  pacing.beginDue(0);
  pacing.stop(10);
  assert.equal(pacing.waiting, 8);
  thread.nowMs = 30;
  for (let i = 0; i < 10; i++) pacing.onFree(slots[i % 2]!);
  assert.deepEqual(
    thread.begun.map(({ intendedMs }) => intendedMs),
    Array.from({ length: 10 }, (_, index) => index),
  );
  assert.equal(pacing.waiting, 0);
});

test('what still waits when it gives up is told with its moments, and begun no more', () => {
  const { thread, pacing, slots } = setUp(1000, 2);
  thread.nowMs = -1;
  for (const slot of slots) pacing.onFree(slot);
  pacing.beginDue(0);
  pacing.stop(5);
  const unsent: number[] = [];
  pacing.giveUp(Number.NEGATIVE_INFINITY, (intendedMs) => unsent.push(intendedMs));
  assert.deepEqual(unsent, [2, 3, 4]);
  thread.nowMs = 11;
  pacing.onFree(slots[0]!);
  assert.equal(thread.begun.length, 2);
  assert.equal(pacing.waiting, 0);
});

test('what waits for a slot is told by its moments, and many of the same time together', () => {
  const { thread, pacing, slots } = setUp(1000, 1, 100_000);
  thread.nowMs = -1;
  pacing.onFree(slots[0]!);
  pacing.beginDue(0);
  const waitingFrom = (fromMs: number, toMs: number) => {
    const told: [dueMs: number, times: number][] = [];
    pacing.eachWaiting(fromMs, toMs, (dueMs, times) => void told.push([dueMs, times]));
    return told;
  };
  assert.deepEqual(waitingFrom(Number.NEGATIVE_INFINITY, 4), [
    [1, 1],
    [2, 1],
    [3, 1],
  ]);
  assert.deepEqual(waitingFrom(2, 4), [
    [2, 1],
    [3, 1],
  ]);
  const many = waitingFrom(0, 50_000);
  assert.ok(many.length <= 1000);
  assert.equal(
    many.reduce((sum, [, times]) => sum + times, 0),
    49_999,
  );
});

test('giving up ten million requests takes no time that requests under way would be charged with', () => {
  const { thread, pacing, slots } = setUp(10_000_000, 1, 1000, Number.POSITIVE_INFINITY);
  thread.nowMs = -1;
  pacing.onFree(slots[0]!);
  pacing.beginDue(0);
  pacing.stop(1000);
  let calls = 0;
  let count = 0;
  pacing.giveUp(500, (dueMs, times) => {
    assert.ok(dueMs >= 499.99 && dueMs < 1000);
    calls++;
    count += times;
  });
  assert.ok(calls <= 1000, `${calls} calls`);
  assert.equal(count, 5_000_000);
  assert.equal(pacing.waiting, 0);
});

test('a thinking slot begins again after its pause', () => {
  const thread = new TestThread();
  const pacing = new ThinkPacing(thread, () => 250);
  const slot = new Slot(3, 0);
  thread.nowMs = 1000;
  pacing.onFree(slot);
  assert.deepEqual(thread.pauses, [{ slot: 3, untilMs: 1250 }]);
  assert.deepEqual(thread.begun, []);
  pacing.onPauseOver(slot);
  assert.deepEqual(thread.begun, [{ slot: 3, intendedMs: undefined }]);
});

test('nothing that is due after the end is begun, however late the word to stop comes', () => {
  const { thread, pacing, slots } = setUp(100, 3, 50, 1000);
  thread.nowMs = -1;
  for (const slot of slots) pacing.onFree(slot);
  for (let nowMs = 0; nowMs < 90; nowMs += 10) {
    pacing.beginDue(nowMs);
    assert.equal(pacing.waiting, 0);
    for (const slot of slots) pacing.onFree(slot);
  }
  assert.equal(thread.begun.length, 5);
  pacing.stop(50);
  assert.equal(pacing.waiting, 0);
});

test('of a count of requests no more than that is due, and what was not sent of it is told', () => {
  const { thread, pacing, slots } = setUp(100, 1, 1000, 7);
  pacing.onFree(slots[0]!);
  pacing.beginDue(0);
  thread.nowMs = 1000;
  pacing.stop(1000);
  assert.equal(pacing.waiting, 6);
  const unsent: number[] = [];
  pacing.giveUp(Number.NEGATIVE_INFINITY, (intendedMs) => unsent.push(intendedMs));
  assert.deepEqual(unsent, [10, 20, 30, 40, 50, 60]);
});
