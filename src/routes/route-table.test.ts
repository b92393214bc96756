/** Which pattern a path means, held against a plain reading of the rules, and what no pattern may be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OptionError } from '../base/errors.ts';
import { PathSegments } from './path-segments.ts';
import { paramsOf, RouteTable } from './route-table.ts';

function tableOf(...patterns: string[]): (path: string) => [string, object] | undefined {
  const table = new RouteTable<string>();
  for (const pattern of patterns) table.add(pattern, pattern);
  const path = new PathSegments();
  return (target) => {
    path.read(new Request(`http://a${target}`));
    const entry = table.find(path);
    return entry === undefined ? undefined : [entry.pattern, { ...paramsOf(entry, path) }];
  };
}

test('literal text comes before a parameter, and that before a wildcard', () => {
  const find = tableOf('/', '/a/b', '/a/:x', '/a/*', '/:y/b', '/*');
  assert.deepEqual(find('/'), ['/', {}]);
  assert.deepEqual(find('/a/b'), ['/a/b', {}]);
  assert.deepEqual(find('/a/c'), ['/a/:x', { x: 'c' }]);
  assert.deepEqual(find('/a/c/d'), ['/a/*', { '*': 'c/d' }]);
  assert.deepEqual(find('/a/'), ['/a/*', { '*': '' }]);
  assert.deepEqual(find('/a'), ['/a/*', { '*': '' }]);
  assert.deepEqual(find('/z/b'), ['/:y/b', { y: 'z' }]);
  assert.deepEqual(find('/z/c'), ['/*', { '*': 'z/c' }]);
});

test('where the better way leads nowhere, the next is taken', () => {
  const find = tableOf('/a/b/d', '/a/:x/c', '/:p/b/c/:q', '/a/b/*');
  assert.deepEqual(find('/a/b/d'), ['/a/b/d', {}]);
  assert.deepEqual(find('/a/b/c'), ['/a/b/*', { '*': 'c' }]);
  assert.deepEqual(find('/a/z/c'), ['/a/:x/c', { x: 'z' }]);
  assert.deepEqual(find('/b/b/c/1'), ['/:p/b/c/:q', { p: 'b', q: '1' }]);
  assert.equal(find('/a/z/d'), undefined);
});

test('a slash at the end is a path of its own, and no parameter is empty', () => {
  const find = tableOf('/a', '/b/', '/c/:x');
  assert.equal(find('/a/'), undefined);
  assert.equal(find('/b'), undefined);
  assert.deepEqual(find('/b/'), ['/b/', {}]);
  assert.equal(find('/c/'), undefined);
});

test('segments are decoded each by itself, and what is no UTF-8 stays as it was sent', () => {
  const find = tableOf('/café/:x', '/f/*');
  assert.deepEqual(find('/caf%C3%A9/a%2Fb%20c'), ['/café/:x', { x: 'a/b c' }]);
  assert.deepEqual(find('/café/%zz'), ['/café/:x', { x: '%zz' }]);
  assert.deepEqual(find('/caf%c3%a9/%ff'), ['/café/:x', { x: '%ff' }]);
  assert.deepEqual(find('/%66/x%2F..%2Fy'), ['/f/*', { '*': 'x/../y' }]);
});

test('. and .. are resolved before a path is looked for, as request.url shows it', () => {
  const find = tableOf('/public/*', '/secret');
  assert.deepEqual(find('/public/../secret'), ['/secret', {}]);
  assert.deepEqual(find('/public/%2e%2E/secret'), ['/secret', {}]);
  assert.deepEqual(find('/public/..secret'), ['/public/*', { '*': '..secret' }]);
});

test('what is no pattern, or means what another does, is refused by name', () => {
  const add =
    (...patterns: string[]) =>
    () =>
      tableOf(...patterns);
  const refused = (why: RegExp) => (error: unknown) =>
    error instanceof OptionError && why.test(error.message);
  assert.throws(add('a'), refused(/"a" is not allowed; it does not begin with a slash/));
  assert.throws(add('/a*'), refused(/whole segments/));
  assert.throws(add('/*/a'), refused(/nothing may follow/));
  assert.throws(add('/:'), refused(/: is no name/));
  assert.throws(add('/:a-b'), refused(/:a-b is no name/));
  assert.throws(add('/:__proto__'), refused(/no name/));
  assert.throws(add('/:a/:a'), refused(/:a is there twice/));
  assert.throws(add('/a?b'), refused(/query/));
  assert.throws(add('/a/../b'), refused(/resolve/));
  assert.throws(add('/x/:a', '/x/:b'), refused(/\/x\/:a means the same paths already/));
  assert.throws(add('/x/é', '/x/%C3%A9'), refused(/means the same/));
  assert.throws(add(`/${'a/'.repeat(70)}`), refused(/more than 64 segments/));
});

