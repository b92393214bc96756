import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { AssertionFailure, assert as holdfastAssert, unreachable } from './assert.ts';
import { OptionError, SysError, show, UnavailableError } from './errors.ts';

test('an option error names the option, the value and what is allowed', () => {
  const error = new OptionError('timeouts.header', '10 seconds', 'a duration is ...');
  assert.equal(error.message, 'timeouts.header: "10 seconds" is not allowed; a duration is ...');
  assert.equal(error.option, 'timeouts.header');
  assert.equal(error.code, 'HOLDFAST_OPTION');
  assert.ok(error instanceof TypeError);
});

test('a system error tells call, errno, place and hint, and is comparable by code', () => {
  const error = new SysError('bind', 98, 'EADDRINUSE', '127.0.0.1:8080', 'another process listens there');
  assert.equal(error.message, 'bind: EADDRINUSE 127.0.0.1:8080 (another process listens there)');
  assert.deepEqual([error.syscall, error.errno, error.code], ['bind', 98, 'EADDRINUSE']);
  assert.equal(new SysError('accept4', 24, 'EMFILE', '').message, 'accept4: EMFILE');
});

test('each class of error has its own code and shows its name', () => {
  const unavailable = new UnavailableError('io_uring is switched off here');
  assert.equal(unavailable.code, 'HOLDFAST_UNAVAILABLE');
  assert.match(inspect(unavailable), /^UnavailableError: io_uring is switched off here/);
  assert.match(inspect(new OptionError('port', -1, 'a port')), /^OptionError: port: -1 is not allowed/);
});

test('an assertion passes what is true and blames Holdfast for what is not', () => {
  holdfastAssert(true, 'never shown');
  assert.throws(() => holdfastAssert(1 > 2, 'one is less than two'), {
    name: 'AssertionFailure',
    code: 'HOLDFAST_ASSERTION',
    message: 'holdfast bug: one is less than two',
  });
  assert.throws(() => unreachable('other' as never), AssertionFailure);
});

test('any value can be shown on one short line', () => {
  class Named {}
  const cases: [unknown, string][] = [
    ['two\nlines', '"two\\nlines"'],
    ['x'.repeat(100), `"${'x'.repeat(77)}..."`],
    [undefined, 'undefined'],
    [null, 'null'],
    [12.5, '12.5'],
    [Number.NaN, 'NaN'],
    [10n, '10n'],
    [true, 'true'],
    [Symbol('mark'), 'Symbol(mark)'],
    [[1, 2], 'an array'],
    [{}, 'an object (Object)'],
    [new Named(), 'an object (Named)'],
    [Object.create(null), 'an object (no prototype)'],
    [{ constructor: 5 }, 'an object (Object)'],
    [show, 'function show'],
    [() => 1, 'function (anonymous)'],
  ];
  for (const [value, expected] of cases) assert.equal(show(value), expected);
});

test('a value that throws when it is looked at is shown all the same', () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  assert.equal(show(proxy), 'an object');
  const hostile = Object.create({
    get constructor() {
      throw new Error('no');
    },
  });
  assert.equal(show(hostile), 'an object');
  class WithNumberForName {
    static readonly name = 7;
  }
  assert.equal(show(WithNumberForName), 'function (anonymous)');
});
