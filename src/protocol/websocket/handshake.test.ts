/** The opening handshake and its extensions, by the examples of RFC 6455 and RFC 7692. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { it } from 'node:test';
import { acceptOf, readHandshake } from './handshake.ts';

const ASKED: Record<string, string> = {
  upgrade: 'websocket',
  connection: 'keep-alive, Upgrade',
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'sec-websocket-version': '13',
};

const readWith = (changes: Record<string, string | null>, method = 'GET', isOverHttp2 = false) => {
  const fields: Record<string, string | null> = { ...ASKED, ...changes };
  return readHandshake(method, { get: (name) => fields[name] ?? null }, isOverHttp2);
};

it('a key is answered as in RFC 6455 §1.3', () => {
  const sha1 = (text: string) => createHash('sha1').update(text, 'latin1').digest('base64');
  assert.equal(acceptOf('dGhlIHNhbXBsZSBub25jZQ==', sha1), 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
});

it('a sound request is taken, with its subprotocols in order', () => {
  assert.deepEqual(readWith({ 'sec-websocket-protocol': 'chat , superchat,,' }), {
    key: ASKED['sec-websocket-key'],
    protocols: ['chat', 'superchat'],
  });
  assert.deepEqual(readWith({ upgrade: 'WebSocket', connection: 'UPGRADE' }), {
    key: ASKED['sec-websocket-key'],
    protocols: [],
  });
  assert.deepEqual(
    readWith({ upgrade: null, connection: null, 'sec-websocket-key': null }, 'CONNECT', true),
    {
      key: undefined,
      protocols: [],
    },
  );
});

it('any other is refused with the status that says why', () => {
  const status = (changes: Record<string, string | null>, method?: string) => {
    const result = readWith(changes, method);
    return 'status' in result ? result.status : 101;
  };
  assert.equal(status({}, 'POST'), 400);
  assert.equal(status({ upgrade: null }), 426);
  assert.equal(status({ upgrade: 'h2c' }), 426);
  assert.equal(status({ connection: 'keep-alive' }), 426);
  assert.equal(status({ 'sec-websocket-version': '8' }), 426);
  assert.equal(status({ 'sec-websocket-version': null }), 426);
  for (const key of [
    null,
    '',
    'dGhlIHNhbXBsZSBub25jZQ',
    'dGhlIHNhbXBsZSBub25jZR==',
    'x, y',
    'dGhlIHNhbXBsZSBub25jZQ===',
  ])
    assert.equal(status({ 'sec-websocket-key': key }), 400, String(key));
  for (const protocols of ['a, a', 'a b', 'ä'])
    assert.equal(status({ 'sec-websocket-protocol': protocols }), 400);
});
