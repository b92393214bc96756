import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MachineRecords } from './machine-records.ts';
import { machineSection } from './machine-section.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };

function stage() {
  const world = { nowMs: 1_000_000 };
  const records = new MachineRecords(
    undefined,
    quiet,
    () => {},
    () => world.nowMs,
  );
  const begin = (machine: string, artifact: string, bytes: { sent: number }) =>
    records.begin(machine, {
      artifact,
      address: '10.0.0.9',
      firstByte: 0,
      totalBytes: 1_000_000,
      source: 'folder',
      progress: () => bytes.sent,
    });
  const pass = (seconds: number): void => {
    for (let second = 0; second < seconds; second++) {
      world.nowMs += 1000;
      records.tick();
    }
  };
  return { records, begin, pass, section: machineSection(records) };
}

test('there is a sentence while no machine is known', () => {
  const { section } = stage();
  const report = section.report();
  assert.deepEqual([report.rows, report.note, report.empty], [[], '', 'No machine has booted yet.']);
});

test('what a script stood in for is told by name', () => {
  const { records, section } = stage();
  records.stoodIn('custom.ipxe');
  records.stoodIn('autoexec.ipxe');
  records.stoodIn('custom.ipxe');
  assert.equal(
    section.report().note,
    'A script of the server stood in for what is not in the folder: custom.ipxe (2 times), autoexec.ipxe (1 time).',
  );
});

test('a machine that fetches is told with how far it is, one that stops as slow, and one that is through as it ended', () => {
  const { records, begin, pass, section } = stage();
  records.seen({ mac: '52:54:00:00:00:01', hostname: 'node-1' }, '10.0.0.1', 'debian');
  records.seen({ mac: '52:54:00:00:00:02' }, '10.0.0.2', 'debian');
  const bytes = { sent: 250_000 };
  const end = begin('52:54:00:00:00:01', '/vmlinuz', bytes);
  pass(1);
  const rowOf = (key: string) => section.report().rows.find((row) => row.key.includes(key))!;
  const { columns } = section.report();
  assert.equal(rowOf('00:01').cells.length, columns.length);
  assert.deepEqual(rowOf('00:01').cells.slice(0, 5), [
    'node-1 (52:54:00:00:00:01)',
    'debian',
    '/vmlinuz',
    0.25,
    250_000,
  ]);
  assert.equal(rowOf('00:01').cells.at(-1), 'fetching');
  assert.equal(rowOf('00:02').cells.at(-1), 'asked for a script');
  pass(12);
  assert.deepEqual([rowOf('00:01').tone, rowOf('00:01').cells.at(-1)], ['slow', 'slow: not read for 12 s']);
  bytes.sent = 1_000_000;
  pass(1);
  end('completed', null);
  assert.deepEqual(
    [rowOf('00:01').tone, rowOf('00:01').cells[3], rowOf('00:01').cells.at(-1)],
    [undefined, 1, 'completed'],
  );
  assert.equal(section.report().note, '2 machines are known. None begins the same artifact again and again.');
});

test('a restart loop comes first, and says what began how often and how it ended', () => {
  const { records, begin, pass, section } = stage();
  records.seen({ mac: '52:54:00:00:00:01' }, '10.0.0.1', 'debian');
  records.seen({ mac: '52:54:00:00:00:02' }, '10.0.0.2', 'debian');
  records.seen({ mac: '52:54:00:00:00:03' }, '10.0.0.3', 'debian');
  for (let i = 0; i < 3; i++) {
    const bytes = { sent: 0 };
    const end = begin('52:54:00:00:00:01', '/initramfs', bytes);
    bytes.sent = 300_000;
    pass(5);
    end('aborted', 'client-reset');
  }
  begin('52:54:00:00:00:02', '/vmlinuz', { sent: 1 });
  const { rows, note } = section.report();
  assert.deepEqual(
    rows.map(({ key }) => key.slice(-2)),
    ['01', '02', '03'],
  );
  assert.equal(rows[0]!.tone, 'bad');
  assert.match(
    String(rows[0]!.cells.at(-1)),
    /^restart loop: began \/initramfs 3 times; aborted after 300000 bytes \(client-reset\)$/,
  );
  assert.equal(note, '3 machines are known. 1 begins the same artifact again and again.');
});

test('no more than two hundred machines are told, and the rest is counted', () => {
  const { records, section } = stage();
  for (let i = 0; i < 300; i++)
    records.seen(
      {
        mac: `52:54:00:00:${(i >> 8).toString(16).padStart(2, '0')}:${(i & 255).toString(16).padStart(2, '0')}`,
      },
      '10.0.0.1',
      'debian',
    );
  const { rows, more } = section.report();
  assert.deepEqual([rows.length, more], [200, 100]);
});
