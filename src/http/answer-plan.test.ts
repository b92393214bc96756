import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponseParts } from '../web/parts.ts';
import { AnswerPlan } from './answer-plan.ts';
import { BytesBody } from './bytes-body.ts';

const bytes = (count: number) => new Uint8Array(count).fill(0x61);

/** A body of which nobody knows the length. */
function endless() {
  return { contentLength: undefined, read: () => Promise.resolve(undefined), cancel() {} };
}

interface Case {
  readonly what: string;
  readonly status?: number;
  readonly isHead?: boolean;
  readonly fields?: readonly (readonly [string, string])[];
  readonly body: ResponseParts['body'];
  /** The length that the head tells, and what follows it. */
  readonly length: number;
  readonly follows: 'nothing' | 'bytes' | 'a stream';
  /** The body is to be let go of. */
  readonly isLeft?: boolean;
}

const CASES: readonly Case[] = [
  { what: 'a text', body: 'hé', length: 3, follows: 'bytes' },
  { what: 'bytes', body: bytes(5), length: 5, follows: 'bytes' },
  { what: 'an empty text', body: '', length: 0, follows: 'nothing' },
  { what: 'no body', body: null, length: 0, follows: 'nothing' },
  { what: 'a stream of known length', body: new BytesBody(bytes(7)), length: 7, follows: 'a stream' },
  { what: 'a stream', body: endless(), length: -1, follows: 'a stream' },
  {
    what: 'a stream whose handler tells the length',
    fields: [['content-length', '9']],
    body: endless(),
    length: 9,
    follows: 'a stream',
  },
  { what: 'a length that is none', fields: [['content-length', '9e1']], body: endless(), length: -1, follows: 'a stream' },
  { what: 'a length that is not that of the text', fields: [['content-length', '9']], body: 'x', length: 1, follows: 'bytes' },
  { what: 'HEAD of a text', isHead: true, body: 'four', length: 4, follows: 'nothing' },
  { what: 'HEAD of nothing', isHead: true, body: null, length: -1, follows: 'nothing' },
  {
    what: 'HEAD with the length that GET would have',
    isHead: true,
    fields: [['content-length', '12']],
    body: null,
    length: 12,
    follows: 'nothing',
  },
  { what: 'HEAD of a stream', isHead: true, body: endless(), length: -1, follows: 'nothing', isLeft: true },
  { what: '204 of a stream', status: 204, body: endless(), length: -1, follows: 'nothing', isLeft: true },
  { what: '204', status: 204, body: null, length: -1, follows: 'nothing' },
  { what: '304', status: 304, body: null, length: -1, follows: 'nothing' },
  {
    what: '304 with the length that 200 would have',
    status: 304,
    fields: [['content-length', '4']],
    body: null,
    length: 4,
    follows: 'nothing',
  },
]; // biome-ignore format: a table

test('what follows the head, and which length it tells, is decided by method, status and body', () => {
  // One plan for all: nothing of an answer may be left in the next.
  const plan = new AnswerPlan();
  for (const each of CASES) {
    const parts = new ResponseParts();
    parts.status = each.status ?? 200;
    parts.body = each.body;
    parts.names = (each.fields ?? []).map(([name]) => name);
    parts.values = (each.fields ?? []).map(([, value]) => value);
    plan.decide(parts, each.isHead === true);
    assert.equal(plan.contentLength, each.length, each.what);
    const follows = plan.bytes !== null ? 'bytes' : plan.stream !== null ? 'a stream' : 'nothing';
    assert.equal(follows, each.follows, each.what);
    assert.equal(plan.unsent !== null, each.isLeft === true, each.what);
    assert.equal(
      plan.mayHaveContent,
      !(each.isHead === true || parts.status === 204 || parts.status === 304),
    );
    assert.equal(plan.closes, false);
  }
});

test('a handler ends the connection by `Connection: close`, among other options or alone', () => {
  const plan = new AnswerPlan();
  for (const [value, closes] of [
    ['close', true],
    ['Close', true],
    ['x, close', true],
    ['closed', false],
    ['keep-alive', false],
  ] as const) {
    const parts = new ResponseParts();
    parts.names = ['connection'];
    parts.values = [value];
    plan.decide(parts, false);
    assert.equal(plan.closes, closes, value);
  }
});
