import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TURN_MS_MAX, TurnTime } from './turn-time.ts';
import { TurnWait } from './turn-wait.ts';

function waiting(handler: { readonly hasOpenWork?: boolean } = { hasOpenWork: false }) {
  const time = new TurnTime();
  time.begin(1000);
  const wait = new TurnWait(handler, time);
  wait.beginTurn(true);
  return { time, wait };
}

test('a turn waits until it has had its time, and no longer for what comes meanwhile', () => {
  const { wait } = waiting();
  for (let ms = 1000; ms < 1001.5; ms += 0.5) {
    assert.ok(wait.isDue(ms));
    assert.equal(wait.endMs, 1000 + TURN_MS_MAX);
    wait.ended(true, ms + 0.4);
  }
});

test('the next wait has another end when the timer has come', () => {
  const { wait } = waiting();
  assert.ok(wait.isDue(1000));
  wait.ended(true, 1000 + TURN_MS_MAX);
  assert.equal(wait.isDue(1000 + TURN_MS_MAX), false, 'the timer alone has come');
  wait.beginTurn(true);
  assert.ok(wait.isDue(1003));
  assert.equal(wait.endMs, 1003 + TURN_MS_MAX);
});

test('a turn that has waited in vain does not wait again, nor one that began without news', () => {
  const { wait } = waiting();
  assert.ok(wait.isDue(1000));
  wait.ended(false, 1000.1);
  assert.equal(wait.isDue(1000.2), false);
  wait.beginTurn(false);
  assert.equal(wait.isDue(1001), false);
});

test('nobody who may be waiting for the rest of the loop is kept waiting', () => {
  assert.equal(waiting({ hasOpenWork: true }).wait.isDue(1000), false, 'a handler that has work under way');
  assert.equal(waiting({}).wait.isDue(1000), false, 'one that does not tell');
  const { time, wait } = waiting();
  time.noteUnanswered(10);
  assert.equal(wait.isDue(1000), false, 'one that has not answered yet');
});

test('waiting rests where it is in vain', () => {
  const { wait } = waiting();
  let waits = 0;
  for (let turn = 0; turn < 1000; turn++) {
    wait.beginTurn(true);
    if (!wait.isDue(1000 + turn)) continue;
    waits++;
    wait.ended(false, 1000 + turn + TURN_MS_MAX);
  }
  assert.ok(waits < 25, `${waits} waits`);
});
