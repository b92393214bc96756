/**
 * Streams of requests that public probes and published smuggling attacks are made of, by name: the rows of the grid. What
 * each means is not written here; the strict reader says it. Behind each stands a canary, which only whoever found
 * the end of the request before it can answer.
 */

/** How this server can be sent content. */
export interface Carrier {
  readonly authority: string;
  readonly path: string;
  /** POST where that is answered, GET where content of it is read; undefined where neither is. */
  readonly contentMethod: string | undefined;
  readonly contentPath: string;
}

interface NamedCase {
  readonly name: string;
  readonly bytes: string;
}

const CODINGS = [
  ...['chunked', 'Chunked', 'xchunked', 'identity', 'chunked, chunked', 'chunked, identity', 'gzip, chunked'],
  ...['\x0bchunked', 'chunked\0', '"chunked"', 'chunked;q=1', ' , chunked'],
];
const LENGTHS = [
  '',
  'abc',
  '+5',
  '-5',
  '0x5',
  '5_0',
  '5 0',
  '5;',
  '5,6',
  '5, 5',
  '99999999999999999999',
  '005',
];
const CHUNKS = {
  'one chunk': '5\r\nhello\r\n0\r\n\r\n',
  'an extension': '5;a=b\r\nhello\r\n0\r\n\r\n',
  'a quoted extension': '5;a="b c"\r\nhello\r\n0\r\n\r\n',
  'an extension without a name': '5;\r\nhello\r\n0\r\n\r\n',
  'NUL in an extension': '5;a\0\r\nhello\r\n0\r\n\r\n',
  'CR in an extension': '5;a\rb\r\nhello\r\n0\r\n\r\n',
  'LF behind an extension': '5;a\nhello\r\n0\r\n\r\n',
  'a size with 0x': '0x5\r\nhello\r\n0\r\n\r\n',
  'a size with +': '+5\r\nhello\r\n0\r\n\r\n',
  'a negative size': '-5\r\nhello\r\n0\r\n\r\n',
  'a size with _': '0_5\r\nhello\r\n0\r\n\r\n',
  'white space before a size': ' 5\r\nhello\r\n0\r\n\r\n',
  'white space behind a size': '5 \r\nhello\r\n0\r\n\r\n',
  'no size': '\r\nhello\r\n0\r\n\r\n',
  'a size line that ends in LF': '5\nhello\r\n0\r\n\r\n',
  'a size line that ends in CR': '5\rhello\r\n0\r\n\r\n',
  'data that ends in LF': '5\r\nhello\n0\r\n\r\n',
  'data without an end': '5\r\nhello0\r\n\r\n',
  'data with another end': '5\r\nhelloXX0\r\n\r\n',
  'a size beyond 64 bits': '10000000000000005\r\nhello\r\n0\r\n\r\n',
  'a size beyond 32 bits that ends as 5 does': '100000005\r\nhello\r\n0\r\n\r\n',
  'leading zeros': '0000000000000000000005\r\nhello\r\n0\r\n\r\n',
  'a trailer': '5\r\nhello\r\n0\r\nX-A: b\r\n\r\n',
  'a Content-Length in the trailer': '5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n',
  'a trailer that is no field': '5\r\nhello\r\n0\r\nnothing\r\n\r\n',
};

