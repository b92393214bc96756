import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OptionError } from '../base/errors.ts';
import { parseNatsUrl } from './nats-url.ts';

const parse = (text: string) => parseNatsUrl('--agents', text);

test('a NATS server is a URL, a host, or several for a cluster', () => {
  assert.deepEqual(parse('nats://10.0.0.5').servers, ['10.0.0.5:4222']);
  assert.deepEqual(parse('loader.example:5222').servers, ['loader.example:5222']);
  assert.deepEqual(parse('nats://[::1]:5222').servers, ['[::1]:5222']);
  assert.deepEqual(parse('nats://a:1,nats://b:2').servers, ['a:1', 'b:2']);
  assert.equal(parse('tls://a').isTls, true);
  assert.equal(parse('nats://a').isTls, false);
});

test('credentials come from the URL, decoded, and are never shown', () => {
  const both = parse('nats://me:p%40ss@10.0.0.5:4222');
  assert.deepEqual([both.user, both.password, both.token], ['me', 'p@ss', undefined]);
  const token = parse('nats://s3cret@10.0.0.5');
  assert.deepEqual([token.user, token.password, token.token], [undefined, undefined, 's3cret']);
  for (const { shown } of [both, token]) assert.equal(shown, 'nats://10.0.0.5:4222');
});

test('what is no such URL is refused, without its password', () => {
  for (const text of ['', 'http://a', 'nats://', 'nats://a/path', 'nats://a?x=1', 'nats://a:port', 'ws://a'])
    assert.throws(() => parse(text), OptionError, text);
  assert.throws(
    () => parse('http://me:hidden@host'),
    (error: Error) => !error.message.includes('hidden'),
  );
});
