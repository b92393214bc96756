/**
 * Inputs for the fuzzer: heads and chunked bodies grown from the grammar, then damaged. Everything comes
 * from one seed, so that a seed replays a case on any machine.
 */

/** A small seeded generator (mulberry32): 32 bits of state, good enough to choose with. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number of 0 to `bound` - 1. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % bound;
  }

  chance(oneIn: number): boolean {
    return this.below(oneIn) === 0;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  text(alphabet: string, lengthMax: number): string {
    let text = '';
    for (let n = this.below(lengthMax + 1); n > 0; n--) text += alphabet[this.below(alphabet.length)];
    return text;
  }
}

const METHODS = [
  'GET',
  'GET',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'CONNECT',
  'PRI',
  'QUERY',
  'get',
];
const TARGETS = [
  '/',
  '/',
  '/index.html',
  '/a/b?c=d&e',
  '*',
  'http://h/',
  'https://h:8443/p?q',
  'http://[::1]:80',
  'a:80',
  '/%00',
  '//x',
  '?',
];
const VERSIONS = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.10',
];
const HOSTS = [
  'a',
  'example.com:80',
  '127.0.0.1',
  '[::1]:8080',
  '[1::2:3.4.5.6]',
  '',
  'a b',
  'x@y',
  'a:99999',
  'a%41',
  '[::',
];
const FIELDS = [
  'Accept: */*',
  'X:',
  'Y: \t ',
  'Cookie: a=b; c=d',
  'Content-Length: 0',
  'Content-Length: 42',
  'content-length:\t7 ',
  'Content-Length: 007',
  'Content-Length: -1',
  'Content-Length: 9007199254740992',
  'Transfer-Encoding: chunked',
  'transfer-encoding: CHUNKED',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: gzip',
  'Transfer-Encoding: chunked, chunked',
  'Connection: close',
  'Connection: keep-alive, Upgrade',
  'Connection: ,x , close',
  'Upgrade: websocket',
  'Upgrade: h2c, x',
  'Expect: 100-continue',
  'Expect: x',
  'Keep-Alive: 5',
];
/** What damage is made of: the bytes and words that parsers have stumbled over. */
const SHARDS = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '"',
  '\\',
  '#',
  '\x0b',
  '\x7f',
  '\x80',
  '\xff',
  '\x01',
  'Host: b\r\n',
  'Content-Length: 1\r\n',
  'Transfer-Encoding: chunked\r\n',
  ' HTTP/1.1\r\n',
  'chunked',
  '0',
  'f',
  '0\r\n\r\n',
];
const VISIBLE = 'abcdefgxyzABCXYZ0123456789-._~%/?&=!$()*+,;:@"<>[]{}|^`\\';
const TOKEN = "abcXYZ019!#$%&'*+-.^_`|~";

/** A head that is mostly right. */
export function growHead(dice: Dice): string {
  let text = dice.chance(20) ? '\r\n'.repeat(1 + dice.below(3)) : '';
  const method = dice.chance(15) ? dice.text(TOKEN, 40) : dice.pick(METHODS);
  const target = dice.chance(4) ? `/${dice.text(VISIBLE, 30)}` : dice.pick(TARGETS);
  text += `${method} ${target} ${dice.chance(3) ? dice.pick(VERSIONS) : 'HTTP/1.1'}\r\n`;
  if (!dice.chance(20)) text += `Host: ${dice.chance(3) ? dice.pick(HOSTS) : 'h'}\r\n`;
  for (let n = dice.below(5); n > 0; n--) {
    text += dice.chance(3)
      ? `${dice.text(TOKEN, 12)}: ${dice.text(`${VISIBLE} \t\xe9`, 30)}`
      : dice.pick(FIELDS);
    text += '\r\n';
  }
  return `${text}\r\n${dice.chance(3) ? 'GET /next' : ''}`;
}

const EXTENSIONS = [';a', ';a=b', ';a="b;\\"c"', ';', ';=', ';a="', ' ;a'];
const TRAILERS = [
  'A: b\r\n',
  'Checksum: 1\r\n',
  'Content-Length: 1\r\n',
  'A : b\r\n',
  ' x\r\n',
  'Host: a\r\n',
];

/** A chunked body that is mostly right. */
export function growChunked(dice: Dice): string {
  let text = '';
  for (let n = dice.below(4); n > 0; n--) {
    const data = dice.text('ab\r\n0;', 20);
    if (data.length === 0) continue;
    const size = data.length.toString(16);
    text += dice.chance(6) ? size.toUpperCase().padStart(1 + dice.below(17), '0') : size;
    if (dice.chance(4)) text += dice.pick(EXTENSIONS);
    text += `\r\n${data}\r\n`;
  }
  text += '0\r\n';
  while (dice.chance(4)) text += dice.pick(TRAILERS);
  return `${text}\r\n${dice.chance(3) ? 'GET /' : ''}`;
}

/** Damages `text` in up to four places; often not at all. */
export function damage(dice: Dice, text: string): string {
  let damaged = text;
  for (let n = dice.below(5); n > 0; n--) {
    const at = dice.below(damaged.length + 1);
    const to = Math.min(at + dice.below(8), damaged.length);
    switch (dice.below(5)) {
      case 0:
        damaged = damaged.slice(0, at) + dice.pick(SHARDS) + damaged.slice(at);
        break;
      case 1:
        damaged = damaged.slice(0, at) + damaged.slice(to);
        break;
      case 2:
        damaged = damaged.slice(0, at) + String.fromCharCode(dice.below(256)) + damaged.slice(at + 1);
        break;
      case 3:
        damaged = damaged.slice(0, to) + damaged.slice(at);
        break;
      default:
        damaged = dice.chance(4) ? damaged.slice(0, at) : damaged;
    }
  }
  return damaged;
}
