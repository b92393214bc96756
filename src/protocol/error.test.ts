import { equal, match, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import * as exported from './error.ts';
import { FAULTS } from './error.ts';
import { reasonPhrase } from './semantics/statuses.ts';

test('every fault has a code of its own, a status with a phrase, and one sentence in ASCII', () => {
  equal(new Set(FAULTS.map((fault) => fault.code)).size, FAULTS.length);
  for (const fault of FAULTS) {
    match(fault.code, /^[a-z][a-z0-9-]+$/);
    notEqual(reasonPhrase(fault.status), '');
    match(fault.section, /^RFC \d{4} §\d+(\.\d+)*$/);
    match(fault.sentence, /^[\x20-\x7e]{10,120}$/);
    ok(fault.blame === 'ours' ? fault.status >= 500 : fault.status >= 400);
  }
});

test('every exported fault is in the table', () => {
  const faults = Object.entries(exported).filter(([name]) => name.startsWith('FAULT_'));
  equal(faults.length, FAULTS.length);
  for (const [, fault] of faults) ok(FAULTS.includes(fault as exported.Fault));
});
