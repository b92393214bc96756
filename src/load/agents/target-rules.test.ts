import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OptionError } from '../../base/errors.ts';
import { TargetRules } from './target-rules.ts';

const NAMES: Readonly<Record<string, readonly string[]>> = { 'shop.example': ['192.0.2.7', '2001:db8::7'] };
const lookUp = async (name: string) => {
  const found = NAMES[name];
  if (found === undefined) throw new Error('ENOTFOUND');
  return found;
};

async function allows(texts: readonly string[], address: string, port = 80): Promise<boolean> {
  return new TargetRules('--allow-target', texts, lookUp).allows({ address, port });
}

test('without rules everything is allowed, with rules nothing else', async () => {
  assert.equal(await allows([], '203.0.113.1'), true);
  assert.equal(await allows(['10.0.0.1'], '10.0.0.1'), true);
  assert.equal(await allows(['10.0.0.1'], '10.0.0.2'), false);
  assert.equal(await allows(['10.0.0.1', '10.0.0.2'], '10.0.0.2'), true);
});

test('a rule with a port is for that port', async () => {
  assert.equal(await allows(['10.0.0.1:8080'], '10.0.0.1', 8080), true);
  assert.equal(await allows(['10.0.0.1:8080'], '10.0.0.1', 80), false);
  assert.equal(await allows(['[::1]:8080'], '::1', 8080), true);
  assert.equal(await allows(['[::1]:8080'], '::1', 81), false);
  assert.equal(await allows(['::1'], '::1', 81), true);
});

test('a range holds its addresses, of its family', async () => {
  assert.equal(await allows(['10.0.0.0/8'], '10.255.1.1'), true);
  assert.equal(await allows(['10.0.0.0/8'], '11.0.0.0'), false);
  assert.equal(await allows(['10.0.0.0/8'], '::1'), false);
  assert.equal(await allows(['2001:db8::/32'], '2001:db8:1::5'), true);
  assert.equal(await allows(['0.0.0.0/0'], '198.51.100.1'), true);
});

test('a name stands for what it leads to from here, and not for what a plan calls its target', async () => {
  assert.equal(await allows(['shop.example'], '192.0.2.7'), true);
  assert.equal(await allows(['shop.example:443'], '2001:db8::7', 443), true);
  assert.equal(await allows(['shop.example'], '192.0.2.8'), false);
  assert.equal(await allows(['nowhere.example'], '192.0.2.7'), false);
});

test('what is no rule is refused when the agent starts', () => {
  for (const text of [
    '',
    'a b',
    '10.0.0.0/33',
    '10.0.0.0/',
    'x/8',
    'host:0',
    'host:99999',
    '[host]:80',
    'a:b:c',
  ])
    assert.throws(() => new TargetRules('--allow-target', [text], lookUp), OptionError, text);
});
