import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from '../targets.mjs';
import { drawChart } from './chart.mjs';
import { parseRunOptions } from './run-options.mjs';
import { summarise, workloadTable } from './summary.mjs';

const round = (more) => ({
  client: 'wrk',
  requestsPerSecond: 100,
  p50Us: 10,
  p99Us: 20,
  userUs: 1,
  systemUs: 7,
  totalUs: 8,
  clientUs: 7,
  userSeconds: 0.2,
  serverShare: 0.9,
  clientShare: 0.5,
  otherShare: 0,
  errors: 0,
  ...more,
});

test('rounds become medians, errors are added up', () => {
  const row = summarise([round(), round({ totalUs: 20, errors: 2 }), round({ totalUs: 9, errors: 1 })]);
  assert.equal(row.totalUs, 9);
  assert.equal(row.errors, 3);
  assert.equal(row.rounds, 3);
});

test('a full client beside a server with time to spare is named as the limit', () => {
  assert.equal(summarise([round({ clientShare: 0.99, serverShare: 0.7 })]).clientLimited, true);
  assert.equal(summarise([round({ clientShare: 0.99, serverShare: 0.99 })]).clientLimited, false);
});

test('rounds in which others took CPU are counted', () => {
  assert.equal(summarise([round(), round({ otherShare: 0.2 })]).disturbed, 1);
});

test('a target is met, missed, or not measured', () => {
  const rows = {
    plaintext: {
      holdfast: summarise([round()]),
      nginx: summarise([round({ userUs: 1.6, requestsPerSecond: 120 })]),
    },
  };
  const verdict = (start) => judge({ rows }).find(({ text }) => text.startsWith(start)).met;
  assert.equal(verdict("plaintext: holdfast's user CPU a request <= 0.75 x nginx"), true);
  assert.equal(verdict("plaintext: holdfast's requests/s >= 1 x nginx"), false);
  assert.equal(verdict("plaintext: holdfast's user CPU a request <= 0.35 x bun"), undefined);
});

test('the table gives ratios to nginx and marks what is doubtful', () => {
  const peers = [
    { id: 'a', title: 'A' },
    { id: 'nginx', title: 'nginx' },
  ];
  const text = workloadTable({ title: 'Plaintext' }, peers, {
    a: summarise([round({ requestsPerSecond: 150, errors: 1 })]),
    nginx: summarise([round()]),
  });
  assert.match(text, /A ! +150 +1\.50/);
});

test('the table of a bulk workload has the ratios by the byte', () => {
  const peers = [
    { id: 'holdfast', title: 'Holdfast' },
    { id: 'node-http', title: 'node:http' },
    { id: 'bun', title: 'Bun' },
  ];
  const bulk = (totalMsPerGiB) => summarise([round({ mibPerSecond: 900, userMsPerGiB: 100, totalMsPerGiB })]);
  const text = workloadTable({ title: 'Upload', isBulk: true }, peers, {
    holdfast: bulk(300),
    'node-http': bulk(600),
    bun: bulk(200),
  });
  assert.match(text, /^Holdfast +900 +100 ±\S+ +- +300 +0\.500 +1\.50 +-/m);
});

test('the chart is well-formed, sorted, and escapes what it is told', () => {
  const results = {
    about: {
      cpu: 'A & B',
      kernel: '6.1',
      node: '20',
      rounds: 3,
      windowSeconds: 4,
      at: '2026-01-02T00:00:00Z',
    },
    peers: [
      { id: 'holdfast', title: 'Holdfast' },
      { id: 'nginx', title: 'nginx' },
    ],
    rows: { plaintext: { holdfast: round({ systemUs: 6 }), nginx: round() } },
  };
  const svg = drawChart(results);
  assert.ok(svg.includes('A &amp; B'));
  assert.ok(svg.indexOf('>Holdfast</text>') < svg.indexOf('>nginx</text>'));
  assert.equal(svg.match(/<text/g).length, svg.match(/<\/text>/g).length);
  assert.ok(!/NaN|undefined/.test(svg));
});

test('options take a value in either form and refuse what they do not know', () => {
  assert.equal(parseRunOptions(['--rounds', '5']).rounds, 5);
  assert.equal(parseRunOptions(['--seconds=2.5']).windowMs, 2500);
  assert.deepEqual(
    parseRunOptions(['--peers', 'nginx,floor']).peers.map(({ id }) => id),
    ['floor', 'nginx'],
  );
  assert.throws(() => parseRunOptions(['--peers', 'apache']), /apache unknown/);
  assert.throws(() => parseRunOptions(['--rounds', 'many']), /not a number above 0/);
  assert.throws(() => parseRunOptions(['--fast']), /unknown option --fast/);
});
