import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseListedUrl, parseUrlList } from './url-list.ts';

const url = (text: string, method?: string, body?: string, bodyFile?: string) => ({
  url: text,
  method,
  body,
  bodyFile,
});

test('a file in siege’s format is understood', () => {
  const text = `# a comment

SCHEME=http
HOST = example.com:8080
BASE=$(SCHEME)://\${HOST}
http://www.example.com/
$(BASE)/haha/
  $(BASE)/form POST homer=simpson&marge=doestoo\r
$(BASE)/upload PUT <./data/file.bin
$(BASE)/gone DELETE
www.example.org/path?a=$(HOST)
`;
  assert.deepEqual(parseUrlList(text, 'urls.txt'), [
    url('http://www.example.com/'),
    url('http://example.com:8080/haha/'),
    url('http://example.com:8080/form', 'POST', 'homer=simpson&marge=doestoo'),
    url('http://example.com:8080/upload', 'PUT', undefined, './data/file.bin'),
    url('http://example.com:8080/gone', 'DELETE'),
    url('www.example.org/path?a=example.com:8080'),
  ]);
});

test('a body may hold spaces and braces', () => {
  assert.deepEqual(
    parseListedUrl('http://a/ POST {"a b": 1}', 'URL'),
    url('http://a/', 'POST', '{"a b": 1}'),
  );
});

test('what is wrong is told with its line', () => {
  assert.throws(
    () => parseUrlList('http://a/\nhttp://a/ FETCH x\n', 'urls.txt'),
    /^OptionError: urls\.txt:2: .*URL METHOD BODY/,
  );
  assert.throws(() => parseUrlList('\n$(HOST)/', 'urls.txt'), /urls\.txt:2: .*HOST is set on a line before/);
  assert.throws(() => parseUrlList('# nothing\n', 'urls.txt'), /urls\.txt: .*at least one URL/);
});
