import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeOffenders, Offenders } from './offenders.ts';

test('what an address does is counted by option, and forgotten after a minute of peace', () => {
  const offenders = new Offenders();
  offenders.count('10.0.0.1', 'timeouts.header', 1000);
  offenders.count('10.0.0.1', 'timeouts.header', 2000);
  offenders.count('10.0.0.1', 'limits.http2.resets', 3000);
  offenders.count('10.0.0.2', 'timeouts.body', 3000);
  assert.deepEqual(offenders.report(4000), {
    rows: [
      {
        address: '10.0.0.1',
        count: 3,
        byOption: { 'timeouts.header': 2, 'limits.http2.resets': 1 },
        sinceMs: 3000,
        lastMs: 1000,
      },
      { address: '10.0.0.2', count: 1, byOption: { 'timeouts.body': 1 }, sinceMs: 1000, lastMs: 1000 },
    ],
    others: 0,
  });
  offenders.count('10.0.0.2', 'timeouts.body', 60_000);
  assert.deepEqual(
    offenders.report(63_001).rows.map(({ address, count }) => [address, count]),
    [['10.0.0.2', 2]],
  );
  assert.equal(offenders.size, 1);
});

test('addresses of one IPv6 network are one offender, and mapped ones those of IPv4', () => {
  const offenders = new Offenders();
  for (const address of ['2001:db8:1:2::1', '2001:db8:1:2:aaaa::2', '2001:db8:1:3::1', 'fe80::1%eth0'])
    offenders.count(address, 'timeouts.header', 0);
  offenders.count('::ffff:10.0.0.1', 'timeouts.header', 0);
  offenders.count('::1', 'timeouts.header', 0);
  assert.deepEqual(
    offenders
      .report(0)
      .rows.map(({ address, count }) => `${address} ${count}`)
      .sort(),
    ['10.0.0.1 1', '2001:db8:1:2::/64 2', '2001:db8:1:3::/64 1', '::1 1', 'fe80:0:0:0::/64 1'],
  );
});

test('a flood from a hundred thousand addresses takes a bounded table, and who does most stays in it', () => {
  const offenders = new Offenders();
  let counted = 0;
  const count = (address: string, nowMs: number): void => {
    counted++;
    offenders.count(address, 'timeouts.header', nowMs);
  };
  for (let i = 0; i < 100_000; i++) {
    const nowMs = i / 10;
    count(`10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`, nowMs);
    if (i % 100 === 0) count('192.0.2.1', nowMs);
  }
  assert.equal(offenders.size, 256);
  const { rows, others } = offenders.report(10_000);
  assert.equal(rows.length, 50);
  assert.equal(rows[0]!.address, '192.0.2.1');
  // The first came before the table was full, so none of its own is among the others.
  assert.equal(rows[0]!.count, 1000);
  assert.equal(
    rows.reduce((sum, row) => sum + row.count, others),
    counted,
  );
  assert.deepEqual(offenders.report(100_000), { rows: [], others: 0 });
});

test('reports of threads are added up', () => {
  const [a, b] = [new Offenders(), new Offenders()];
  a.count('10.0.0.1', 'timeouts.header', 0);
  b.count('10.0.0.1', 'timeouts.header', 5000);
  b.count('10.0.0.1', 'timeouts.body', 6000);
  b.count('10.0.0.2', 'timeouts.body', 6000);
  const { rows, others } = mergeOffenders([a.report(10_000), b.report(10_000)]);
  assert.deepEqual(rows[0], {
    address: '10.0.0.1',
    count: 3,
    byOption: { 'timeouts.header': 2, 'timeouts.body': 1 },
    sinceMs: 10_000,
    lastMs: 4000,
  });
  assert.equal(rows.length, 2);
  assert.equal(others, 0);
});
