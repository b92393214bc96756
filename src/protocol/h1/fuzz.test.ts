/**
 * Grows and damages inputs from seeds and holds the parsers against their references: same verdict, same
 * facts, the same however the input is split. A few thousand cases run with every test;
 * HOLDFAST_FUZZ_SECONDS goes on for longer, HOLDFAST_FUZZ_SEED says where to begin.
 */
import { deepStrictEqual, equal, ok } from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_LIMITS, type HeadLimits } from '../limits.ts';
import { CHUNKED_DATA, CHUNKED_END, CHUNKED_REFUSED, ChunkedDecoder } from './chunked.ts';
import { referenceChunked } from './chunked-reference.contract.ts';
import { latin1Bytes, runHead, shown, textOf } from './drive.contract.ts';
import { Dice, damage, growChunked, growHead } from './fuzz.contract.ts';
import { type ReferenceVerdict, referenceHead } from './reference.contract.ts';

const CASES = 4000;
const SECONDS = Number(process.env['HOLDFAST_FUZZ_SECONDS'] ?? 0);
const SEED = Number(process.env['HOLDFAST_FUZZ_SEED'] ?? (SECONDS > 0 ? Date.now() % 1_000_000_000 : 1));
const CORPUS = join(import.meta.dirname, '../../../test/corpus/h1');

type HeadRunner = (text: string, limits: HeadLimits, cuts: readonly number[]) => ReferenceVerdict;

const ours: HeadRunner = (text, limits, cuts) => runHead(text, limits, cuts, text.length % 5).verdict;

/** What is wrong with `run` on this input, or nothing. */
function headMismatch(
  run: HeadRunner,
  text: string,
  limits: HeadLimits,
  cuts: readonly number[],
): string | undefined {
  const expected = referenceHead(text, limits);
  for (const pieces of [[], cuts]) {
    const actual = run(text, limits, pieces);
    try {
      deepStrictEqual(actual, expected);
    } catch (difference) {
      return `${shown(text)} cut at [${pieces.join(', ')}]: ${(difference as Error).message}`;
    }
  }
  return undefined;
}

/** Small limits come up often enough to be met. */
function pickLimits(dice: Dice): HeadLimits {
  if (!dice.chance(4)) return DEFAULT_LIMITS;
  return {
    headBytesMax: 20 + dice.below(200),
    targetBytesMax: 1 + dice.below(30),
    headerCountMax: dice.below(5),
  };
}

function headCase(run: HeadRunner, seed: number): string | undefined {
  const dice = new Dice(seed);
  const limits = pickLimits(dice);
  const text = damage(dice, growHead(dice));
  const cuts = [dice.below(text.length + 1), dice.below(text.length + 1), dice.below(text.length + 1)];
  return headMismatch(
    run,
    text,
    limits,
    cuts.sort((a, b) => a - b),
  );
}

interface DecodedBody {
  readonly verdict: string;
  readonly data: string;
  readonly takenBytes: number;
}

function decodeBody(text: string, cuts: readonly number[]): DecodedBody {
  const decoder = new ChunkedDecoder(DEFAULT_LIMITS);
  let data = '';
  let taken = 0;
  for (const cut of [...cuts, text.length]) {
    const piece = latin1Bytes(text.slice(taken, cut));
    let p = 0;
    do {
      p = decoder.decode(piece, p, piece.length);
      if (decoder.event === CHUNKED_DATA) data += textOf(piece, decoder.dataStart, decoder.dataEnd);
    } while (decoder.event === CHUNKED_DATA && p < piece.length);
    taken += p;
    if (decoder.event === CHUNKED_REFUSED)
      return { verdict: decoder.fault?.code ?? 'no fault', data, takenBytes: 0 };
    if (decoder.event === CHUNKED_END) return { verdict: 'ok', data, takenBytes: taken };
  }
  return { verdict: 'more', data, takenBytes: taken };
}

function bodyMismatch(text: string, cuts: readonly number[]): string | undefined {
  const whole = decodeBody(text, []);
  const split = decodeBody(text, cuts);
  const expected = referenceChunked(text);
  try {
    deepStrictEqual(split, whole);
    equal(
      whole.verdict === 'ok',
      expected !== undefined,
      `the reference says ${expected !== undefined}, we ${whole.verdict}`,
    );
    if (expected !== undefined)
      deepStrictEqual([whole.data, whole.takenBytes], [expected.data, expected.bytes]);
  } catch (difference) {
    return `${shown(text)} cut at [${cuts.join(', ')}]: ${(difference as Error).message}`;
  }
  return undefined;
}

function bodyCase(seed: number): string | undefined {
  const dice = new Dice(seed);
  const text = damage(dice, growChunked(dice));
  const cuts = [dice.below(text.length + 1), dice.below(text.length + 1)];
  return bodyMismatch(
    text,
    cuts.sort((a, b) => a - b),
  );
}

/** Runs cases from SEED on, for as long as asked. */
function fuzz(name: string, oneCase: (seed: number) => string | undefined): void {
  const endMs = Date.now() + (SECONDS * 1000) / 2;
  for (let n = 0; n < CASES || Date.now() < endMs; n++) {
    const mismatch = oneCase(SEED + n);
    ok(
      mismatch === undefined,
      `${name}: ${mismatch}\nreplay: HOLDFAST_FUZZ_SEED=${SEED + n} node --test dist/protocol/h1/fuzz.test.js`,
    );
  }
}

test('the request head parser agrees with its reference on grown and damaged heads', () => {
  fuzz('head', (seed) => headCase(ours, seed));
});

test('the chunked decoder agrees with its reference on grown and damaged bodies', () => {
  fuzz('chunked', bodyCase);
});

/** Runs until a planted bug is found. */
function runsToFind(bug: HeadRunner): number {
  for (let seed = 1; seed <= CASES; seed++) if (headCase(bug, seed) !== undefined) return seed;
  return Number.POSITIVE_INFINITY;
}

test('canary: the fuzzer finds a parser that takes a bare LF for a line end', () => {
  ok(runsToFind((text, limits, cuts) => ours(text.replace(/(?<!\r)\n/g, '\r\n'), limits, cuts)) < CASES);
});

test('canary: the fuzzer finds a parser that lets Content-Length pass beside Transfer-Encoding', () => {
  const lenient: HeadRunner = (text, limits, cuts) => {
    const verdict = ours(text, limits, cuts);
    if (verdict.verdict !== 'refused' || verdict.code !== 'content-length-with-transfer-encoding')
      return verdict;
    return ours(text.replace(/content-length:[^\r\n]*\r\n/i, ''), limits, cuts);
  };
  ok(runsToFind(lenient) < CASES);
});

test('canary: the fuzzer finds a parser that forgets a byte where its input is split', () => {
  const forgetful: HeadRunner = (text, limits, cuts) => {
    const cut = cuts[0] ?? 0;
    return ours(cut === 0 ? text : text.slice(0, cut - 1) + text.slice(cut), limits, cuts);
  };
  ok(runsToFind(forgetful) < CASES);
});

for (const name of readdirSync(CORPUS)) {
  if (!name.endsWith('.head') && !name.endsWith('.chunked')) continue;
  test(`corpus: ${name}`, () => {
    const text = readFileSync(join(CORPUS, name), 'latin1');
    for (let cut = 0; cut <= text.length; cut++) {
      const mismatch = name.endsWith('.head')
        ? headMismatch(ours, text, DEFAULT_LIMITS, [cut])
        : bodyMismatch(text, [cut]);
      equal(mismatch, undefined);
    }
  });
}
