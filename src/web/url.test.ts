import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { redirectLocation, requestUrl } from './url.ts';

function urlOf(host: string | undefined, target: string, scheme: 'http' | 'https' = 'http'): string {
  const text = `GET ${target} HTTP/1.1\r\nHost: ${host ?? ''}\r\n`;
  const hostStart = host === undefined ? -1 : text.length - 2 - host.length;
  return requestUrl(scheme, 'localhost:8080', text, 4, 4 + target.length, hostStart, text.length - 2);
}

/** What RFC 9110 §7.1 and the URL standard make of authority and origin-form target; a backslash is no slash. */
function expected(host: string, sent: string, scheme: string): string {
  const target = sent.replace(/^[^?]*/, (path) => path.replaceAll('\\', '%5C'));
  const isAuthority = host !== '' && !/[/?#@\\\s]/.test(host);
  try {
    if (isAuthority) return new URL(`${scheme}://${host}${target}`).href;
  } catch {}
  return new URL(`${scheme}://localhost:8080${target}`).href;
}

const host = fc.oneof(
  fc.constantFrom(
    'example.com',
    'EXAMPLE.com',
    '127.0.0.1:8080',
    '127.1',
    '0x7f.1',
    '1.2.3.4',
    '1.2.3.256',
    '01.2.3.4',
    '256',
    '[::1]',
    '[::1]:80',
    'a:80',
    'a:443',
    'a:080',
    'a:65536',
    'a:65535',
    'a:',
    'a:x',
    'xn--a',
    'xn--nxasmq6b',
    'a_b',
    'a..b',
    '.a',
    'a.',
    '-a',
    'a-',
    'a--b',
    'a.1',
    '1a',
    'a.0x1',
    'u@h',
    'a/b',
    'a?b',
    'a#b',
    'a\\b',
    'a b',
    'ü',
    '%41',
    '',
    'a.b.c.d:1',
    '1.2.3.4.',
    '1.2.3',
  ),
  fc.string({ unit: fc.constantFrom(...'aZ09.-:x_%@[]'), maxLength: 10 }),
  fc.domain(),
);
const target = fc
  .oneof(
    fc.string({ unit: fc.constantFrom(...'/..%2eEab?#&=\'"<>`{}|^\\~:@;,[]é'), maxLength: 14 }),
    fc.webPath().map((path) => path.slice(1)),
    fc.constantFrom(
      'a/../b',
      './x',
      '.well-known/x',
      '%2e/x',
      '%2E%2e/x',
      'a/.',
      'a/..',
      '..a',
      '/evil.com/x',
      '%e4/x',
      'a?b/../c',
      "?'",
      '?a=b#c',
    ),
  )
  .map((rest) => `/${rest}`);

describe('the URL of a request', () => {
  it('is what new URL gives, however unusual the parts', () => {
    fc.assert(
      fc.property(
        host,
        target,
        fc.constantFrom('http' as const, 'https' as const),
        (authority, path, scheme) => {
          assert.equal(urlOf(authority, path, scheme), expected(authority, path, scheme));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('is put together for the common ones', () => {
    assert.equal(urlOf('localhost:3000', '/a/b.html?q=1&r=%20'), 'http://localhost:3000/a/b.html?q=1&r=%20');
    assert.equal(urlOf('127.0.0.1:8080', '/'), 'http://127.0.0.1:8080/');
  });

  it('falls back to the default authority where there is none, or what is given is none', () => {
    for (const none of [undefined, '', 'a:b', 'user@host', 'a/b', '[::1', 'a b']) {
      assert.equal(urlOf(none, '/x'), 'http://localhost:8080/x', String(none));
    }
  });

  it('never takes a backslash in a path for a slash, as proxies do not', () => {
    assert.equal(urlOf('a.com', '/a\\..\\b?c\\d'), 'http://a.com/a%5C..%5Cb?c\\d');
    assert.equal(urlOf('a.com', 'http://a.com/x\\y'), 'http://a.com/x%5Cy');
  });

  it('never takes a path that begins with two slashes for an authority', () => {
    assert.equal(urlOf('a.com', '//evil.com/x'), 'http://a.com//evil.com/x');
  });

  it('of an absolute-form target ignores the Host field (RFC 9112 §3.2.2)', () => {
    assert.equal(urlOf('a.com', 'http://B.com/x/../y'), 'http://b.com/y');
    // The scheme is the connection's: what came in the clear is not https, whatever the client calls it.
    assert.equal(urlOf('a.com', 'HTTPS://b.com:443/'), 'http://b.com/');
    assert.equal(urlOf('a.com', 'https://b.com/x?y'), 'http://b.com/x?y');
    assert.equal(urlOf('a.com', 'https://b.com:8443/'), 'http://b.com:8443/');
    assert.equal(urlOf('a.com', 'http://user:secret@b.com/'), 'http://b.com/');
    assert.equal(urlOf('a.com', 'http://[x/'), 'http://a.com/');
  });

  it('of asterisk form and authority form has an empty path (RFC 9112 §3.3)', () => {
    assert.equal(urlOf('a.com', '*'), 'http://a.com/');
    assert.equal(urlOf('a.com', 'b.com:443'), 'http://b.com:443/');
    assert.equal(urlOf('a.com', ''), 'http://a.com/');
    assert.equal(urlOf('a.com', '?x'), 'http://a.com/');
  });
});

describe('the Location of a redirect', () => {
  const CASES: [given: string, sent: string][] = [
    ['http://A/../b c', 'http://a/b%20c'],
    ['/', '/'],
    ['/a b?ü#é', '/a%20b?%C3%BC#%C3%A9'],
    ['../a', '../a'],
    ['a/./b', 'a/./b'],
    ['?q=ÿ', '?q=%C3%BF'],
    ['#top', '#top'],
    ['//host/a', '//host/a'],
    ['\\\\host\\a', '//host/a'],
    ['/a\r\nX: y', '/aX:%20y'],
    ['\x01a"<>`{}\0b ', 'a%22%3C%3E%60%7B%7D%00b'],
    ['a\ud800', 'a%EF%BF%BD'],
    ['mailto:a@b', 'mailto:a@b'],
  ];

  it('may be relative, and is then sent so, encoded', () => {
    for (const [given, sent] of CASES) assert.equal(redirectLocation(given), sent);
    for (const wrong of ['http://:bad', '//', 'http://a:b'])
      assert.throws(() => redirectLocation(wrong), TypeError);
  });

  it('leads a client to where the reference leads', () => {
    const page = 'http://example.com/a/b/c?d#e';
    for (const [given, sent] of CASES) assert.equal(new URL(sent, page).href, new URL(given, page).href);
  });

  it('is resolved against the page where Node’s fetch has one', () => {
    const key = Symbol.for('undici.globalOrigin.1');
    Object.defineProperty(globalThis, key, { value: new URL('http://page/a/b'), configurable: true });
    try {
      assert.equal(redirectLocation('../c'), 'http://page/c');
    } finally {
      Reflect.deleteProperty(globalThis, key);
    }
  });
});
