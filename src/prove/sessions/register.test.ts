/** The judge of a register: histories that some order explains, and those that none does. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Action, GONE, Register, readOutcome } from './register.ts';

/** `ask a write x` and `end a 1` in the order in which they happened. @returns which end was not right, if one was */
function judge(...lines: string[]): string | undefined {
  const register = new Register();
  const ids = new Map<string, number>();
  for (const line of lines) {
    const [what, name, kind, ...rest] = line.split(' ');
    if (what === 'ask')
      ids.set(name!, register.asked((kind === 'write' ? { kind, value: rest[0] } : { kind }) as Action));
    else if (what === 'lost') register.lost(ids.get(name!)!);
    else if (what === 'refused') register.refused(ids.get(name!)!);
    else if (!register.answered(ids.get(name!)!, [kind, ...rest].join(' '))) return line;
  }
  return undefined;
}

const WRITTEN = ['ask w write x', 'end w 1'];

test('what one client does after the other has one right answer', () => {
  assert.equal(
    judge(...WRITTEN, 'ask r read', 'end r 1 x', 'ask v write y', 'end v 2', 'ask s read', 'end s 2 y'),
    undefined,
  );
  assert.equal(judge('ask r read', `end r ${GONE}`), undefined);
  assert.equal(readOutcome(1, 'x'), '1 x');
});

test('a write that is lost, an old value, a version that jumps or stays are seen', () => {
  assert.equal(judge(...WRITTEN, 'ask v write y', 'end v 2', 'ask r read', 'end r 1 x'), 'end r 1 x');
  assert.equal(judge(...WRITTEN, 'ask v write y', 'end v 1'), 'end v 1');
  assert.equal(judge(...WRITTEN, 'ask v write y', 'end v 3'), 'end v 3');
  assert.equal(judge(...WRITTEN, 'ask r read', `end r ${GONE}`), `end r ${GONE}`);
  assert.equal(judge(...WRITTEN, 'ask l look', `end l ${GONE}`), `end l ${GONE}`);
});

test('what overlaps may happen in any order, but in one for everybody', () => {
  const both = [...WRITTEN, 'ask v write y', 'ask r read', 'ask s read'];
  assert.equal(judge(...both, 'end r 1 x', 'end s 2 y', 'end v 2'), undefined);
  assert.equal(judge(...both, 'end r 2 y', 'end s 1 x', 'end v 2'), undefined);
  // Once one has seen the new value, all who ask later see it, though the write is still under way.
  assert.equal(judge(...both, 'end r 2 y', 'ask t read', 'end t 1 x'), 'end t 1 x');
  assert.equal(
    judge('ask a write x', 'ask b write y', 'end a 2', 'end b 1', 'ask r read', 'end r 2 x'),
    undefined,
  );
  assert.equal(judge('ask a write x', 'ask b write y', 'end a 1', 'end b 1'), 'end b 1');
});

test('a note that was removed begins anew or goes on counting, and is gone until then', () => {
  const removed = [...WRITTEN, 'ask v write y', 'end v 2', 'ask d remove', 'end d there'];
  assert.equal(judge(...removed, 'ask a write z', 'end a 1'), undefined);
  assert.equal(judge(...removed, 'ask a write z', 'end a 3'), undefined);
  assert.equal(judge(...removed, 'ask a write z', 'end a 2'), 'end a 2');
  assert.equal(judge(...removed, 'ask e remove', 'end e there'), 'end e there');
});

test('a write without an answer may have happened, may happen late, or not; one that was refused has not', () => {
  const lost = [...WRITTEN, 'ask v write y', 'lost v'];
  assert.equal(judge(...lost, 'ask r read', 'end r 1 x', 'ask s read', 'end s 2 y'), undefined);
  assert.equal(judge(...lost, 'ask r read', 'end r 2 y', 'ask s read', 'end s 1 x'), 'end s 1 x');
  assert.equal(judge(...WRITTEN, 'ask v write y', 'refused v', 'ask r read', 'end r 2 y'), 'end r 2 y');
  assert.equal(judge(...WRITTEN, 'ask l read', 'lost l', 'ask r read', 'end r 1 x'), undefined);
});

test('too many lost answers end the judgement, and not the judge', () => {
  const register = new Register();
  for (let n = 0; n < 12; n++) register.lost(register.asked({ kind: 'write', value: `v${n}` }));
  const id = register.asked({ kind: 'read' });
  assert.equal(register.answered(id, readOutcome(99, 'never')), true);
  assert.equal(register.isGivenUp, true);
});
