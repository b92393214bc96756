import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LogLevel } from '../observe/logger.ts';
import { remoteLogger, restored } from './portable-log.ts';

/** What arrives on the other side of a structured clone. */
function crossed(...values: unknown[]): unknown[] {
  const arrived: [LogLevel, unknown[]][] = [];
  const logger = remoteLogger((level, sent) => arrived.push([level, structuredClone(sent).map(restored)]));
  logger.warn(...values);
  assert.equal(arrived[0]![0], 'warn');
  return arrived[0]![1];
}

test('words, fields and errors arrive as they were logged, with code, stack and cause', () => {
  const cause = new TypeError('no such table');
  const error = Object.assign(new RangeError('query failed', { cause }), { code: 'E_QUERY' });
  const [words, fields, alone] = crossed(
    'handler failed',
    { err: error, status: 500, at: new Date(5) },
    error,
  );
  assert.equal(words, 'handler failed');
  const { err, status, at } = fields as { err: typeof error; status: number; at: Date };
  assert.equal(status, 500);
  assert.equal(at.getTime(), 5);
  for (const each of [err, alone as typeof error]) {
    assert.ok(each instanceof Error);
    assert.equal(each.name, 'RangeError');
    assert.equal(each.code, 'E_QUERY');
    assert.equal(each.stack, error.stack);
    assert.equal((each.cause as Error).message, 'no such table');
  }
});

test('what cannot cross is shown as text, and nothing throws', () => {
  const circle: Record<string, unknown> = {};
  circle['self'] = circle;
  const evil = new Proxy({}, { ownKeys: () => assert.fail('looked into') });
  const odd = Object.defineProperty(new Error('x'), 'stack', { get: () => assert.fail('read') });
  const values = crossed(
    () => 1,
    Symbol('s'),
    { nested: { run() {} } },
    circle,
    evil,
    odd,
    new (class Deep {})(),
    5n,
  );
  assert.match(String(values[0]), /function/);
  assert.equal(values[1], 'Symbol(s)');
  assert.match(String((values[2] as { nested: { run: string } }).nested.run), /function run/);
  assert.equal(values.at(-1), 5n);
});
