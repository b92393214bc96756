/**
 * Streams of requests out of a seed: good ones from a grammar, of which some then have something done to them. It does not
 * know what that makes of them; the strict reader does.
 */
import type { SeededRandom } from '../../base/random.ts';
import { type Script, type Step, send } from '../wire/script.ts';
import type { Carrier } from './cases.ts';

const NAME_LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~';
const VALUE_LETTERS = `${NAME_LETTERS} ,;=/"()`;
const REQUESTS_MAX = 10;
const FIELDS_MAX = 10;
const PIECES_MAX = 8;
/** Beyond that, limits on heads decide, which are the server's own. */
const OVERSIZE_BYTES = [8200, 16_500, 66_000];

/** A stream that has something wrong in it three times out of four, in pieces. */
export function makeStream(random: SeededRandom, carrier: Carrier): Script {
  const count = random.between(1, REQUESTS_MAX);
  const requests = Array.from({ length: count }, () => request(random, carrier));
  if (random.chance(0.75)) {
    const at = random.int(count);
    for (let times = random.pick([1, 1, 1, 2]); times > 0; times--)
      requests[at] = random.pick(MUTATIONS)(requests[at]!, random);
  }
  const canary = `GET ${carrier.path} HTTP/1.1\r\nHost: ${carrier.authority}\r\nConnection: close\r\n\r\n`;
  return inPieces(requests.join('') + canary, random);
}

/** The same bytes, written at once or in several pieces, with and without pauses. */
function inPieces(bytes: string, random: SeededRandom): Script {
  const cuts = new Set<number>();
  if (random.chance(0.5))
    for (let left = random.between(1, PIECES_MAX - 1); left > 0; left--) cuts.add(random.int(bytes.length));
  const steps: Step[] = [];
  let from = 0;
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    if (cut > from) steps.push(send(bytes.slice(from, cut)));
    if (random.chance(0.5)) steps.push({ kind: 'wait', ms: random.between(1, 4) });
    from = cut;
  }
  return [...steps, send(bytes.slice(from))];
}