test('a path of any length is looked up, and only a wildcard means one that is longer than patterns can be', () => {
  const find = tableOf('/*', `/${'a/'.repeat(63)}a`);
  assert.deepEqual(find(`/${'a/'.repeat(63)}a`)?.[0], `/${'a/'.repeat(63)}a`);
  assert.equal(find(`/${'a/'.repeat(64)}a`)?.[0], '/*');
  assert.equal(find(`/${'a/'.repeat(3000)}a`)?.[0], '/*');
});

/** The rules, read plainly: all patterns that mean the path, the best by the first segment in which they differ. */
function plainly(patterns: readonly string[], path: string): string | undefined {
  const given = path.slice(1).split('/');
  const rank = (segment: string | undefined) => (segment === '*' ? 2 : segment?.startsWith(':') ? 1 : 0);
  const means = (pattern: string) => {
    const parts = pattern.slice(1).split('/');
    const fixed = parts.at(-1) === '*' ? parts.slice(0, -1) : parts;
    const fits = parts.at(-1) === '*' ? given.length >= fixed.length : given.length === fixed.length;
    return fits && fixed.every((part, i) => (part.startsWith(':') ? given[i] !== '' : part === given[i]));
  };
  const compare = (a: string, b: string) => {
    const [left, right] = [a.slice(1).split('/'), b.slice(1).split('/')];
    for (let i = 0; i < Math.max(left.length, right.length); i++) {
      const difference = rank(left[i]) - rank(right[i]);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  return patterns.filter(means).sort(compare)[0];
}

test('any patterns and any path give what the rules say', () => {
  const part = fc.constantFrom('a', 'b', ':x', ':y', '');
  const pattern = fc
    .tuple(fc.array(part, { minLength: 1, maxLength: 4 }), fc.boolean())
    .map(
      ([parts, isWild]) =>
        `/${[...parts.map((each, i) => (each.startsWith(':') ? `:p${i}` : each)), ...(isWild ? ['*'] : [])].join('/')}`,
    );
  const path = fc.array(fc.constantFrom('a', 'b', 'c', ''), { minLength: 1, maxLength: 5 }).map((parts) => `/${parts.join('/')}`); // biome-ignore format: one line
  fc.assert(
    fc.property(fc.uniqueArray(pattern, { maxLength: 12 }), path, (patterns, target) => {
      // Two slashes at the beginning would be an authority.
      fc.pre(!target.startsWith('//'));
      assert.equal(tableOf(...patterns)(target)?.[0], plainly(patterns, target));
    }),
    { numRuns: 500 },
  );
});

test('a path that is made to be looked for everywhere costs what the tree has places', () => {
  const patterns: string[] = [];
  for (let i = 0; i < 2 ** 10; i++) {
    const parts = Array.from({ length: 10 }, (_, bit) => ((i >> bit) & 1 ? 'a' : `:p${bit}`));
    patterns.push(`/${parts.join('/')}/end`);
  }
  const find = tableOf(...patterns);
  const beganMs = performance.now();
  for (let i = 0; i < 100; i++) assert.equal(find(`/${'a/'.repeat(10)}no`), undefined);
  assert.ok(performance.now() - beganMs < 2000, `${performance.now() - beganMs} ms`);
});
