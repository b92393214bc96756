import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FieldList } from './field-list.ts';
import { areTrailers, requestFields, responseStatus } from './message-fields.ts';

function listOf(lines: readonly string[]): FieldList {
  const list = new FieldList({ listBytesMax: 65_536, fieldCountMax: 100 });
  for (const line of lines) {
    const at = line.indexOf(':', 1);
    list.add(line.slice(0, at), line.slice(at + 1).trim(), 0);
  }
  return list;
}

const GET = [':method: GET', ':scheme: http', ':authority: a.example', ':path: /x?y'];
const withField = (line: string): string[] => [...GET, line];
const replaced = (from: string, to: string): string[] =>
  GET.map((line) => (line.startsWith(from) ? to : line));

test('a request gives its pseudo-fields, its Host and its fields in order', () => {
  const request = requestFields(listOf([...GET, 'accept: */*', 'te: trailers', 'x: 1']))!;
  const { method, scheme, authority, path, contentLength, names, values } = request;
  assert.deepEqual([method, scheme, authority, path], ['GET', 'http', 'a.example', '/x?y']);
  assert.equal(contentLength, -1);
  assert.deepEqual(names, ['accept', 'te', 'x', 'host']);
  assert.deepEqual(values, ['*/*', 'trailers', '1', 'a.example']);
});

test('cookies become one field, and a Host stands in for an authority', () => {
  const lines = [...GET.filter((line) => !line.startsWith(':a')), 'cookie: a=b', 'host: h:80', 'cookie: c=d'];
  const request = requestFields(listOf(lines))!;
  assert.equal(request.authority, 'h:80');
  assert.deepEqual(request.names, ['cookie', 'host']);
  assert.deepEqual(request.values, ['a=b; c=d', 'h:80']);
});

test('what is allowed at the edges', () => {
  for (const lines of [
    replaced(':authority', ':authority: [::1]:8080'),
    replaced(':authority', ':authority: a:'),
    [...GET, 'host: A.example'],
    [...GET, 'content-length: 5', 'content-length: 5'],
    [...GET, 'expect: 100-Continue'],
    [':method: OPTIONS', ':scheme: http', ':authority: a', ':path: *'],
    [':method: CONNECT', ':authority: a:443'],
    [':method: CONNECT', ':protocol: websocket', ':scheme: https', ':authority: a', ':path: /chat'],
  ])
    assert.ok(requestFields(listOf(lines)) !== undefined, lines.join(' | '));
});

test('a request that breaks a rule is malformed', () => {
  for (const lines of [
    [],
    GET.slice(1),
    GET.filter((line) => !line.startsWith(':scheme')),
    GET.filter((line) => !line.startsWith(':authority')),
    GET.filter((line) => !line.startsWith(':path')),
    replaced(':path', ':path: '),
    replaced(':path', ':path: x'),
    replaced(':path', ':path: *'),
    replaced(':path', ':path: /a#b'),
    replaced(':method', ':method: G T'),
    replaced(':scheme', ':scheme: h ttp'),
    replaced(':authority', ':authority: user@a'),
    replaced(':authority', ':authority: a:99999'),
    replaced(':authority', ':authority: a/b'),
    withField(':path: /again'),
    withField(':status: 200'),
    withField(':other: 1'),
    ['accept: */*', ...GET],
    withField('connection: close'),
    withField('keep-alive: 1'),
    withField('proxy-connection: close'),
    withField('transfer-encoding: chunked'),
    withField('upgrade: h2c'),
    withField('te: gzip'),
    withField('host: b.example'),
    [...GET, 'host: a.example', 'host: a.example'],
    withField('content-length: x'),
    withField('content-length: -1'),
    withField('content-length: 5, 5'),
    [...GET, 'content-length: 5', 'content-length: 6'],
    withField(':protocol: websocket'),
    [':method: CONNECT', ':authority: a:443', ':path: /'],
    [':method: CONNECT', ':protocol: websocket', ':authority: a'],
  ])
    assert.equal(requestFields(listOf(lines)), undefined, lines.join(' | '));
  const list = listOf(GET);
  list.add('X', 'y', 1);
  assert.equal(requestFields(list), undefined, 'a field that no message may hold');
});

test('the status of a response stands first and alone', () => {
  assert.equal(responseStatus(listOf([':status: 200', 'x: y'])), 200);
  assert.equal(responseStatus(listOf([':status: 103'])), 103);
  for (const lines of [
    [],
    ['x: y'],
    ['x: y', ':status: 200'],
    [':status: 20'],
    [':status: 2000'],
    [':status: 200', ':status: 200'],
    [':status: 200', 'connection: close'],
  ])
    assert.equal(responseStatus(listOf(lines)), undefined, lines.join(' | '));
});

test('trailers hold no pseudo-field and none that a recipient needs before the content', () => {
  assert.equal(areTrailers(listOf(['grpc-status: 0', 'x-checksum: 1'])), true);
  for (const line of [':status: 200', 'content-length: 5', 'host: a', 'transfer-encoding: x'])
    assert.equal(areTrailers(listOf([line])), false, line);
});
