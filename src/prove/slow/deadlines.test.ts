import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Wire } from '../wire/wire.ts';
import { judgeDeadline } from './deadlines.ts';

const INPUT = {
  id: 'half-head',
  kind: 'Half a head',
  deadline: 'header',
  from: 'first byte',
  promiseMs: 2000,
  patienceMs: 9000,
};
const endedAfter = (ms: number): Wire =>
  ({ events: [{ atMs: 10, what: 'sent' }], endedAtMs: 10 + ms }) as unknown as Wire;
const severityOf = (ms: number, withheldMs: number): string | undefined =>
  judgeDeadline([endedAfter(ms)], { ...INPUT, withheldMs })?.severity;

test('what came late by no more than the machine withheld is no finding, and what came later is', () => {
  assert.equal(severityOf(2900, 0), undefined);
  assert.equal(severityOf(4100, 0), 'high');
  assert.equal(severityOf(4100, 1500), undefined);
  assert.equal(severityOf(4100, 200), 'medium');
  assert.equal(severityOf(9000, 1500), 'high');
});

test('what the machine withheld makes nobody early', () => {
  assert.equal(severityOf(2050, 5000), undefined);
  assert.equal(severityOf(500, 0), 'medium');
});
