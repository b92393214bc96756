import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from './failure.ts';
import { adminAddress, listenAddress } from './listen-address.ts';

test('--listen says in one what --port and --host say in two', () => {
  assert.deepEqual(listenAddress('3000', undefined, undefined), { port: 3000, hostname: '127.0.0.1' });
  assert.deepEqual(listenAddress('tcp://[::1]:80', 1, undefined), { port: 80, hostname: '::1' });
  assert.deepEqual(listenAddress('unix:/run/a.sock', undefined, undefined), { unix: '/run/a.sock' });
  assert.throws(() => listenAddress('unix:', undefined, undefined), UsageError);
});

test('--listen and --port on one command line contradict each other; PORT of the environment does not', () => {
  assert.throws(
    () => listenAddress('3000', 3001, undefined, new Set(['listen', 'port'])),
    /--listen and --port/,
  );
  assert.equal('port' in listenAddress('3000', 3001, undefined, new Set(['listen'])), true);
});

test('--admin takes a port, on loopback, or host and port', () => {
  assert.deepEqual(adminAddress('9090'), { port: 9090, hostname: '127.0.0.1' });
  assert.deepEqual(adminAddress('0.0.0.0:9090'), { port: 9090, hostname: '0.0.0.0' });
  assert.deepEqual(adminAddress('[::]:0'), { port: 0, hostname: '::' });
});

test('--admin refuses what is no address, and says what is', () => {
  for (const text of ['', 'on', '65536', 'host', 'unix:/run/a.sock', '1:2:3'])
    assert.throws(() => adminAddress(text), /--admin: .* give PORT or HOST:PORT/, text);
});
