import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blocksOf } from './code-blocks.mjs';

const page = (...lines) => lines.join('\n');

test('blocks of the two languages are found by any of their names, with the line of their opening', () => {
  const text = page(
    '# A page',
    '```js',
    'one;',
    '```',
    '',
    '```typescript',
    'two;',
    '',
    'three;',
    '```',
    '```sh',
    'rm',
    '```',
  );
  assert.deepEqual(blocksOf(text), [
    { line: 2, language: 'js', name: undefined, isFragment: false, text: 'one;' },
    { line: 6, language: 'ts', name: undefined, isFragment: false, text: 'two;\n\nthree;' },
  ]);
});

test('a block may name its file, and say that it is a fragment', () => {
  const [named, fragment] = blocksOf(page('```js app.js', 'a', '```', '```ts fragment', 'b', '```'));
  assert.equal(named.name, 'app.js');
  assert.equal(fragment.isFragment, true);
});

test('a fence within a longer fence is text, and a fence that is indented or of tildes is one', () => {
  assert.deepEqual(
    blocksOf(
      page(
        '````md',
        '```js',
        'no;',
        '```',
        '````',
        '- item',
        '  ```js',
        '  yes;',
        '  ```',
        '~~~ts',
        'too;',
        '~~~',
      ),
    ).map(({ text }) => text.trim()),
    ['yes;', 'too;'],
  );
});
