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

describe('what a Headers is made of', () => {
  /** Both, asked the same; the outcome is what it holds, or the class of the error. */
  function outcomes(make: () => unknown): unknown[] {
    return [Headers, Platform].map((Class) => {
      try {
        return [...new Class(make() as never)];
      } catch (error) {
        return (error as Error).constructor;
      }
    });
  }

  it('is read as WebIDL reads it', () => {
    const symbol = Symbol('s');
    const hidden = Object.defineProperty({ a: '1' }, symbol, { value: 'x', enumerable: false });
    const withIterator = (init: object, value: unknown): object =>
      Object.defineProperty(init, Symbol.iterator, { value });
    const pairs = function* (): Generator<string[]> {
      yield ['b', '2'];
    };
    // undici 6 takes a symbol for a name even where it is not enumerable.
    const noIterator = [undefined, null].map((value) => withIterator({ a: '1' }, value));
    for (const init of [hidden, ...noIterator])
      assert.deepEqual([...new Headers(init as never)], [['a', '1']]);
    const cases: (() => unknown)[] = [
      () => ({ a: '1', [symbol]: '2' }),
      () => withIterator({ a: '1' }, pairs),
      () => withIterator({ a: '1' }, 7),
      () => withIterator(new Headers({ a: '1' }), pairs),
      () => withIterator(new Platform({ a: '1' }), pairs),
      () =>
        new Headers([
          ['set-cookie', 'a'],
          ['set-cookie', 'b'],
          ['a', '1'],
        ]),
      () => new Proxy({ a: '1', B: '2' }, {}),
      () => new Proxy({ a: '1' }, { ownKeys: () => ['a', 'c'] }),
      () => Object.create({ inherited: '1' }, { own: { value: '2', enumerable: true } }),
      () => ({ a: '1', A: '2' }),
      () => ({ '\u{100}': '1' }),
      () => ({ a: '\u{100}' }),
      () => [['a']],
      () => [['a', 'b', 'c']],
      () => ['ab'],
      () => [new Set(['a', 'b'])],
      () => new Map([['a', 'b']]),
      () => [],
    ];
    for (const make of cases) {
      const [ours, theirs] = outcomes(make);
      assert.deepEqual(ours, theirs, String(make));
    }
  });

  it('is looked at once and in order, as a proxy can see', () => {
    const seen: string[] = [];
    const note =
      (trap: 'get' | 'getOwnPropertyDescriptor') =>
      (target: object, key: string | symbol): never => {
        seen.push(`${trap} ${String(key)}`);
        return Reflect[trap](target, key) as never;
      };
    const traps: ProxyHandler<Record<string, string>> = {
      get: note('get'),
      getOwnPropertyDescriptor: note('getOwnPropertyDescriptor'),
      ownKeys: (target) => {
        seen.push('ownKeys');
        return Reflect.ownKeys(target);
      },
    };
    new Headers(new Proxy({ a: '1', b: '2' }, traps));
    assert.deepEqual(seen, [
      'get Symbol(Symbol.iterator)',
      'ownKeys',
      'getOwnPropertyDescriptor a',
      'get a',
      'getOwnPropertyDescriptor b',
      'get b',
    ]);
  });
});

describe('the iterators of Headers', () => {
  it('have a prototype of their own, and what the language gives to iterators', () => {
    const headers = new Headers({ a: '1' });
    const base = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));
    for (const iterator of [
      headers.keys(),
      headers.values(),
      headers.entries(),
      headers[Symbol.iterator](),
    ]) {
      const prototype = Object.getPrototypeOf(iterator);
      assert.equal(Object.getPrototypeOf(prototype), base);
      assert.equal(String(iterator), '[object Headers Iterator]');
      assert.equal(iterator[Symbol.iterator](), iterator);
      const next = Object.getOwnPropertyDescriptor(prototype, 'next')!;
      assert.deepEqual([next.enumerable, next.configurable, next.writable], [true, true, true]);
      assert.throws(() => Reflect.apply(iterator.next, {}, []), TypeError);
    }
    const keys = headers.keys();
    assert.deepEqual(keys.next(), { value: 'a', done: false });
    for (let i = 0; i < 2; i++) assert.deepEqual(keys.next(), { value: undefined, done: true });
  });

  it('see what is changed while they run', () => {
    for (const Class of [Headers, Platform]) {
      const headers = new Class({ foo: '2', baz: '1', BAR: '0' });
      const seen: string[] = [];
      for (const [name] of headers) {
        seen.push(name);
        if (name === 'baz') headers.append('x', '3');
        headers.delete('bar');
      }
      // What is taken out before the place that the iteration has reached makes it skip one.
      assert.deepEqual(seen, ['bar', 'foo', 'x'].slice(0, seen.length));
    }
  });
});

it('Headers show no internals to JSON', () => {
  assert.equal(JSON.stringify({ headers: new Headers({ a: '1' }) }), '{"headers":{}}');
});