function request(random: SeededRandom, { authority, path, contentMethod, contentPath }: Carrier): string {
  const fields = [`Host: ${authority}`];
  for (let left = random.int(FIELDS_MAX + 1); left > 0; left--)
    fields.push(`X-${word(random, NAME_LETTERS, 12)}: ${word(random, VALUE_LETTERS, 40).trim()}`);
  const hasContent = contentMethod !== undefined && random.chance(0.6);
  const isChunked = random.chance(0.5);
  const content = hasContent ? word(random, VALUE_LETTERS, 60) : '';
  if (hasContent) fields.push(isChunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${content.length}`);
  shuffle(fields, random);
  const start = hasContent ? `${contentMethod} ${contentPath}` : `GET ${path}`;
  const head = `${start} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`;
  return head + (hasContent && isChunked ? chunked(content, random) : content);
}

function chunked(content: string, random: SeededRandom): string {
  let text = '';
  for (let at = 0; at < content.length; ) {
    const size = random.between(1, Math.min(16, content.length - at));
    const extension = random.chance(0.2) ? `;${word(random, 'abcdef', 5)}=${word(random, 'abcdef', 5)}` : '';
    text += `${size.toString(16)}${extension}\r\n${content.slice(at, at + size)}\r\n`;
    at += size;
  }
  return `${text}0\r\n${random.chance(0.2) ? 'X-Trailer: a\r\n' : ''}\r\n`;
}

function word(random: SeededRandom, letters: string, lengthMax: number): string {
  return Array.from({ length: random.between(1, lengthMax) }, () => random.pick([...letters])).join('');
}

function shuffle(items: string[], random: SeededRandom): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [items[i], items[j]] = [items[j]!, items[i]!];
  }
}

type Mutation = (request: string, random: SeededRandom) => string;

/** Puts a text in place of one match of the pattern, if there is one. */
function replaceOne(pattern: RegExp, choices: readonly string[]): Mutation {
  return (request, random) => {
    const matches = [...request.matchAll(pattern)];
    if (matches.length === 0) return request;
    const match = random.pick(matches);
    return (
      request.slice(0, match.index) + random.pick(choices) + request.slice(match.index + match[0].length)
    );
  };
}

/** Puts one more field line at a random place of the head. */
function addField(lines: readonly string[]): Mutation {
  return replaceOne(
    /\r\n(?=[^\r\n]+:)/g,
    lines.map((line) => `\r\n${line}\r\n`),
  );
}

const atRandomByte =
  (change: (before: string, byte: string, behind: string, random: SeededRandom) => string): Mutation =>
  (request, random) => {
    // Another mutation may have left nothing.
    if (request === '') return request;
    const at = random.int(request.length);
    return change(request.slice(0, at), request[at]!, request.slice(at + 1), random);
  };

const anyByte = (random: SeededRandom): string =>
  random.chance(0.5)
    ? random.pick([...'\0\r\n\t :;,\x0b\x7f\x80\xff'])
    : String.fromCharCode(random.int(256));

const MUTATIONS: readonly Mutation[] = [
  replaceOne(/\r\n/g, ['\n', '\r', '\n\r', '\r\r\n', '\r\n\r\n']),
  replaceOne(/:/g, [' :', '\t:', '', '::']),
  replaceOne(/: /g, [':', ':\0', ': \x0b', ':\r\n ', ':\t \t']),
  replaceOne(/HTTP\/1\.1/g, ['HTTP/1.0', 'HTTP/1.2', 'HTTP/2.0', 'http/1.1', 'HTTP/1.10', 'HTTP/ 1.1', '']),
  replaceOne(/ /g, ['  ', '\t', '', '\xa0', '\x0b']),
  replaceOne(/Content-Length: \d+/g, [
    ...[
      'Content-Length: +1',
      'Content-Length: -1',
      'Content-Length: 0x1',
      'Content-Length:',
      'Content-Length: 1 1',
    ],
    ...[
      'Content-Length: 1\r\nContent-Length: 2',
      'Content-Length: 1,2',
      'Content-Length : 1',
      'Content-Length: 1_1',
    ],
    ...['Content-Length: 18446744073709551617', 'Content-Length: 1\0'],
  ]),
  replaceOne(/Transfer-Encoding: chunked/g, [
    ...['Transfer-Encoding: xchunked', 'Transfer-Encoding: chunked, identity', 'Transfer-Encoding : chunked'],
    ...[
      'Transfer-Encoding: chunked, chunked',
      'Transfer-Encoding:\x0bchunked',
      'Transfer-Encoding:\r\n chunked',
    ],
    ...['Transfer-Encoding: chunked\r\nTransfer-Encoding: identity', 'Transfer-Encoding: chunked\0'],
  ]),
  replaceOne(/\r\n[0-9a-f]+(?=(?:;[^\r\n]*)?\r\n)/g, [
    ...[
      '\r\n0x1',
      '\r\n+1',
      '\r\n-1',
      '\r\n 1',
      '\r\n1 ',
      '\r\n',
      '\r\nFFFFFFFFFFFFFFFFF',
      '\r\n10000000000000001',
    ],
    ...['\r\n1;\0', '\r\n1;a\rb', '\r\n1;', '\r\ng'],
  ]),
  addField(['Content-Length: 3', 'Transfer-Encoding: chunked', 'Host: b', 'Transfer-Encoding: identity']),
  addField(['nothing', ': a', ' folded: a', 'a b: c', 'X-A: b\0', 'X-A: b\x07', 'Connection: close']),
  replaceOne(/Host: [^\r\n]*\r\n/g, ['', 'Host: \r\n', 'Host: a, b\r\n', 'Host: a/b\r\n', 'Host: [::1\r\n']),
  (request, random) => request.slice(0, random.int(request.length + 1)),
  atRandomByte((before, _byte, behind) => before + behind),
  atRandomByte((before, byte, behind, random) => before + byte + anyByte(random) + behind),
  atRandomByte((before, _byte, behind, random) => before + anyByte(random) + behind),
  (request, random) => request.replace('\r\n', `\r\nX-Large: ${'a'.repeat(random.pick(OVERSIZE_BYTES))}\r\n`),
];
