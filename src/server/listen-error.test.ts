import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SysError } from '../base/errors.ts';
import { asListenError, ListenError, type ListenPlace } from './listen-error.ts';

const local: ListenPlace = { option: 'port', hostname: '127.0.0.1', port: 80 };

const CASES: [ListenPlace, string, string][] = [
  [local, 'EADDRINUSE', '127.0.0.1:80 is in use already (EADDRINUSE); stop what listens there, or choose another port by `port`, 0 for any free one'],
  [local, 'EACCES', '127.0.0.1:80 may not be bound by this user (EACCES); ports below 1024 are privileged: choose a higher one by `port`, or give the process CAP_NET_BIND_SERVICE'],
  [{ ...local, port: 8080 }, 'EACCES', '127.0.0.1:8080 may not be bound by this user (EACCES)'],
  [{ ...local, hostname: '::2' }, 'EADDRNOTAVAIL', '[::2]:80: this machine has no such address (EADDRNOTAVAIL); `hostname` takes one of its own, or 0.0.0.0 or :: for all of them'],
  [{ ...local, option: 'admin' }, 'EADDRNOTAVAIL', 'admin port 127.0.0.1:80: this machine has no such address (EADDRNOTAVAIL); `admin.hostname` takes one of its own, or 0.0.0.0 or :: for all of them'],
  [{ ...local, option: 'health' }, 'EADDRINUSE', 'health port 127.0.0.1:80 is in use already (EADDRINUSE); stop what listens there, or choose another port by `health`, 0 for any free one'],
  [{ option: 'unix', path: '/no/a.sock' }, 'ENOENT', 'the unix socket /no/a.sock cannot be made, because its folder does not exist (ENOENT)'],
  [{ option: 'unix', path: '/a.sock' }, 'EACCES', 'the unix socket /a.sock may not be made by this user: why (EACCES)'],
  [{ option: 'fd', fd: 9 }, 'ENOTSOCK', 'fd 9 is no socket that listens and that this process has: why (ENOTSOCK)'],
]; // biome-ignore format: one case a line

for (const [place, code, message] of CASES)
  test(`told: ${message}`, () => {
    const error = asListenError(new SysError('bind', 1, code, 'detail', 'why'), place);
    assert.ok(error instanceof ListenError);
    assert.equal(error.message, message);
    assert.equal(error.code, code);
    assert.equal(error.errno, 1);
    assert.equal(error.option, place.option);
    assert.equal(error.port, 'port' in place ? place.port : undefined);
  });

test('what the system did not refuse stays what it is', () => {
  const error = Object.assign(new Error('mine'), { code: 'EACCES' });
  assert.equal(asListenError(error, local), error);
});
