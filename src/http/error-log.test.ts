import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { ErrorLog } from './error-log.ts';

function started(): { lines: string[]; log: ErrorLog; told(count: number, nowMs: number): number } {
  const lines: string[] = [];
  const error = (text: string) => lines.push(text);
  const log = new ErrorLog({ debug() {}, info() {}, warn() {}, error });
  const told = (count: number, nowMs: number): number => {
    let allowed = 0;
    for (let i = 0; i < count; i++) if (log.mayTell(nowMs)) allowed++;
    return allowed;
  };
  return { lines, log, told };
}

test('a burst of errors is told whole', () => {
  assert.equal(started().told(50, 1000), 50);
});

test('errors without end are told ten a second', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const { told } = started();
    told(50, 0);
    let allowed = 0;
    for (let ms = 1; ms <= 10_000; ms++) allowed += told(20, ms);
    assert.ok(allowed >= 99 && allowed <= 101, String(allowed));
  } finally {
    mock.timers.reset();
  }
});

test('after a quiet while a burst is told again, and no more than one burst', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const { told } = started();
    told(100, 0);
    assert.equal(told(100, 3_600_000), 50);
  } finally {
    mock.timers.reset();
  }
});

test('how many were not told is told within a second, once', () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const { lines, told } = started();
    told(53, 0);
    assert.deepEqual(lines, []);
    mock.timers.tick(1000);
    assert.deepEqual(lines, ['3 more errors of handlers in the last second were not logged']);
    mock.timers.tick(10_000);
    told(1, 10);
    mock.timers.tick(1000);
    assert.equal(lines[1], '1 more error of handlers in the last second was not logged');
    assert.equal(lines.length, 2);
  } finally {
    mock.timers.reset();
  }
});
