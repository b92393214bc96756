/** One suite for both files of machine records, and what each does with files that are not its own. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { JournalStore } from './journal-store.ts';
import { openMachineStore } from './machine-store.ts';
import { SqliteStore } from './sqlite-store.ts';
import type { Kept, MachineRecord, TransferRecord } from './transfer-record.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-store-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const newFile = () => join(folder, `records-${files++}`);

const sqlite = process.getBuiltinModule('node:sqlite') as typeof import('node:sqlite') | undefined;

const machine = (name: string): MachineRecord => ({
  machine: name,
  facts: { mac: name, hostname: 'it\'s "quoted"' },
  address: '10.0.0.1',
  firstSeenMs: 1_790_000_000_000,
  lastSeenMs: 1_790_000_000_001,
  boots: 2,
  profile: null,
});

const transfer = (id: number, name: string): TransferRecord => ({
  id,
  machine: name,
  artifact: '/a b',
  address: '10.0.0.1',
  startedMs: 1_790_000_000_000,
  endedMs: null,
  firstByte: 0,
  bytes: 5_000_000_000,
  totalBytes: null,
  pauses: 1,
  pausedMs: 2500,
  restarts: 0,
  outcome: 'running',
  reason: null,
  source: 'upstream',
});

const sorted = ({ machines, transfers }: Kept) => ({
  machines: machines.toSorted((a, b) => (a.machine < b.machine ? -1 : 1)),
  transfers: transfers.toSorted((a, b) => a.id - b.id),
});

const STORES = {
  SQLite: (file: string) => new SqliteStore(file, sqlite!),
  journal: (file: string) => new JournalStore(file),
};

for (const [kind, open] of Object.entries(STORES)) {
  const options = { skip: kind === 'SQLite' && sqlite === undefined ? 'this Node has no SQLite' : false };

  test(`what was written is there when the file is opened again (${kind})`, options, () => {
    const file = newFile();
    const store = open(file);
    assert.equal(store.kind, kind);
    assert.deepEqual(store.load(), { machines: [], transfers: [] });
    store.write(
      {
        machines: [machine('a'), machine('b')],
        transfers: [transfer(1, 'a'), transfer(2, 'b'), transfer(3, 'a')],
      },
      [],
      [],
    );
    store.write(
      {
        machines: [{ ...machine('a'), boots: 3 }],
        transfers: [{ ...transfer(1, 'a'), outcome: 'completed' }],
      },
      [],
      [3],
    );
    store.write({ machines: [], transfers: [] }, ['b'], []);
    store.close();
    const again = open(file);
    assert.deepEqual(sorted(again.load()), {
      machines: [{ ...machine('a'), boots: 3 }],
      transfers: [{ ...transfer(1, 'a'), outcome: 'completed' }],
    });
    again.close();
  });

  test(`a file of something else is refused and left alone (${kind})`, options, () => {
    const file = newFile();
    writeFileSync(file, 'dear diary\n'.repeat(20));
    assert.throws(() => open(file));
    assert.equal(readFileSync(file, 'utf8'), 'dear diary\n'.repeat(20));
    assert.throws(() => open(join(folder, 'no', 'such', 'folder')));
  });
}

test('a journal whose last line was cut by a crash is read up to there, and goes on', () => {
  const file = newFile();
  const store = new JournalStore(file);
  store.write({ machines: [machine('a')], transfers: [] }, [], []);
  store.close();
  appendFileSync(file, '{"machine":{"machine":"b","fac');
  const again = new JournalStore(file);
  again.write({ machines: [machine('c')], transfers: [] }, [], []);
  again.close();
  assert.deepEqual(
    new JournalStore(file).load().machines.map((each) => each.machine),
    ['a', 'c'],
  );
});

test('a journal is written anew when most of it is old', () => {
  const file = newFile();
  const store = new JournalStore(file);
  let largest = 0;
  for (let i = 0; i < 40; i++) {
    const machines = Array.from({ length: 500 }, (_, index) => ({ ...machine(`m${index}`), boots: i }));
    store.write({ machines, transfers: [] }, [], []);
    largest = Math.max(largest, statSync(file).size);
  }
  store.close();
  assert.ok(statSync(file).size < largest, 'it became smaller on the way');
  const { machines } = new JournalStore(file).load();
  assert.deepEqual([machines.length, machines.every(({ boots }) => boots === 39)], [500, true]);
});

test('a file stays what it is, and one that this Node cannot read is refused with a sentence', () => {
  const file = newFile();
  new JournalStore(file).close();
  const store = openMachineStore(file);
  assert.equal(store.kind, 'journal');
  store.close();
  const fresh = openMachineStore(newFile());
  assert.equal(fresh.kind, sqlite === undefined ? 'journal' : 'SQLite');
  fresh.close();
  const magic = newFile();
  writeFileSync(magic, 'SQLite format 3\0 and no more');
  assert.throws(
    () => openMachineStore(magic),
    (error: Error) => error.message.startsWith(`${magic} cannot keep machine records: `),
  );
});
