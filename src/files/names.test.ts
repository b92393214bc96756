/** What names of files decide: patterns of options, caching of hashed names, media types, names to save by. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cacheControlOf, IMMUTABLE, isHashedName } from './cache-rules.ts';
import { contentTypeOf } from './content-type.ts';
import { attachmentOf } from './disposition.ts';
import { matches, patternOf } from './name-pattern.ts';

/** A path in the form in which paths are kept: bytes, each written as one character. */
const raw = (text: string) => Buffer.from(text, 'utf8').toString('latin1');

const PATTERNS: [string, string, boolean][] = [
  ['*', 'a/b/c.js', true],
  ['*.js', 'c.js', true],
  ['*.js', 'a/b/c.js', true],
  ['*.js', 'a.js/b', false],
  ['*.js', 'c.jsx', false],
  ['index.html', 'sub/index.html', true],
  ['/index.html', 'sub/index.html', false],
  ['/index.html', 'index.html', true],
  ['/assets/*', 'assets/a/b.js', true],
  ['/assets/*', 'assets', false],
  ['/assets/*', 'other/assets/a', false],
  ['/*/b/*.css', 'a/b/c/d.css', true],
  ['/*/b/*.css', 'a/c/d.css', false],
  ['*a*b*c', 'xaybzabc', true],
  ['*a*b*c', 'xaybzab', false],
  ['ä*', raw('sub/äöü'), true],
  ['a.c', 'abc', false],
];

test('a pattern with a slash is for paths, one without for names, and a star is anything', () => {
  for (const [pattern, path, wanted] of PATTERNS)
    assert.equal(matches(patternOf(pattern), path), wanted, `${pattern} ${path}`);
});

test('a pattern of many stars costs no more than its length times the name', () => {
  const pattern = patternOf(`${'*a'.repeat(2000)}b`);
  const startedMs = performance.now();
  assert.equal(matches(pattern, 'a'.repeat(4000)), false);
  assert.ok(performance.now() - startedMs < 2000);
});

test('names with a hash of bundlers are known, and words, dates and versions are not taken for one', () => {
  const hashed = [
    'assets/index-BkYzq0aF.js',
    'my-component-D4fZ_1qa.css',
    'main.3f2a1b9c.chunk.js',
    'logo.5d5d9eefa31e5e13a6610d9fa7a283bb.svg',
    'chunk-X4Q2KZ7B.js',
    'x.abcdef0123456789.js.map',
  ];
  const plain = [
    'index.html',
    'jquery-3.7.1.min.js',
    'jquery-validation.js',
    'jquery.validate.min.js',
    'font-awesome5.css',
    'report-2026-01-02.pdf',
    'report-20260102.pdf',
    'photo-IMG23456.jpg',
    'my-MyDoc123.pdf',
    'app-DataView.js',
    'BkYzq0aF.js',
    'abc-deadbeef',
    'assets-BkYzq0aF.js/index.html',
  ];
  for (const name of hashed) assert.ok(isHashedName(name), name);
  for (const name of plain) assert.ok(!isHashedName(name), name);
});

test('the first rule that matches says how a file is kept, then its hash, then the rest', () => {
  const rules = {
    rules: [
      { pattern: patternOf('/assets/*'), value: 'a' },
      { pattern: patternOf('*.js'), value: 'b' },
    ],
    immutable: true,
    otherwise: 'c',
  };
  assert.equal(cacheControlOf(rules, 'assets/x.js'), 'a');
  assert.equal(cacheControlOf(rules, 'x-BkYzq0aF.js'), 'b');
  assert.equal(cacheControlOf(rules, 'x-BkYzq0aF.css'), IMMUTABLE);
  assert.equal(cacheControlOf({ ...rules, immutable: false }, 'x-BkYzq0aF.css'), 'c');
});

test('names to save by are read the same by old and new clients', () => {
  assert.equal(attachmentOf('a/plain name.iso'), 'attachment; filename="plain name.iso"');
  assert.equal(
    attachmentOf(raw('naïve €.txt')),
    `attachment; filename="na_ve _.txt"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.txt`,
  );
  assert.equal(
    attachmentOf('a"b\\c%d.txt'),
    `attachment; filename="a_b_c_d.txt"; filename*=UTF-8''a%22b%5Cc%25d.txt`,
  );
  assert.equal(attachmentOf('a\r\nb'), `attachment; filename="a__b"; filename*=UTF-8''a%0D%0Ab`);
  // No text in any charset that we know: the bytes have no name.
  assert.match(attachmentOf('\xff\xfe.txt'), /^attachment; filename="_+\.txt"$/);
});

test('text says its charset, and what is no text has none', () => {
  assert.equal(contentTypeOf('a/b.HTML'), 'text/html; charset=utf-8');
  assert.equal(contentTypeOf('a.js'), 'text/javascript; charset=utf-8');
  assert.equal(contentTypeOf('a.json'), 'application/json');
  assert.equal(contentTypeOf('a.svg'), 'image/svg+xml');
  assert.equal(contentTypeOf('a.wasm'), 'application/wasm');
  for (const name of ['a', 'a.', '.html', 'a.b/c', 'a.unknown'])
    assert.equal(
      contentTypeOf(name),
      name === '.html' ? 'text/html; charset=utf-8' : 'application/octet-stream',
    );
});
