import assert from 'node:assert/strict';
import { test } from 'node:test';
import { latin1Text } from '../../semantics/octets.ts';
import { FieldList } from '../field-list.ts';
import { HpackDecoder } from '../hpack-decoder.ts';
import { AnswerHeads, LENGTH_NONE } from './answer-heads.ts';

const NOON = Date.UTC(2026, 10, 29, 12, 0, 0);
const NOON_TEXT = 'Sun, 29 Nov 2026 12:00:00 GMT';

/** The head that was made last, as a client reads it. */
function read(heads: AnswerHeads): string[] {
  const list = new FieldList({ listBytesMax: 1 << 20, fieldCountMax: 1000 });
  const decoder = new HpackDecoder(latin1Text);
  assert.equal(decoder.decode(heads.block, 0, heads.end, list), undefined);
  assert.equal(list.isMalformed, false);
  assert.equal(decoder.tableBytes, 0, 'nothing goes into a table');
  return list.names.slice(0, list.count).map((name, at) => `${name}: ${list.values[at]}`);
}

test('the same shape is one block, in which the date and the length change', () => {
  const heads = new AnswerHeads();
  heads.setDate(NOON);
  assert.equal(heads.simple(200, 'text/plain', 13), true);
  assert.deepEqual(read(heads), [
    ':status: 200',
    `date: ${NOON_TEXT}`,
    'content-type: text/plain',
    'content-length: 13',
  ]);
  const { block } = heads;
  heads.setDate(NOON + 1000);
  heads.simple(200, 'text/plain', 9_007_199_254_740_991);
  assert.equal(heads.block, block);
  assert.deepEqual(read(heads).slice(1), [
    'date: Sun, 29 Nov 2026 12:00:01 GMT',
    'content-type: text/plain',
    'content-length: 9007199254740991',
  ]);
  heads.simple(200, 'text/plain', LENGTH_NONE);
  assert.equal(read(heads).length, 3);
  heads.simple(200, 'text/plain', 0);
  assert.equal(read(heads).at(-1), 'content-length: 0');
  heads.simple(404, undefined, 5);
  assert.deepEqual(read(heads), [':status: 404', 'date: Sun, 29 Nov 2026 12:00:01 GMT', 'content-length: 5']);
  assert.equal(heads.simple(200, 'text/plain\r\nx: y', 0), false);
});

test('fields are the same the first time, the second and ever after', () => {
  const heads = new AnswerHeads();
  heads.setDate(NOON);
  for (let n = 0; n < 4; n++) {
    heads.begin(299);
    assert.ok(heads.field('cache-control', 'no-cache'));
    assert.ok(heads.field('set-cookie', 'id=1'));
    assert.ok(heads.field('set-cookie', 'id=2'));
    assert.ok(heads.field('x-empty', ''));
    assert.ok(heads.field('x-long', 'é'.repeat(3000)));
    assert.ok(heads.field('x-spaced', ' a\t'));
    assert.ok(heads.field('connection', 'close'));
    heads.finish(7);
    assert.deepEqual(read(heads), [
      ':status: 299',
      `date: ${NOON_TEXT}`,
      'cache-control: no-cache',
      'set-cookie: id=1',
      'set-cookie: id=2',
      'x-empty: ',
      `x-long: ${'é'.repeat(3000)}`,
      'x-spaced: a',
      'content-length: 7',
    ]);
  }
});

test('what may not be sent is refused, each time', () => {
  const heads = new AnswerHeads();
  for (let n = 0; n < 3; n++) {
    heads.begin(200);
    assert.equal(heads.field('X-Upper', 'a'), false);
    assert.equal(heads.field('', 'a'), false);
    assert.equal(heads.field(':path', 'a'), false);
    assert.equal(heads.field('a', 'b\r\nc'), false);
    assert.equal(heads.field('a', 'b\0'), false);
    assert.equal(heads.field('a', '\u20ac'), false);
  }
});

test('interim answers and trailers have no date', () => {
  const heads = new AnswerHeads();
  heads.beginInterim(103);
  heads.field('link', '</a>; rel=preload');
  heads.finish();
  assert.deepEqual(read(heads), [':status: 103', 'link: </a>; rel=preload']);
  heads.beginTrailers();
  heads.field('grpc-status', '0');
  heads.finish();
  assert.deepEqual(read(heads), ['grpc-status: 0']);
});
