import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeSegment, parsePath, pathnameOf, queryOf } from './path.ts';

const ESCAPES = [
  '/..',
  '/../',
  '/../etc/passwd',
  '/a/../../etc/passwd',
  '/%2e%2e/etc/passwd',
  '/%2E%2e/etc/passwd',
  '/.%2e/etc/passwd',
  '/..%2fetc/passwd',
  '/..%2Fetc%2Fpasswd',
  '/%2e%2e%2fetc/passwd',
  '/a%2f..%2f..%2fetc/passwd',
  '/%2fetc/passwd',
  '/..\\etc\\passwd',
  '/..%5cetc%5cpasswd',
  '/%5c%5chost/share',
  '/index.html%00.png',
  '/%00',
  '/./index.html',
  '/%2e/index.html',
  '/.git/config',
  '/%2egit/config',
  '/a/.env',
  '/a/.well-known/x',
  '/...',
];

test('no way of spelling a way out of the root, or to a hidden name, is let through', () => {
  for (const target of ESCAPES) assert.equal(parsePath(target, false).kind, 'refused', target);
});

test('a percent sign without two hex digits is malformed', () => {
  for (const target of ['/%', '/%4', '/%zz', '/a%2', '/%%41', '/%-1', '/% 1']) {
    assert.equal(parsePath(target, false).kind, 'malformed', target);
  }
});

test('.well-known at the root may be named, other hidden names only when allowed', () => {
  assert.equal(parsePath('/.well-known/acme-challenge/x', false).kind, 'path');
  assert.equal(parsePath('/.env', true).kind, 'path');
  assert.equal(parsePath('/../.env', true).kind, 'refused');
});

test('repeated slashes name the same entry, and the last one is remembered', () => {
  assert.deepEqual(parsePath('//a///b', false), { kind: 'path', path: 'a/b', endsWithSlash: false });
  assert.deepEqual(parsePath('/a/b//', false), { kind: 'path', path: 'a/b', endsWithSlash: true });
  assert.deepEqual(parsePath('/', false), { kind: 'path', path: '', endsWithSlash: true });
});

test('percent-encoded bytes arrive as they are, also when they are no UTF-8', () => {
  const parsed = parsePath('/%C3%A4%FF%20x', false);
  assert.deepEqual(parsed, { kind: 'path', path: '\xc3\xa4\xff x', endsWithSlash: false });
});

test('whatever is let through has only plain segments (property)', () => {
  const piece = fc.constantFrom(
    '..',
    '.',
    '%2e',
    '%2f',
    '/',
    '//',
    '\\',
    '%5c',
    '%00',
    '%',
    'a',
    '%41',
    '%ff',
    '?',
    '#',
    'ä',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, hidden) => {
      const parsed = parsePath(`/${pieces.join('')}`, hidden);
      if (parsed.kind !== 'path' || parsed.path === '') return;
      for (const segment of parsed.path.split('/')) {
        assert.ok(segment !== '' && segment !== '.' && segment !== '..');
        assert.ok(!/[\\\0]/.test(segment));
        assert.ok(hidden || !segment.startsWith('.'));
      }
    }),
    { numRuns: 2000 },
  );
});

test('an encoded segment decodes to the bytes it was made of (property)', () => {
  const name = fc.string({ unit: fc.nat(255).map((n) => String.fromCharCode(n)), minLength: 1 });
  fc.assert(
    fc.property(name, (raw) => {
      const encoded = encodeSegment(raw);
      assert.match(encoded, /^[\w.~%-]+$/);
      const parsed = parsePath(`/x${encoded}`, true);
      if (/[/\\\0]/.test(raw)) assert.equal(parsed.kind, 'refused');
      else assert.deepEqual(parsed, { kind: 'path', path: `x${raw}`, endsWithSlash: false });
    }),
  );
});

test('path and query are taken from absolute URLs and from targets alike', () => {
  assert.equal(pathnameOf('http://a:1/b/c?d#e'), '/b/c');
  assert.equal(pathnameOf('/b/c?x=http://y/z'), '/b/c');
  assert.equal(pathnameOf('//evil.example/x'), '//evil.example/x');
  assert.equal(pathnameOf('http://a'), '/');
  assert.equal(pathnameOf('http://a?b/c'), '/');
  assert.equal(pathnameOf('http://a#b/c'), '/');
  assert.equal(queryOf('http://a/b?c=d?e#f'), '?c=d?e');
  assert.equal(queryOf('http://a/b#c?d'), '');
});
