import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { resolveTarget } from './target-address.ts';

/** Listens on one address and the same port as the others. */
function listen(t: TestContext, host: string, port = 0): Promise<number> {
  const server = createServer((socket) => socket.destroy());
  t.after(() => server.close());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve((server.address() as { port: number }).port));
  });
}

test('a name leads to all of its addresses that answer, once each', async (t) => {
  const port = await listen(t, '127.0.0.2');
  await listen(t, '127.0.0.4', port);
  const lookUp = async () => ['127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.2'];
  const url = new URL(`http://many.example:${port}/`);
  const { connects, authority } = await resolveTarget(url, {}, lookUp);
  assert.equal(authority, `many.example:${port}`);
  assert.deepEqual(connects, [
    { address: '127.0.0.2', family: 'IPv4', port },
    { address: '127.0.0.4', family: 'IPv4', port },
  ]);
});

test('where no address answers, the first one shows why', async (t) => {
  const port = await listen(t, '127.0.0.2');
  const lookUp = async () => ['127.0.0.3', '127.0.0.4'];
  const { connects } = await resolveTarget(new URL(`http://many.example:${port}/`), {}, lookUp);
  assert.deepEqual(connects, [{ address: '127.0.0.3', family: 'IPv4', port }]);
});

test('with source addresses only addresses of their family are used', async () => {
  const lookUp = async () => ['::1', '127.0.0.1'];
  const url = new URL('http://both.example:1/');
  const { connects } = await resolveTarget(url, { sourceAddresses: ['127.0.0.2'] }, lookUp);
  assert.deepEqual(connects, [{ address: '127.0.0.1', family: 'IPv4', port: 1 }]);
});
