import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionFailure } from '../base/assert.ts';
import { Exposition } from './exposition.ts';

test('a family has HELP, TYPE and its samples, in that order', () => {
  const out = new Exposition();
  out.counter('a_total', 'How many.', 3);
  out.gauges('b', 'How much.', 'state', { idle: 1, busy: 2.5 });
  assert.equal(
    String(out),
    '# HELP a_total How many.\n# TYPE a_total counter\na_total 3\n' +
      '# HELP b How much.\n# TYPE b gauge\nb{state="idle"} 1\nb{state="busy"} 2.5\n',
  );
});

test('backslashes, quotes and line feeds in label values and help are escaped', () => {
  const out = new Exposition();
  out.counters('a_total', 'C:\\dir\nnext "quoted"', 'reason', { 'a"b\\c\nd': 1 });
  assert.match(String(out), /^# HELP a_total C:\\\\dir\\nnext "quoted"\n/);
  assert.ok(String(out).includes('a_total{reason="a\\"b\\\\c\\nd"} 1\n'));
});

test('a family without samples is left out', () => {
  const out = new Exposition();
  out.counters('a_total', 'Nothing.', 'reason', {});
  assert.equal(String(out), '');
});

test('values are written as Prometheus reads them', () => {
  const out = new Exposition();
  out.gauges('a', 'Limits.', 'of', {
    up: Number.POSITIVE_INFINITY,
    down: Number.NEGATIVE_INFINITY,
    no: Number.NaN,
  });
  out.gauge('b', 'Large.', 2 ** 53);
  assert.match(String(out), /up"} \+Inf\n.*down"} -Inf\n.*no"} NaN\n/);
  assert.match(String(out), /\nb 9007199254740992\n/);
});

test('an info is the constant 1 with its facts as labels', () => {
  const out = new Exposition();
  out.info('build_info', 'Facts.', { version: '1.0', engine: 'node' });
  assert.match(String(out), /\nbuild_info\{version="1\.0",engine="node"\} 1\n$/);
});

test('names that are none, counters without _total and families written twice are our bugs', () => {
  assert.throws(() => new Exposition().counter('a', '', 1), AssertionFailure);
  assert.throws(() => new Exposition().gauge('a_total', '', 1), AssertionFailure);
  assert.throws(() => new Exposition().gauge('a-b', '', 1), AssertionFailure);
  assert.throws(() => new Exposition().gauges('a', '', 'a-b', { x: 1 }), AssertionFailure);
  const twice = new Exposition();
  twice.gauge('a', '', 1);
  assert.throws(() => twice.gauge('a', '', 1), AssertionFailure);
});
