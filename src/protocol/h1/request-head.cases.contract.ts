/**
 * Request heads and what must become of them, by rule. `verdict` is a fault's code, `ok`, or `more`.
 * Each case is run whole, in two pieces at every place, byte by byte, and with bytes behind.
 */

export interface HeadCase {
  readonly rule: string;
  readonly text: string;
  readonly verdict: string;
  /** Facts that must hold, for `ok`. */
  readonly facts?: Readonly<Record<string, string | number | boolean | undefined>>;
}

/** A head with these field lines and what it needs besides. */
function get(fields: string): string {
  return `GET / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
}

function post(fields: string): string {
  return `POST / HTTP/1.1\r\nHost: a\r\n${fields}\r\n`;
}

function withHost(host: string): string {
  return `GET / HTTP/1.1\r\nHost:${host}\r\n\r\n`;
}

function line(requestLine: string): string {
  return `${requestLine}\r\nHost: a\r\n\r\n`;
}

export const HEAD_CASES: readonly HeadCase[] = [
  // What must pass.
  {
    rule: 'the least request',
    text: get(''),
    verdict: 'ok',
    facts: { method: 'GET', target: '/', minor: 1, keepAlive: true, host: 'a', contentLength: -1 },
  },
  {
    rule: 'HTTP/1.0 without Host closes',
    text: 'GET / HTTP/1.0\r\n\r\n',
    verdict: 'ok',
    facts: { minor: 0, keepAlive: false, host: undefined },
  },
  {
    rule: 'HTTP/1.0 with keep-alive stays',
    text: 'GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n',
    verdict: 'ok',
    facts: { keepAlive: true },
  },
  {
    rule: 'a higher minor version is read as 1.1',
    text: line('GET / HTTP/1.7'),
    verdict: 'ok',
    facts: { minor: 1, keepAlive: true },
  },
  {
    rule: 'an empty line before the request line is skipped (RFC 9112 §2.2)',
    text: `\r\n${get('')}`,
    verdict: 'ok',
    facts: { method: 'GET', host: 'a' },
  },
  { rule: 'two empty lines are skipped', text: `\r\n\r\n${get('')}`, verdict: 'ok', facts: { target: '/' } },
  {
    rule: 'an unknown method is a token',
    text: line('PROPFIND /dav HTTP/1.1'),
    verdict: 'ok',
    facts: { method: 'PROPFIND' },
  },
  {
    rule: 'methods are case-sensitive',
    text: line('get / HTTP/1.1'),
    verdict: 'ok',
    facts: { method: 'get' },
  },
  {
    rule: 'every known method',
    text: line('OPTIONS * HTTP/1.1'),
    verdict: 'ok',
    facts: { method: 'OPTIONS', target: '*' },
  },
  {
    rule: 'absolute form overrides Host (RFC 9112 §3.2.2)',
    text: line('GET http://b:81/x?y HTTP/1.1'),
    verdict: 'ok',
    facts: { host: 'b:81', target: 'http://b:81/x?y' },
  },
  {
    rule: 'absolute form without a path, scheme in any case',
    text: line('GET HTTPS://b?y HTTP/1.1'),
    verdict: 'ok',
    facts: { host: 'b' },
  },
  {
    rule: 'targets may hold raw bytes that RFC 3986 encodes',
    text: line('GET /a|b"c^d?{x} HTTP/1.1'),
    verdict: 'ok',
    facts: { target: '/a|b"c^d?{x}' },
  },
  {
    rule: 'a value may be empty, padded, and hold tabs and latin1',
    text: get('A:\r\nB: \t x\ty \t\r\nC: \xe9\xff\r\n'),
    verdict: 'ok',
  },
  {
    rule: 'Content-Length',
    text: post('Content-Length: 12\r\n'),
    verdict: 'ok',
    facts: { contentLength: 12, chunked: false },
  },
  {
    rule: 'Content-Length with leading zeros',
    text: post('content-length:000\r\n'),
    verdict: 'ok',
    facts: { contentLength: 0 },
  },
  {
    rule: 'Content-Length of 2^53 - 1',
    text: post('Content-Length: 9007199254740991\r\n'),
    verdict: 'ok',
    facts: { contentLength: Number.MAX_SAFE_INTEGER },
  },
  {
    rule: 'chunked in any case',
    text: post('TRANSFER-ENCODING: \tChunKed \r\n'),
    verdict: 'ok',
    facts: { chunked: true, contentLength: -1 },
  },
  {
    rule: 'Connection may be repeated and hold empty elements',
    text: get('Connection: , foo\r\nCONNECTION: ,CLOSE ,\r\n'),
    verdict: 'ok',
    facts: { keepAlive: false },
  },
  {
    rule: 'close wins over keep-alive',
    text: get('Connection: keep-alive, close\r\n'),
    verdict: 'ok',
    facts: { keepAlive: false },
  },
  {
    rule: 'a token that only contains close is not close',
    text: get('Connection: closed, not-close\r\n'),
    verdict: 'ok',
    facts: { keepAlive: true },
  },
  {
    rule: 'Upgrade',
    text: get('Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n'),
    verdict: 'ok',
    facts: { hasConnectionUpgrade: true, upgrade: 'websocket', keepAlive: true },
  },
  {
    rule: 'Upgrade is ignored on HTTP/1.0 (RFC 9110 §7.8)',
    text: 'GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    verdict: 'ok',
    facts: { hasConnectionUpgrade: false, upgrade: undefined },
  },
  {
    rule: 'Expect',
    text: post('Expect: 100-Continue\r\nContent-Length: 1\r\n'),
    verdict: 'ok',
    facts: { expectContinue: true },
  },
  {
    rule: 'Expect is ignored on HTTP/1.0 (RFC 9110 §10.1.1)',
    text: 'POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n',
    verdict: 'ok',
    facts: { expectContinue: false },
  },
  ...[
    'example.com',
    'EXAMPLE.com:8080',
    'a:',
    '127.0.0.1:1',
    '[::1]:8080',
    '[::]',
    '[1:2:3:4:5:6:7:8]',
    '[1::8]',
    '[::ffff:1.2.3.4]',
    '[1:2:3:4:5:6:1.2.3.4]',
    'a_b',
    'a%20b',
    'x:65535',
  ].map((host) => ({ rule: `Host ${host}`, text: withHost(host), verdict: 'ok', facts: { host } })),
  // Incomplete.
  { rule: 'nothing yet', text: '', verdict: 'more' },
  { rule: 'half a method', text: 'GE', verdict: 'more' },
  { rule: 'no empty line yet', text: 'GET / HTTP/1.1\r\nHost: a\r\n', verdict: 'more' },
  { rule: 'half of the last line end', text: 'GET / HTTP/1.1\r\nHost: a\r\n\r', verdict: 'more' },
  // The request line.
  { rule: 'three empty lines are too many', text: `\r\n\r\n\r\n${get('')}`, verdict: 'too-many-empty-lines' },
  { rule: 'an empty line must end in CRLF', text: `\n${get('')}`, verdict: 'bare-lf' },
  { rule: 'an empty line must not be a bare CR', text: `\r${get('')}`, verdict: 'bare-cr' },
  { rule: 'no space before the method', text: ` ${get('')}`, verdict: 'bad-method' },
  { rule: 'a method is a token', text: line('GE(T / HTTP/1.1'), verdict: 'bad-method' },
  {
    rule: 'a method is followed by a space, not a tab',
    text: line('GET\t/ HTTP/1.1'),
    verdict: 'bad-method',
  },
  {
    rule: 'a very long method is not implemented (RFC 9112 §3)',
    text: line(`${'A'.repeat(33)} / HTTP/1.1`),
    verdict: 'method-unsupported',
  },
  { rule: 'CONNECT', text: line('CONNECT a:80 HTTP/1.1'), verdict: 'method-unsupported' },
  { rule: 'TRACE', text: line('TRACE / HTTP/1.1'), verdict: 'method-unsupported' },
  { rule: 'one space after the method', text: line('GET  / HTTP/1.1'), verdict: 'bad-target' },
  { rule: 'one space after the target', text: line('GET /  HTTP/1.1'), verdict: 'bad-request-line' },
  { rule: 'no space after the version', text: line('GET / HTTP/1.1 '), verdict: 'bad-request-line' },
  { rule: 'no fragment in a target', text: line('GET /a#b HTTP/1.1'), verdict: 'bad-target' },
  { rule: 'no latin1 in a target', text: line('GET /\xe9 HTTP/1.1'), verdict: 'bad-target' },
  { rule: 'no NUL in a target', text: line('GET /\x00 HTTP/1.1'), verdict: 'bad-target' },
  { rule: 'no DEL in a target', text: line('GET /\x7f HTTP/1.1'), verdict: 'bad-target' },
  { rule: 'no tab in a target', text: line('GET /a\tb HTTP/1.1'), verdict: 'bad-target' },
  { rule: 'asterisk only with OPTIONS', text: line('GET * HTTP/1.1'), verdict: 'bad-target' },
  { rule: 'asterisk alone', text: line('OPTIONS *x HTTP/1.1'), verdict: 'bad-target' },
  { rule: 'authority form only with CONNECT', text: line('GET a:80 HTTP/1.1'), verdict: 'bad-target' },
  { rule: 'a relative target', text: line('GET index.html HTTP/1.1'), verdict: 'bad-target' },
  { rule: 'a foreign scheme', text: line('GET ftp://a/ HTTP/1.1'), verdict: 'bad-target' },
  { rule: 'absolute form with an empty host', text: line('GET http:///x HTTP/1.1'), verdict: 'bad-target' },
  {
    rule: 'absolute form with user information',
    text: line('GET http://u@a/ HTTP/1.1'),
    verdict: 'bad-target',
  },
  { rule: 'HTTP/0.9', text: 'GET /\r\n', verdict: 'bad-request-line' },
  { rule: 'another protocol', text: line('GET / RTSP/1.0'), verdict: 'bad-request-line' },
  { rule: 'the version is case-sensitive', text: line('GET / http/1.1'), verdict: 'bad-request-line' },
  { rule: 'HTTP/2.0 in a request line', text: line('GET / HTTP/2.0'), verdict: 'version-unsupported' },
  { rule: 'HTTP/0.9 in a request line', text: line('GET / HTTP/0.9'), verdict: 'version-unsupported' },
  { rule: 'two digits of minor version', text: line('GET / HTTP/1.10'), verdict: 'bad-request-line' },
  { rule: 'two digits of major version', text: line('GET / HTTP/11.1'), verdict: 'bad-request-line' },
  { rule: 'leading zeros of a version', text: line('GET / HTTP/01.01'), verdict: 'bad-request-line' },
  { rule: 'two digits of a major version', text: line('GET / HTTP/20.0'), verdict: 'bad-request-line' },
  {
    rule: 'another version with words behind it',
    text: line('GET / HTTP/2.0 x'),
    verdict: 'bad-request-line',
  },
  { rule: 'no minor version', text: line('GET / HTTP/1'), verdict: 'bad-request-line' },
  {
    rule: 'the HTTP/2 preface (RFC 9113 §3.4)',
    text: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    verdict: 'http2-preface',
  },
  { rule: 'a PRI that is no preface', text: line('PRI * HTTP/1.1'), verdict: 'bad-target' },
  { rule: 'a request line ends in CRLF, not LF', text: 'GET / HTTP/1.1\nHost: a\n\n', verdict: 'bare-lf' },
  { rule: 'a request line ends in CRLF, not CR', text: 'GET / HTTP/1.1\rHost: a\r\r', verdict: 'bare-cr' },
  // Field lines.
  { rule: 'a field line ends in CRLF, not LF', text: get('A: b\n'), verdict: 'bare-lf' },
  { rule: 'a bare CR in a value', text: get('A: b\rC: d\r\n'), verdict: 'bare-cr' },
  { rule: 'an LF in a name', text: get('A\nB: c\r\n'), verdict: 'bare-lf' },
  { rule: 'a head that ends in LF', text: 'GET / HTTP/1.1\r\nHost: a\r\n\n', verdict: 'bare-lf' },
  {
    rule: 'a head that ends in CR and something',
    text: 'GET / HTTP/1.1\r\nHost: a\r\n\rX',
    verdict: 'bare-cr',
  },
  { rule: 'obs-fold with a space', text: get('A: b\r\n c\r\n'), verdict: 'obs-fold' },
  { rule: 'obs-fold with a tab', text: get('A: b\r\n\tc\r\n'), verdict: 'obs-fold' },
  {
    rule: 'white space before the first field',
    text: 'GET / HTTP/1.1\r\n Host: a\r\n\r\n',
    verdict: 'obs-fold',
  },
  { rule: 'a space before the colon', text: get('A : b\r\n'), verdict: 'space-before-colon' },
  { rule: 'a tab before the colon', text: get('A\t: b\r\n'), verdict: 'space-before-colon' },
  { rule: 'a space in a name', text: get('A B: c\r\n'), verdict: 'space-before-colon' },
  { rule: 'an empty name', text: get(': b\r\n'), verdict: 'bad-field-name' },
  { rule: 'a line without a colon', text: get('abc\r\n'), verdict: 'bad-field-name' },
  { rule: 'a name with a control byte', text: get('A\x01: b\r\n'), verdict: 'bad-field-name' },
  { rule: 'a name in latin1', text: get('\xc3\xa9: b\r\n'), verdict: 'bad-field-name' },
  ...['\x00', '\x01', '\x08', '\x0b', '\x0c', '\x1f', '\x7f'].map((byte) => ({
    rule: `the control byte ${byte.charCodeAt(0)} in a value`,
    text: get(`A: abcdefg${byte}hijk\r\n`),
    verdict: 'bad-field-value',
  })),
  // Host.
  { rule: 'HTTP/1.1 without Host', text: 'GET / HTTP/1.1\r\n\r\n', verdict: 'host-missing' },
  { rule: 'absolute form without Host', text: 'GET http://a/ HTTP/1.1\r\n\r\n', verdict: 'host-missing' },
  { rule: 'two Hosts', text: get('Host: a\r\n'), verdict: 'host-repeated' },
  {
    rule: 'two Hosts on HTTP/1.0',
    text: 'GET / HTTP/1.0\r\nHost: a\r\nhost: a\r\n\r\n',
    verdict: 'host-repeated',
  },
  ...[
    '',
    'a b',
    'a,b c',
    'u@a',
    'a/b',
    'http://a',
    ':80',
    'a:b',
    'a:65536',
    'a:1:2',
    '[::1',
    '[]',
    '[::1]x',
    '[1:2]',
    '[1::2::3]',
    '[:1::2]',
    '[1:2:3:4:5:6:7::8:9]',
    '[::1.2.3]',
    '[::1.2.3.256]',
    '[v1.x]',
    '[fe80::1%25eth0]',
    '::1',
    'a%2',
    'a%zz',
    '\xe9',
  ].map((host) => ({ rule: `Host ${host}`, text: withHost(host), verdict: 'bad-host' })),
  // Framing.
  ...[
    '',
    '-1',
    '+5',
    '5, 5',
    '5,5',
    '5 5',
    '0x5',
    '1e3',
    '5.0',
    '5;',
    '9007199254740992',
    '99999999999999999999999999',
  ].map((length) => ({
    rule: `Content-Length: ${length}`,
    text: post(`Content-Length: ${length}\r\n`),
    verdict: 'bad-content-length',
  })),
  {
    rule: 'two equal Content-Lengths',
    text: post('Content-Length: 5\r\nContent-Length: 5\r\n'),
    verdict: 'content-length-repeated',
  },
  {
    rule: 'two different Content-Lengths',
    text: post('Content-Length: 5\r\nContent-Length: 6\r\n'),
    verdict: 'content-length-repeated',
  },
  {
    rule: 'Content-Length then chunked',
    text: post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'),
    verdict: 'content-length-with-transfer-encoding',
  },
  {
    rule: 'chunked then Content-Length',
    text: post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n'),
    verdict: 'content-length-with-transfer-encoding',
  },
  {
    rule: 'gzip before chunked',
    text: post('Transfer-Encoding: gzip, chunked\r\n'),
    verdict: 'transfer-coding-unsupported',
  },
  {
    rule: 'gzip before chunked on two lines',
    text: post('Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n'),
    verdict: 'transfer-coding-unsupported',
  },
  ...[
    '',
    'gzip',
    'identity',
    'xchunked',
    'chunked, gzip',
    'chunked, chunked',
    'chunked,',
    ', chunked',
    'chunked;q=1',
    '"chunked"',
    'chunked x',
    'chunked, identity',
  ].map((coding) => ({
    rule: `Transfer-Encoding: ${coding}`,
    text: post(`Transfer-Encoding: ${coding}\r\n`),
    verdict: 'bad-transfer-encoding',
  })),
  {
    rule: 'chunked on two lines',
    text: post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n'),
    verdict: 'bad-transfer-encoding',
  },
  {
    rule: 'Transfer-Encoding on HTTP/1.0',
    text: 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
    verdict: 'transfer-encoding-on-http10',
  },
  {
    rule: 'a vertical tab around chunked',
    text: post('Transfer-Encoding: \x0bchunked\r\n'),
    verdict: 'bad-field-value',
  },
  { rule: 'another expectation', text: post('Expect: 200-ok\r\n'), verdict: 'expectation-failed' },
  { rule: 'an empty expectation', text: post('Expect:\r\n'), verdict: 'expectation-failed' },
];
