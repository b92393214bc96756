import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { Headers, headersOfHead } from './headers.ts';

/** The platform's, as the oracle. */
const Platform = globalThis.Headers;

const name = fc.constantFrom(
  'A',
  'a',
  'b',
  'Content-Type',
  'content-type',
  'Cookie',
  'Set-Cookie',
  'set-cookie',
  'x',
  'é',
  'a b',
  '',
  'n\n',
);
const value = fc.oneof(
  fc.constantFrom('', 'x', ' x ', '\tx\r\n', 'a\0b', 'a\nb', 'a\rb', 'é', '€', 'a\x01b', 'a, b', '\x7f'),
  fc.string({ maxLength: 8 }),
);
const operation = fc.oneof(
  fc.tuple(fc.constantFrom('append', 'set'), name, value),
  fc.tuple(fc.constantFrom('get', 'has', 'delete'), name),
  fc.tuple(fc.constantFrom('getSetCookie', 'entries', 'keys', 'values')),
);

function outcome(run: () => unknown): unknown {
  try {
    return run();
  } catch (error) {
    return (error as Error).name;
  }
}

function apply(headers: globalThis.Headers, [method, ...args]: readonly string[]): unknown {
  return outcome(() => {
    // biome-ignore lint/complexity/noBannedTypes: called by name, with any arguments
    const result = (Reflect.get(headers, method!) as Function).apply(headers, args);
    return ['entries', 'keys', 'values'].includes(method!) ? [...result] : result;
  });
}

describe('Headers', () => {
  it('does what the platform does, whatever is done to it', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 12 }), (operations) => {
        const ours = new Headers();
        const platform = new Platform();
        for (const each of operations)
          assert.deepEqual(apply(ours, each), apply(platform, each), each.join());
        assert.deepEqual([...ours], [...platform]);
      }),
      { numRuns: 500 },
    );
  });

  it('accepts and refuses the inits that the platform does', () => {
    // Not here: functions, of which undici 6 takes the properties that are not enumerable too.
    const inits: unknown[] = [
      undefined,
      null,
      'abc',
      5,
      {},
      { a: '1', A: '2' },
      { a: 5, b: null, c: undefined },
      { a: Symbol('x') },
      { [Symbol('x')]: '1' },
      [],
      [
        ['a', '1'],
        ['a', '2'],
      ],
      [['a']],
      [['a', 'b', 'c']],
      ['ab'],
      [5],
      new Map([['a', 'b']]),
      new Platform([
        ['set-cookie', 'a'],
        ['set-cookie', 'b'],
      ]),
      new Headers([
        ['set-cookie', 'a'],
        ['set-cookie', 'b'],
        ['x', 'y'],
      ]),
      new URLSearchParams('q=1&q=2'),
      Object.create({ inherited: 'x' }),
    ];
    for (const init of inits) {
      assert.deepEqual(
        outcome(() => [...new Headers(init as never)]),
        outcome(() => [...new Platform(init as never)]),
        inspect(init),
      );
    }
  });

  it('is taken by the platform as an init', () => {
    const ours = new Headers([
      ['set-cookie', 'a'],
      ['set-cookie', 'b'],
      ['x', '1'],
    ]);
    assert.deepEqual([...new Platform(ours)], [...ours]);
    assert.deepEqual(new globalThis.Request('http://a/', { headers: ours }).headers.getSetCookie(), [
      'a',
      'b',
    ]);
  });

  it('is an instance of the platform class, and the other way round', () => {
    assert.ok(new Headers() instanceof Platform);
    assert.ok(new Platform() instanceof Headers);
    class Derived extends Headers {}
    assert.ok(new Derived() instanceof Derived && new Derived() instanceof Headers);
    assert.ok(!(new Headers() instanceof Derived));
    assert.equal(Object.prototype.toString.call(new Headers()), '[object Headers]');
    assert.equal(Headers.prototype[Symbol.iterator], Headers.prototype.entries);
  });

  it('is iterated live, as the platform', () => {
    const walk = (headers: globalThis.Headers): string[] => {
      const seen: string[] = [];
      for (const [key] of headers) {
        seen.push(key);
        if (seen.length > 6) break;
        if (key === 'b') headers.append('c', 'x');
        if (key === 'c') headers.delete('b');
        if (key === 'd') headers.append('a', 'y');
      }
      return seen;
    };
    const init: [string, string][] = [
      ['d', '1'],
      ['b', '2'],
      ['e', '3'],
    ];
    assert.deepEqual(walk(new Headers(init)), walk(new Platform(init)));
  });

  it('gives forEach the value, the name and itself', () => {
    const headers = new Headers({ b: '2', a: '1' });
    const seen: unknown[] = [];
    const self = {};
    headers.forEach(function (this: unknown, value, key, list) {
      seen.push([value, key, list === headers, this === self]);
    }, self);
    assert.deepEqual(seen, [
      ['1', 'a', true, true],
      ['2', 'b', true, true],
    ]);
    assert.throws(() => headers.forEach(1 as never), TypeError);
  });

  it('shows itself as the platform does', () => {
    const init = { a: '1', 'x-y': '2' };
    assert.equal(inspect(new Headers(init)), inspect(new Platform(init)));
  });

  it('reads any field of a head, known name or not, in any case', () => {
    const token = fc
      .string({ unit: fc.constantFrom(...'abcXYZ-019_!~'), minLength: 1, maxLength: 20 })
      .filter((text) => text.toLowerCase() !== 'set-cookie');
    const known = fc.constantFrom(
      'Host',
      'COOKIE',
      'cookie',
      'Set-Cookie',
      'aCCept',
      'Content-Length',
      'hosT',
      'User-Agent',
    );
    const fieldText = fc.string({ unit: fc.constantFrom(...' \tab:;,é"'), maxLength: 12 });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.oneof(token, known), fieldText), { maxLength: 12 }), (fields) => {
        const lines = fields.map(([key, text]) => `${key}:${text}\r\n`).join('');
        const ours = headersOfHead(`GET / HTTP/1.1\r\n${lines}\r\n`, 16, 16 + lines.length);
        const platform = new Platform(fields);
        for (const [key] of fields) assert.equal(ours.get(key), platform.get(key));
        assert.deepEqual([...ours], [...platform]);
      }),
      { numRuns: 300 },
    );
  });

  it('of a request can be changed', () => {
    const text = 'A: 1\r\nB: 2\r\n';
    const headers = headersOfHead(text, 0, text.length);
    headers.set('a', '3');
    headers.append('b', '4');
    headers.delete('absent');
    assert.deepEqual(
      [...headers],
      [
        ['a', '3'],
        ['b', '2, 4'],
      ],
    );
  });
});
