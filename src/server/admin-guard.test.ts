import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import { AdminGuard } from './admin-guard.ts';

const TOKEN = 'a-token-of-sixteen';
const bare = new Headers();

test('only names of the machine, of the operator and addresses are answered', () => {
  const guard = new AdminGuard('0.0.0.0', ['Metrics.Internal'], undefined);
  for (const name of [
    'localhost',
    'LOCALHOST',
    'a.localhost',
    '127.0.0.1',
    '10.1.2.3',
    '[::1]',
    'metrics.internal',
    'metrics.internal.',
    hostname(),
  ])
    assert.equal(guard.checkSource(name, bare), undefined, name);
  for (const name of [
    'rebound.example',
    'localhost.rebound.example',
    '127.0.0.1.rebound.example',
    'xlocalhost',
    '',
  ]) {
    const refusal = guard.checkSource(name, bare);
    assert.equal(refusal?.status, 421, name);
    assert.match(refusal!.text, /admin\.names \(--admin-names\)/);
  }
});

test('a page of another site is refused, and a link on one is not', () => {
  const guard = new AdminGuard('127.0.0.1', [], undefined);
  const asked = (site: string, mode: string) =>
    guard.checkSource('127.0.0.1', new Headers({ 'sec-fetch-site': site, 'sec-fetch-mode': mode }))?.status;
  assert.equal(asked('cross-site', 'cors'), 403);
  assert.equal(asked('cross-site', 'no-cors'), 403);
  assert.equal(asked('same-site', 'cors'), 403);
  assert.equal(asked('cross-site', 'navigate'), undefined);
  assert.equal(asked('same-origin', 'cors'), undefined);
  assert.equal(asked('none', 'navigate'), undefined);
});

test('the token, and nothing else, opens', () => {
  const guard = new AdminGuard('127.0.0.1', [], TOKEN);
  const asked = (authorization?: string) =>
    guard.checkToken(new Headers(authorization === undefined ? {} : { authorization }));
  assert.equal(asked(`Bearer ${TOKEN}`), undefined);
  assert.equal(asked(`bearer  ${TOKEN}`), undefined);
  assert.equal(asked()?.headers?.['www-authenticate'], 'Bearer realm="holdfast admin"');
  for (const wrong of [`Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Bearer ${TOKEN.toUpperCase()}`]) {
    const refusal = asked(wrong);
    assert.equal(refusal?.status, 401, wrong);
    assert.match(refusal!.headers!['www-authenticate']!, /error="invalid_token"/);
    assert.ok(!refusal!.text.includes(TOKEN));
  }
  for (const other of [TOKEN, `Basic ${TOKEN}`, 'Bearer', `Bearer ${TOKEN} ${TOKEN}`])
    assert.equal(asked(other)?.status, 401, other);
});

test('without a token nothing has to be known', () => {
  assert.equal(new AdminGuard('127.0.0.1', [], undefined).checkToken(bare), undefined);
});