export function namedCases({ authority, path, contentMethod, contentPath }: Carrier): NamedCase[] {
  const host = `Host: ${authority}\r\n`;
  const canary = `GET ${path} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`;
  const cases: NamedCase[] = [];
  const add = (name: string, bytes: string): void => void cases.push({ name, bytes: bytes + canary });
  const line = (name: string, text: string): void => add(name, `${text}\r\n${host}\r\n`);
  const field = (name: string, text: string): void =>
    add(name, `GET ${path} HTTP/1.1\r\n${host}${text}\r\n\r\n`);

  line('a good request', `GET ${path} HTTP/1.1`);
  line('two spaces in the request line', `GET  ${path} HTTP/1.1`);
  line('a tab in the request line', `GET\t${path}\tHTTP/1.1`);
  line('a space behind the version', `GET ${path} HTTP/1.1 `);
  line('a space in the target', `GET ${path}a b HTTP/1.1`);
  line('a fragment in the target', `GET ${path}#a HTTP/1.1`);
  line('NUL in the target', `GET ${path}\0 HTTP/1.1`);
  line('no slash', 'GET a HTTP/1.1');
  line('HTTP/2.0 in a request line', `GET ${path} HTTP/2.0`);
  line('HTTP/9.9', `GET ${path} HTTP/9.9`);
  line('a version in lower case', `GET ${path} http/1.1`);
  line('a version with leading zeros', `GET ${path} HTTP/01.1`);
  line('no version', `GET ${path}`);
  line('the target with its scheme', `GET http://${authority}${path} HTTP/1.1`);
  add('a request line that ends in LF', `GET ${path} HTTP/1.1\n${host}\r\n`);
  add('a request line that ends in CR', `GET ${path} HTTP/1.1\r${host}\r\n`);
  add('empty lines before a request', `\r\n\r\nGET ${path} HTTP/1.1\r\n${host}\r\n`);
  add('no Host', `GET ${path} HTTP/1.1\r\n\r\n`);
  add('a Host that is no host', `GET ${path} HTTP/1.1\r\nHost: a/b@c\r\n\r\n`);
  field('two Hosts', 'Host: other.example');
  field('a space before a colon', 'X-A : b');
  field('a tab before a colon', 'X-A\t: b');
  field('a folded line', 'X-A: b\r\n c');
  field('a field line that ends in LF', 'X-A: b\nX-B: c');
  field('CR in a value', 'X-A: b\rc');
  field('NUL in a value', 'X-A: b\0c');
  field('a control character in a value', 'X-A: b\x07c');
  field('an empty name', ': b');
  field('brackets in a name', 'X[A]: b');
  field('no colon', 'nothing');
  field('an underscore in a name', 'Content_Length: 50');
  add('white space before the first field', `GET ${path} HTTP/1.1\r\n ${host}\r\n`);
  add('empty lines between requests', `GET ${path} HTTP/1.1\r\n${host}\r\n\r\n\r\n`);
  if (contentMethod !== undefined) contentCases(add, `${contentMethod} ${contentPath}`, host);
  return cases;
}

function contentCases(add: (name: string, bytes: string) => void, start: string, host: string): void {
  const content = (name: string, fields: string, text: string, version = 'HTTP/1.1'): void =>
    add(name, `${start} ${version}\r\n${host}${fields}\r\n\r\n${text}`);
  content('content by its length', 'Content-Length: 5', 'hello');
  for (const length of LENGTHS)
    content(`Content-Length: ${JSON.stringify(length)}`, `Content-Length: ${length}`, 'hello');
  content('two Content-Lengths that differ', 'Content-Length: 5\r\nContent-Length: 0', 'hello');
  content(
    'two Content-Lengths that differ, the small one first',
    'Content-Length: 0\r\nContent-Length: 5',
    'hello',
  );
  content('the same Content-Length twice', 'Content-Length: 5\r\nContent-Length: 5', 'hello');
  content('white space before the colon of Content-Length', 'Content-Length : 5', 'hello');
  for (const coding of CODINGS)
    content(
      `Transfer-Encoding: ${JSON.stringify(coding)}`,
      `Transfer-Encoding: ${coding}`,
      '5\r\nhello\r\n0\r\n\r\n',
    );
  content(
    'Content-Length before chunked',
    'Content-Length: 15\r\nTransfer-Encoding: chunked',
    '5\r\nhello\r\n0\r\n\r\n',
  );
  content(
    'chunked before Content-Length',
    'Transfer-Encoding: chunked\r\nContent-Length: 5',
    '5\r\nhello\r\n0\r\n\r\n',
  );
  content(
    'white space before the colon of Transfer-Encoding',
    'Transfer-Encoding : chunked',
    '5\r\nhello\r\n0\r\n\r\n',
  );
  content('a folded Transfer-Encoding', 'Transfer-Encoding:\r\n chunked', '5\r\nhello\r\n0\r\n\r\n');
  content(
    'a Transfer-Encoding of two lines',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity',
    '5\r\nhello\r\n0\r\n\r\n',
  );
  content(
    'chunked in HTTP/1.0',
    'Connection: keep-alive\r\nTransfer-Encoding: chunked',
    '5\r\nhello\r\n0\r\n\r\n',
    'HTTP/1.0',
  );
  for (const [name, text] of Object.entries(CHUNKS))
    content(`chunks: ${name}`, 'Transfer-Encoding: chunked', text);
}
