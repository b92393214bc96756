/**
 * What public probes of HTTP/1.1 servers ask (Http11Probe of MDA2AV names 161 scored cases; the rules are those of
 * RFC 9110 and 9112), as bytes and what Holdfast does with them. `HOST` stands for a Host field that is right.
 * docs/conformance-http1.md argues where a probe would rather see something else.
 */

const HOST = 'Host: localhost\r\n';
const CHUNKED = `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;

export interface ProbeCase {
  readonly rule: string;
  readonly bytes: string;
  /** The status of the only response, after which the connection ends. */
  readonly refusedWith?: number;
  /** Statuses in order; the connection goes on unless `closes`. */
  readonly answeredWith?: readonly number[];
  readonly closes?: boolean;
  /** What the last answer has to show. */
  readonly content?: string;
  readonly field?: RegExp;
  readonly without?: RegExp;
  /** No answer is due: the message is not whole. */
  readonly waits?: boolean;
}

const line = (text: string, fields = HOST): string => `${text}\r\n${fields}\r\n`;
const field = (text: string): string => line('GET / HTTP/1.1', `${HOST}${text}\r\n`);
const post = (fields: string, body = ''): string => `POST / HTTP/1.1\r\n${HOST}${fields}\r\n\r\n${body}`;

function refused(status: number, cases: Record<string, string>): ProbeCase[] {
  return Object.entries(cases).map(([rule, bytes]) => ({ rule, bytes, refusedWith: status }));
}

/** A body of five bytes that comes back. */
function echoes(cases: Record<string, string>): ProbeCase[] {
  return Object.entries(cases).map(([rule, bytes]) => ({
    rule,
    bytes,
    answeredWith: [200],
    content: 'hello',
  }));
}

const LINES = refused(400, {
  'a bare LF ends the request line': `GET / HTTP/1.1\n${HOST}\r\n`,
  'a bare CR ends the request line': `GET / HTTP/1.1\r${HOST}\r\n`,
  'two spaces in the request line': line('GET  / HTTP/1.1'),
  'a tab in the request line': line('GET\t/\tHTTP/1.1'),
  'a space behind the version': line('GET / HTTP/1.1 '),
  'no target': line('GET HTTP/1.1'),
  'no version': 'GET /\r\n',
  'a space in the target': line('GET /a b HTTP/1.1'),
  'a fragment in the target': line('GET /path#frag HTTP/1.1'),
  'an asterisk for GET': line('GET * HTTP/1.1'),
  'no minor version': line('GET / HTTP/1'),
  'leading zeros of the version': line('GET / HTTP/01.01'),
  'white space in the version': line('GET / HTTP/ 1.1'),
  'lower case in the version': line('GET / http/1.1'),
  'NUL in the target': line('GET /\0.html HTTP/1.1'),
  'UTF-8 in the target': line('GET /caf\xc3\xa9 HTTP/1.1'),
  'an overlong slash in the target': line('GET /\xc0\xaf HTTP/1.1'),
  'bytes that are no text': '\x9f\x05\xe2\x00\x11\xff\r\n\x80',
  'only white space': '   \r\n\r\n',
});

const FIELDS = refused(400, {
  'a bare LF ends a field line': `GET / HTTP/1.1\r\nHost: a\nX-Test: value\r\n\r\n`,
  'a folded line': field('X-Test: value\r\n continued'),
  'a space before the colon': field('X-Test : value'),
  'an empty name': field(': value'),
  'brackets in a name': field('Bad[Name: value'),
  'a tab in a name': field('X\tTest: value'),
  'UTF-8 in a name': field('X-T\xc3\xabst: value'),
  'no colon': field('NoColonHere'),
  'white space before the first field': line('GET / HTTP/1.1', ` \r\n${HOST}`),
  'control characters in a value': field('X-Test: abc\x07\x08\x0bdef'),
  'NUL in a value': field('X-Test: val\0ue'),
  'a bare CR in a value': post('Content-Length: 5\r\nX-Test: val\rue', 'hello'),
  'no Host': 'GET / HTTP/1.1\r\n\r\n',
  'two Hosts': field('Host: other.example'),
  'the same Host twice': field('Host: localhost'),
  'an empty Host': line('GET / HTTP/1.1', 'Host:\r\n'),
  'user information in Host': line('GET / HTTP/1.1', 'Host: user@localhost\r\n'),
  'a path in Host': line('GET / HTTP/1.1', 'Host: localhost/path\r\n'),
  'a list in Host': line('GET / HTTP/1.1', 'Host: localhost, other\r\n'),
});

const lengths: Record<string, string> = {};
for (const value of [
  ...['', 'abc', '+5', '-5', '-0', '0x5', '0o5', '1_0', '5, 6', '5 0', '5;', '99999999999999999999'],
  ...['5\r\nContent-Length: 6', '5\r\nContent-Length: 5', '5\r\nContent-Length : 6'],
])
  lengths[`a Content-Length of ${JSON.stringify(value)}`] = post(`Content-Length: ${value}`, 'hello');

const codings: Record<string, string> = {};
for (const value of [
  ...[
    'chunked',
    'Chunked',
    'chunked ',
    ' chunked',
    '\r\n chunked',
    'xchunked',
    'identity',
    '',
    'chunked, chunked',
  ],
  ...['chunked, identity', ', chunked', 'chunked,', '\x0bchunked', '\x0cchunked', 'chunked\0'],
  ...['chunked\r\nTransfer-Encoding: identity', 'identity\r\nTransfer-Encoding: chunked'],
]) {
  const name = `a Transfer-Encoding of ${JSON.stringify(value)}`;
  codings[`${name} before a Content-Length`] = post(
    `Transfer-Encoding: ${value}\r\nContent-Length: 5`,
    'hello',
  );
  codings[`${name} behind a Content-Length, and a request in what may be the body`] = post(
    `Content-Length: 6\r\nTransfer-Encoding: ${value}`,
    `0\r\n\r\n${field('X: smuggled')}`,
  );
}
codings['a Transfer-Encoding of HTTP/1.0'] =
  `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`;
codings['a space between Transfer-Encoding and its colon'] = post('Transfer-Encoding : chunked', '0\r\n\r\n');

const chunks: Record<string, string> = {};
for (const text of [
  ...[
    '5;\r\nhello\r\n',
    '5;\nhello\r\n',
    '5;bad[x\r\nhello\r\n',
    '5;\0ext\r\nhello\r\n',
    '5;e\rxt\r\nhello\r\n',
  ],
  ...[
    '0x5\r\nhello\r\n',
    '+5\r\nhello\r\n',
    '+0\r\n\r\nX',
    '-1\r\nhello\r\n',
    '1_0\r\nhello\r\n',
    ' 5\r\nhello\r\n',
  ],
  ...['5 \r\nhello\r\n', '5\rhello\r\n', '5\nhello\r\n', '5\r\nhello\n', '5\r\nhello', '5\r\nhello!!\r\n'],
  ...['5\r\nhello\r\n0\r\n\n', 'FFFFFFFFFFFFFFFF0\r\nhello\r\n', '10000000000000000\r\nhello\r\n'],
])
  chunks[`chunks ${JSON.stringify(text)}`] =
    `${CHUNKED}${text}${text.includes('0\r\n\n') ? '' : '0\r\n\r\n'}`;
chunks['an extension of 64 KiB'] = `${CHUNKED}5;ext=${'a'.repeat(65_536)}\r\nhello\r\n0\r\n\r\n`;

const SIZES: ProbeCase[] = [
  ...refused(414, { 'a target of 100 KB': line(`GET /${'A'.repeat(100_000)} HTTP/1.1`) }),
  ...refused(431, {
    'a value of 100 KB': field(`X-Big: ${'B'.repeat(100_000)}`),
    'a name of 100 KB': field(`${'A'.repeat(100_000)}: value`),
    'ten thousand fields': field(`${'X-H: value\r\n'.repeat(10_000)}X: y`),
  }),
  ...refused(413, { 'a Content-Length of many terabytes': post('Content-Length: 99999999999999') }),
  ...refused(501, {
    'a method of 100 KB': line(`${'A'.repeat(100_000)} / HTTP/1.1`),
    CONNECT: line('CONNECT localhost:80 HTTP/1.1'),
    TRACE: line('TRACE / HTTP/1.1'),
    'another transfer coding': post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'),
  }),
  ...refused(505, {
    'HTTP/9.9': line('GET / HTTP/9.9'),
  }),
  ...refused(417, { 'an expectation that nobody knows': field('Expect: 200-ok') }),
  { rule: 'a target of 7,900 bytes', bytes: line(`GET /${'a'.repeat(7900)} HTTP/1.1`), answeredWith: [200] },
];

const GOOD: ProbeCase[] = [
  ...echoes({
    'a body by its length': post('Content-Length: 5', 'hello'),
    'a tab before a length': post('Content-Length:\t5', 'hello'),
    'spaces around a length': post('Content-Length:   5  ', 'hello'),
    'a length with leading zeros, which is decimal': post('Content-Length: 005', 'hello'),
    'one chunk': `${CHUNKED}5\r\nhello\r\n0\r\n\r\n`,
    'some chunks': `${CHUNKED}2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n`,
    'a size with leading zeros': `${CHUNKED}0005\r\nhello\r\n0\r\n\r\n`,
    'an extension': `${CHUNKED}5;ext=value\r\nhello\r\n0\r\n\r\n`,
    'a trailer': `${CHUNKED}5\r\nhello\r\n0\r\nX-Checksum: abc\r\n\r\n`,
    'two types of content, which are no type when joined': post(
      'Content-Length: 5\r\nContent-Type: text/plain\r\nContent-Type: text/html',
      'hello',
    ),
    'Range, which means nothing with POST': post('Content-Length: 5\r\nRange: bytes=0-1', 'hello'),
  }),
  {
    rule: 'a length of 0200 is two hundred',
    bytes: post('Content-Length: 0200', 'A'.repeat(200)) + field('X: y'),
    answeredWith: [200, 200],
  },
  { rule: 'a length of 00', bytes: post('Content-Length: 00') + field('X: y'), answeredWith: [200, 200] },
  {
    rule: 'sizes in capital letters',
    bytes: `${CHUNKED}A\r\nhellohello\r\n0\r\n\r\n`,
    answeredWith: [200],
    content: 'hellohello',
  },
  { rule: 'no body at all', bytes: post('X: y'), answeredWith: [200], content: '' },
  { rule: 'a length of 0', bytes: post('Content-Length: 0'), answeredWith: [200], content: '' },
  { rule: 'no chunk but the last', bytes: `${CHUNKED}0\r\n\r\n`, answeredWith: [200], content: '' },
  { rule: 'two pipelined requests', bytes: field('X: 1') + field('X: 2'), answeredWith: [200, 200] },
  { rule: 'two empty lines before a request', bytes: `\r\n\r\n${field('X: y')}`, answeredWith: [200] },
  { rule: 'Connection: close', bytes: field('Connection: close'), answeredWith: [200], closes: true },
  { rule: 'HTTP/1.0', bytes: line('GET / HTTP/1.0'), answeredWith: [200], closes: true },
  {
    rule: 'HTTP/1.0 and an expectation',
    bytes: `POST / HTTP/1.0\r\n${HOST}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello`,
    answeredWith: [200],
    closes: true,
  },
  { rule: 'Date is sent', bytes: field('X: y'), answeredWith: [200], field: /\r\nDate: \w{3}, / },
  {
    rule: 'a type is sent',
    bytes: field('X: y'),
    answeredWith: [200],
    field: /\r\nContent-Type: text\/plain/i,
  },
  {
    rule: 'HEAD has no content',
    bytes: line('HEAD / HTTP/1.1'),
    answeredWith: [200],
    content: '',
    field: /\r\nContent-Length: 2\r\n/i,
  },
  {
    rule: '204 has no length',
    bytes: line('OPTIONS / HTTP/1.1'),
    answeredWith: [204],
    field: /\r\nAllow: /i,
    without: /content-length/i,
  },
  { rule: 'OPTIONS *', bytes: line('OPTIONS * HTTP/1.1'), answeredWith: [204] },
  {
    rule: '405 says what is allowed',
    bytes: line('DELETE / HTTP/1.1'),
    answeredWith: [405],
    field: /\r\nAllow: /i,
  },
  { rule: 'a method in lower case is another one', bytes: line('get / HTTP/1.1'), answeredWith: [405] },
  { rule: 'a method that the handler does not know', bytes: line('FOOBAR / HTTP/1.1'), answeredWith: [405] },
  {
    rule: 'a method that the handler does not know, with a body',
    bytes: `FOO / HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello${field('X: y')}`,
    answeredWith: [405, 200],
  },
  {
    rule: 'a name like Content-Length',
    bytes: post('Content-Length: 5\r\nContent_Length: 99', `hello${field('X: y')}`),
    answeredWith: [200, 200],
  },
  {
    rule: 'a name like Transfer-Encoding',
    bytes: post('Content-Length: 5\r\nTransfer_Encoding: chunked', `hello${field('X: y')}`),
    answeredWith: [200, 200],
  },
  ...['%00.html', '%0d%0aX-Injected:%20true', 'a\\b', '..%2f..%2fetc', '%c0%af'].map((path) => ({
    rule: `the path /${path} reaches the handler as it is`,
    bytes: line(`GET /url/${path} HTTP/1.1`),
    answeredWith: [200],
    content: `/url/${path.replace('\\', '%5C')}`,
    without: /X-Injected: true\r\n/,
  })),
  // h2c with settings is taken: test/http2-switching.
  ...['websocket', 'h2c', 'TLS/1.0', 'other/1'].flatMap((protocol) =>
    [
      'Connection: Upgrade\r\n',
      protocol === 'h2c'
        ? 'Connection: Upgrade\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n'
        : 'Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n',
      '',
    ].map((connection) => ({
      rule: `Upgrade: ${protocol} is not taken${connection === '' ? ', nor meant' : ''}`,
      bytes: field(
        `${connection}Upgrade: ${protocol}\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 99`,
      ),
      answeredWith: [200],
    })),
  ),
];

const UNFINISHED: ProbeCase[] = [
  { rule: 'nothing is sent', bytes: '', waits: true },
  { rule: 'half a head', bytes: 'GET / HTTP/1.1\r\nHost: localhost\r\n', waits: true },
  { rule: 'half a body', bytes: post('Content-Length: 10', 'hello'), waits: true },
  { rule: 'no last chunk', bytes: `${CHUNKED}5\r\nhello\r\n`, waits: true },
];

export const PROBE_CASES: readonly ProbeCase[] = [
  ...LINES,
  ...FIELDS,
  ...refused(400, lengths),
  ...refused(400, codings),
  ...refused(400, chunks),
  ...SIZES,
  ...GOOD,
  ...UNFINISHED,
];
