import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ADMIN_SECTIONS,
  type AdminSection,
  mergeSections,
  type SectionReport,
  type SectionRow,
  sectionReports,
} from './admin-section.ts';

const row = (key: string, changedAtMs: number): SectionRow => ({
  key,
  changedAtMs,
  cells: [key, changedAtMs],
});
const report = (rows: readonly SectionRow[], more = 0): SectionReport => ({
  name: 'boots',
  title: 'Boots',
  empty: 'No machine has booted yet.',
  columns: [
    { name: 'machine', kind: 'text' },
    { name: 'bytes', kind: 'bytes' },
  ],
  rows,
  more,
});
const handlerWith = (...sections: AdminSection[]) => Object.assign(() => {}, { [ADMIN_SECTIONS]: sections });

test('a handler without sections has none, and one with them is asked', () => {
  assert.deepEqual(
    sectionReports(() => {}),
    [],
  );
  const boots = report([row('a', 1)]);
  assert.deepEqual(sectionReports(handlerWith({ name: 'boots', report: () => boots })), [boots]);
});

test('a section that throws says so in its place, and the others are told all the same', () => {
  const broken: AdminSection = {
    name: 'broken',
    report: () => {
      throw new Error('disk full');
    },
  };
  const [first, second] = sectionReports(handlerWith(broken, { name: 'boots', report: () => report([]) }));
  assert.equal(first!.empty, 'It cannot be told: disk full');
  assert.equal(second!.name, 'boots');
});

test('rows beyond two hundred are counted and not told', () => {
  const rows = Array.from({ length: 250 }, (_, i) => row(String(i), i));
  const [told] = sectionReports(handlerWith({ name: 'boots', report: () => report(rows, 5) }));
  assert.equal(told!.rows.length, 200);
  assert.equal(told!.more, 55);
});

test('of what several threads say of one row, the latest is shown', () => {
  const [merged] = mergeSections([report([row('a', 1), row('b', 5)]), report([row('a', 3), row('b', 2)], 7)]);
  assert.deepEqual(
    merged!.rows.map(({ key, changedAtMs }) => `${key} ${changedAtMs}`),
    ['a 3', 'b 5'],
  );
  assert.equal(merged!.more, 7);
  assert.equal(mergeSections([]).length, 0);
});
