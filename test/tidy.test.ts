import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { commentsOf, lacksVerb, sentencesOf } from './comment-prose.ts';

/** Habit 1: aim at 300 lines a file; past 500, split by meaning. */
const LINES_MAX = 500;
/** Names that say nothing: such a file collects what nobody owns. */
const DRAWERS = /(^|\/)(utils?|helpers?|common|misc|types|shared)(\/|\.ts$)/;
/** Put together from pieces, so that this file does not find itself. */
const LEFTOVERS = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX', 'HA' + 'CK'].join('|')})\\b`);

const files = ['src', 'test', 'scripts', 'bench', 'examples']
  .flatMap((root) => sourcesIn(root))
  .map((file) => ({ file, text: readFileSync(file, 'utf8') }));

function sourcesIn(root: string): string[] {
  let entries: string[];
  try {
    entries = readdirSync(root, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
  return entries
    .map((file) => `${root}/${file.split(path.sep).join('/')}`)
    .filter((file) => /\.(ts|mjs)$/.test(file) && !/\/(node_modules|peers|\.cache)\//.test(file));
}

test('no file is longer than one can hold in mind', () => {
  const long = files
    .filter(({ file }) => !/\.(test|contract)\.ts$/.test(file) && !file.startsWith('src/sys/abi/'))
    .map(({ file, text }) => ({ file, lines: text.split('\n').length }))
    .filter(({ lines }) => lines > LINES_MAX);
  assert.deepEqual(long, []);
});

test('every source file opens with prose that says what it owns', () => {
  const silent = files
    .filter(({ file }) => file.startsWith('src/') && !/\.test\.ts$/.test(file))
    .filter(({ text }) => !/^(#![^\n]*\n)?\/\*\*/.test(text))
    .map(({ file }) => file);
  assert.deepEqual(silent, []);
});

test('no file is a drawer for what nobody owns', () => {
  assert.deepEqual(
    files.map(({ file }) => file).filter((file) => DRAWERS.test(file)),
    [],
  );
});

test('nothing is left to be done later, and no machine is named', () => {
  const found = files.flatMap(({ file, text }) =>
    text
      .split('\n')
      .map((line, index) => ({ line, at: `${file}:${index + 1}` }))
      .filter(({ line }) => LEFTOVERS.test(line) || /\/(home|Users)\/\w+/.test(line))
      .map(({ line, at }) => `${at} ${line.trim()}`),
  );
  assert.deepEqual(found, []);
});

/** Loaded as a user's module would be, by its default export. */
const USER_MODULES = ['src/cli/folder-module.ts'];

test('library code has named exports only', () => {
  const defaults = files
    .filter(
      ({ file, text }) =>
        file.startsWith('src/') && !USER_MODULES.includes(file) && /^export default\b/m.test(text),
    )
    .map(({ file }) => file);
  assert.deepEqual(defaults, []);
});

test('no sentence of a comment opens as a clause would and has no verb', () => {
  const riddles = files.flatMap(({ file, text }) =>
    commentsOf(text).flatMap((comment) =>
      sentencesOf(comment)
        .filter(lacksVerb)
        .map((sentence) => `${file}:${comment.line} ${sentence}`),
    ),
  );
  assert.deepEqual(riddles, []);
});

test('canary: riddles are found in every kind of comment, and sentences that only begin like them are not', () => {
  const riddles = [
    'Of the connection, unique in its thread.',
    'Of newer Node than the oldest that is supported.',
    'As paths are kept: bytes, one a character.',
    'Who empties one gets GOAWAY.',
    'What a mess.',
    'How much and for how long.',
  ];
  const sentences = [
    'Of all that come, the last one wins.',
    'Of a group all count as having waited as long as the first of them.',
    'As the client is gone, nothing is written.',
    'Who owns the buffer?',
    'Whoever empties one gets GOAWAY.',
    'What a client may cost.',
    'What connections share.',
    'Where to listen.',
    'Which `engine.` it is.',
    'Offset of the first byte.',
    'Asked by somebody else.',
    'Without the optional white space around it.',
  ];
  const found = (source: string): string[] => commentsOf(source).flatMap(sentencesOf).filter(lacksVerb);
  for (const riddle of riddles)
    for (const source of [
      `// ${riddle}`,
      `const a = 1; // ${riddle}`,
      `/** Good is this. ${riddle} @hot */`,
      `/**\n * Good is\n * this. ${riddle.replace(' ', '\n * ')}\n *\n * @returns x\n */`,
      `/**\n * @param a ${riddle}\n */`,
    ])
      assert.deepEqual(
        found(source).map((each) => each.replace(' @hot', '')),
        [riddle],
        source,
      );
  for (const sentence of sentences) assert.deepEqual(found(`// ${sentence}`), [], sentence);
  assert.deepEqual(found("const url = 'http://Of.a/ Of b';\ntest('Of this', () => {});"), []);
});
