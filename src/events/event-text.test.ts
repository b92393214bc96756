/** Events as text, read back as WHATWG HTML §9.2.6 says that clients read them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { readEvents } from './event-reader.fixture.ts';
import { eventText, type ServerEvent } from './event-text.ts';

const texts = (event: ServerEvent | string) => readEvents(eventText(event)).events;

test('data of one line and of many arrives', () => {
  assert.equal(eventText('hello'), 'data: hello\n\n');
  assert.equal(
    eventText({ data: 'a\nb\r\nc\rd', event: 'e', id: '7', retry: 100 }),
    'event: e\nid: 7\nretry: 100\ndata: a\ndata: b\ndata: c\ndata: d\n\n',
  );
  assert.equal(eventText({ data: { a: [1] } }), 'data: {"a":[1]}\n\n');
  assert.equal(eventText(''), 'data: \n\n');
});

test('a name without data is an event with empty data, and a comment none', () => {
  assert.deepEqual(texts({ event: 'ping' }), [{ event: 'ping', data: '', id: '' }]);
  assert.deepEqual(texts({ comment: 'a\ndata: injected' }), []);
  assert.deepEqual(texts({ id: '5' }), []);
});

test('whatever the data, it is one event with that data, its line breaks as LF', () => {
  const piece = fc.constantFrom(
    'a',
    'é',
    '\n',
    '\r',
    '\r\n',
    '\n\n',
    ':',
    ' ',
    'data: x',
    'id: 9',
    '\0',
    '😀',
    '\u{feff}',
  );
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      const data = pieces.join('');
      assert.deepEqual(texts({ data, id: '1' }), [
        { event: 'message', data: data.replace(/\r\n|\r/g, '\n'), id: '1' },
      ]);
    }),
  );
});

test('an id or a name that would begin a field of its own is refused', () => {
  for (const bad of ['a\nb', 'a\rb', 'a\0b', 7 as never]) {
    assert.throws(() => eventText({ data: 'x', id: bad }), /sse: id: .* is not allowed/);
    assert.throws(() => eventText({ data: 'x', event: bad }), /sse: event: .* is not allowed/);
  }
  for (const bad of [-1, 1.5, Number.NaN, '3' as never])
    assert.throws(() => eventText({ retry: bad }), /sse: retry: .* is not allowed/);
  assert.throws(() => eventText(null as never), /null is no event/);
  assert.throws(() => eventText({ data: () => {} }), /has no form in JSON/);
});
