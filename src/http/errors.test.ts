import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClientGoneError, clientGone } from './errors.ts';

test('a client that has gone costs no stack, and others keep theirs', () => {
  const limit = Error.stackTraceLimit;
  const error = clientGone('stream-reset');
  assert.ok(error instanceof ClientGoneError);
  assert.equal(error.reason, 'stream-reset');
  assert.doesNotMatch(error.stack!, /\n/);
  assert.equal(Error.stackTraceLimit, limit);
  assert.match(new ClientGoneError('test').stack!, /errors\.test/);
});
