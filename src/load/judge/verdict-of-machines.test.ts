import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from './verdict.ts';
import { CALM } from './verdict-input.fixture.ts';

const BUSY = [{ wallMs: 10_000, cpuMs: 9950, waitedMs: 0 }];

test('the machine whose CPU was the limit is named, and each has its line of evidence', () => {
  const shares = [
    { ...CALM, machine: 'loader-1' },
    { ...CALM, machine: 'loader-2', threads: BUSY },
  ];
  const verdict = judge({ ...CALM, threads: [...CALM.threads, ...BUSY] }, shares);
  assert.equal(verdict.limit, 'client-cpu');
  assert.match(verdict.sentence, /^limited by: the CPU of loader-2 \(its thread was at work 99\.5 %/);
  assert.ok(verdict.remedies.includes('load from more machines'));
  assert.deepEqual(
    verdict.evidence.map((line) => line.split(' at work')[0]),
    ['loader-1: 1 thread', 'loader-2: 1 thread'],
  );
});

test('the machine that ran out of ports or descriptors is named', () => {
  const errors = (name: string) => [
    { ...CALM, machine: 'loader-1' },
    { ...CALM, machine: 'loader-2', errors: { [name]: 5 } },
  ];
  for (const [name, what] of [
    ['EADDRNOTAVAIL', 'ephemeral ports of loader-2'],
    ['EMFILE', 'descriptors of loader-2'],
  ] as const) {
    const { sentence } = judge({ ...CALM, errors: { [name]: 5 } }, errors(name));
    assert.ok(sentence.startsWith(`limited by: ${what} (`), sentence);
  }
});

test('what concerns all machines together is judged of all', () => {
  const half = { ...CALM, answered: CALM.answered / 2, connections: CALM.connections / 2 };
  const shares = ['loader-1', 'loader-2'].map((machine) => ({ ...half, machine }));
  const { sentence } = judge(CALM, shares);
  assert.match(sentence, /^limited by: handler time \(.*so 50 connections get 40,000\/s/);
});
