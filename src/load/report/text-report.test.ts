/**
 * Texts that people read, kept as files that people can read: `test/golden/load/`. After a change that is
 * wanted, `HOLDFAST_GOLDEN=write node --test dist/load/text-report.test.js` writes them anew.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { PLAIN_RESULT, TROUBLED_RESULT, URLS_RESULT } from '../measure/load-result.fixture.ts';
import { comparisonText, parseResult } from './comparison.ts';
import { type ProgressFrame, progressLine } from './progress.ts';
import { siegeFigures, siegeJson, siegeText } from './siege-summary.ts';
import { hanging, textReport } from './text-report.ts';

const FOLDER = 'test/golden/load';
const PLAIN = { colour: false, width: 80 };

const GOLDEN: readonly (readonly [string, () => string])[] = [
  ['plain.txt', () => textReport(PLAIN_RESULT, PLAIN)],
  ['troubled.txt', () => textReport(TROUBLED_RESULT, PLAIN)],
  ['urls.txt', () => textReport(URLS_RESULT, PLAIN)],
  ['compared.txt', () => comparisonText(PLAIN_RESULT, TROUBLED_RESULT, PLAIN)],
  ['siege.txt', () => siegeText(siegeFigures(TROUBLED_RESULT))],
  ['siege.json', () => siegeJson(siegeFigures(TROUBLED_RESULT))],
];

for (const [file, draw] of GOLDEN) {
  test(`${file} is drawn as it is kept`, () => {
    const path = `${FOLDER}/${file}`;
    if (process.env['HOLDFAST_GOLDEN'] === 'write') {
      mkdirSync(FOLDER, { recursive: true });
      writeFileSync(path, draw());
    }
    assert.equal(draw(), readFileSync(path, 'utf8'));
  });
}

test('no line passes the width of the terminal, from 80 columns up', () => {
  for (const width of [80, 100, 200])
    for (const result of [PLAIN_RESULT, TROUBLED_RESULT])
      for (const line of `${textReport(result, { colour: false, width })}${comparisonText(PLAIN_RESULT, result, { colour: false, width })}`.split(
        '\n',
      ))
        assert.ok(line.length <= width, `${width}: ${line}`);
});

test('colours are codes around the same text', () => {
  const codes = new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g');
  const coloured = textReport(TROUBLED_RESULT, { colour: true, width: 80 });
  assert.match(coloured, codes);
  assert.equal(coloured.replace(codes, ''), textReport(TROUBLED_RESULT, PLAIN));
});

test('a URL cannot write to the terminal', () => {
  const plan = { ...PLAIN_RESULT.plan, urls: ['http://a/\u001b[2J'] };
  assert.ok(!textReport({ ...PLAIN_RESULT, plan }, PLAIN).includes('\u001b'));
});

test('siege’s JSON is JSON, and adds up', () => {
  const json = JSON.parse(siegeJson(siegeFigures(TROUBLED_RESULT)));
  assert.equal(json.transactions, 61_000);
  assert.equal(json.successful_transactions, 60_000);
  assert.equal(json.failed_transactions, 20_845);
  assert.equal(json.availability, Number(((61_000 / 81_845) * 100).toFixed(2)));
});

test('an earlier result is read back, and nothing else is', () => {
  assert.equal(parseResult(JSON.stringify(PLAIN_RESULT)).requests.answered, PLAIN_RESULT.requests.answered);
  assert.throws(() => parseResult('{'), /no JSON/);
  assert.throws(() => parseResult('{"a":1}'), /no result of holdfast load/);
  assert.throws(() => parseResult(JSON.stringify({ ...PLAIN_RESULT, version: 7 })), /version 7/);
});

test('long text breaks at words and goes on indented', () => {
  assert.deepEqual(hanging('one two three four', 2, 9), ['one two', '  three', '  four']);
  assert.deepEqual(hanging('unbreakablylong', 2, 5), ['unbreakablylong']);
});

const FRAME: ProgressFrame = {
  elapsedMs: 4000,
  totalMs: 10_000,
  sample: { second: 3, answered: 45_678, failed: 0, bytesReceived: 1, p50Ms: 0.4, p99Ms: 2.5, p999Ms: 9, maxMs: 20, open: 50, opened: 0, sourcePorts: 50, clientCpu: 0.5, marks: [] },
  answered: 180_000,
  failed: 0,
  requestCount: undefined,
  label: '',
}; // biome-ignore format: a sample a line

test('the progress line tells rate, latency, connections, errors and the time left', () => {
  assert.equal(
    progressLine(FRAME, 100, false),
    '[########............] 6 s left  45,678/s  p50 400 µs  p99 2.50 ms  50 open',
  );
  assert.match(progressLine({ ...FRAME, failed: 12 }, 100, false), /12 failed/);
  assert.match(
    progressLine({ ...FRAME, totalMs: undefined, requestCount: 360_000 }, 100, false),
    /^\[#{10}\.{10}\] 180,000 of 360,000 /,
  );
  assert.match(progressLine({ ...FRAME, sample: undefined }, 100, false), /starting$/);
  const sample = { ...FRAME.sample!, marks: ['client-cpu' as const] };
  assert.match(progressLine({ ...FRAME, sample }, 120, false), / {2}client's CPU at its limit$/);
  for (const width of [20, 40, 80])
    for (const each of [FRAME, { ...FRAME, sample }])
      assert.ok(progressLine(each, width, false).length < width);
});

test('a failure with a long name is told within 80 columns, and its count is found', () => {
  const errors = {
    'garbage: a field value holds a control byte, which nobody may send (RFC 9110 §5.5)': 12,
    timeout: 3456,
  };
  const lines = textReport({ ...PLAIN_RESULT, errors }, PLAIN).split('\n');
  const at = lines.findIndex((line) => line.startsWith('Errors'));
  assert.deepEqual(lines.slice(at, at + 3), [
    'Errors        3,456  timeout',
    '                 12  garbage: a field value holds a control byte, which nobody',
    '                     may send (RFC 9110 §5.5)',
  ]);
  for (const line of lines) assert.ok(line.length <= 80, line);
});
