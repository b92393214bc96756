/** `holdfast doctor` on the host of the tests: whatever that is, the report is whole and changes nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from './cli-run.ts';

test('doctor --json has all parts, with a reason for each engine', async (t) => {
  const ended = await run(t, ['doctor', '--json']);
  assert.equal(ended.code, 0);
  assert.equal(ended.stderr, '');
  const report = JSON.parse(ended.stdout);
  assert.deepEqual(Object.keys(report), [
    'holdfast',
    'system',
    'ffi',
    'tls',
    'compression',
    'engines',
    'chosen',
    'cpu',
    'limits',
    'advice',
  ]);
  assert.equal(report.system.node, process.versions.node);
  assert.ok(report.cpu.workers >= 1 && report.cpu.workers <= report.cpu.cores);
  const names = report.engines.map((engine: { name: string }) => engine.name);
  assert.ok(names.includes('iouring') && names.includes('node'));
  for (const engine of report.engines) {
    assert.equal(typeof engine.available, 'boolean');
    assert.ok(engine.reason.length > 5, engine.name);
  }
  assert.ok(names.includes(report.chosen.name));
  for (const limit of report.limits) assert.match(limit.verdict, /^(fine|low|bad)$/);
});

test('without FFI the doctor says so, and that the node engine remains', {
  skip: process.platform !== 'linux',
}, async (t) => {
  if (Number(process.versions.node.split('.')[0]) >= 26) return t.skip('this Node has node:ffi');
  const ended = await run(t, ['doctor', '--json'], { HOLDFAST_FFI: 'node' });
  const report = JSON.parse(ended.stdout);
  assert.equal(report.ffi.name, null);
  assert.equal(report.chosen.name, 'node');
  assert.ok(report.advice.some((each: { problem: string }) => each.problem.includes('fastest engine')));
});

test('the page for people has no colours where no terminal is', async (t) => {
  const ended = await run(t, ['doctor']);
  assert.equal(ended.code, 0);
  assert.match(ended.stdout, /Engines\n {2}iouring/);
  assert.ok(!ended.stdout.includes('\x1b'));
});

test('doctor refuses what it does not know', async (t) => {
  const ended = await run(t, ['doctor', '--jsn']);
  assert.equal(ended.stderr, 'holdfast: unknown flag --jsn; did you mean --json?\n');
  assert.equal(ended.code, 2);
});
