import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limitsOn } from './admission.ts';
import { checkOptions } from './options.ts';

const limitsOf = (connections: number, whenFull: 'pause' | 'refuse') =>
  checkOptions({ fetch: () => new Response(), limits: { connections, whenFull } }).limits;

test('where auto lands on the node engine, connections beyond the limit are refused, and that is told', () => {
  const warnings: string[] = [];
  const limits = limitsOn('node', limitsOf(2, 'pause'), (message) => warnings.push(message));
  assert.deepEqual(limits, { ...limitsOf(2, 'pause'), pausesWhenFull: false });
  assert.equal(warnings.length, 1);
  assert.match(warnings[0]!, /limits\.whenFull.* 503/);
});

test('nothing is told where the engine can pause, nobody asked for it, or there is no limit', () => {
  const warn = (message: string) => assert.fail(message);
  assert.equal(limitsOn('epoll', limitsOf(2, 'pause'), warn).pausesWhenFull, true);
  assert.equal(limitsOn('node', limitsOf(2, 'refuse'), warn).pausesWhenFull, false);
  assert.equal(limitsOn('node', limitsOf(Number.POSITIVE_INFINITY, 'pause'), warn).pausesWhenFull, false);
});
