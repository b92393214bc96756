import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectionTable, type TableEntry } from './connection-table.ts';

const make = (slot: number, generation: number): TableEntry => ({ slot, generation });

test('an entry is found by its slot and generation, and no longer once it is removed', () => {
  const table = new ConnectionTable<TableEntry>();
  const first = table.add(make)!;
  const second = table.add(make)!;
  assert.notEqual(first.slot, second.slot);
  assert.equal(table.find(first.slot, first.generation), first);
  assert.equal(table.at(second.slot), second);
  table.remove(first);
  assert.equal(table.find(first.slot, first.generation), undefined);
  assert.equal(table.count, 1);
  assert.deepEqual([...table], [second]);
});

test("news for a slot's former owner does not find the present one", () => {
  const table = new ConnectionTable<TableEntry>();
  let last = table.add(make)!;
  for (let round = 0; round < 100; round++) {
    table.remove(last);
    const next = table.add(make)!;
    assert.equal(next.slot, last.slot);
    assert.equal(table.find(last.slot, last.generation), undefined);
    assert.equal(table.find(next.slot, next.generation), next);
    last = next;
  }
});

test('a slot that was never used holds nothing', () => {
  assert.equal(new ConnectionTable<TableEntry>().find(5, 0), undefined);
});
