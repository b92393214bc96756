import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineConnection } from '../../engine/engine.ts';
import { ResponseParts } from '../../web/parts.ts';
import { AnswerPlan } from '../answer-plan.ts';
import { ResponseHeads } from './response-heads.ts';
import { H1Sink } from './sink.ts';

test('a pace holds for the answer that asks for it, and not for the next on the connection', () => {
  const calls: string[] = [];
  const engine = {
    unsentBytes: 0,
    commitFile: ({ length }: { length: number }) => calls.push(`file ${length}`),
    setPace: (pace: number) => calls.push(`pace ${pace}`) > 0,
  } as unknown as EngineConnection;
  const connection = {
    engine,
    nowMs: 0,
    isLastRequest: false,
    takesTrailers: false,
    bytesWritten: 0,
    movedAtMs: 0,
  };
  const sink = new H1Sink(connection, {} as ResponseHeads);
  const file = { fd: 3, offset: 0, length: 10, onReleased() {} };
  for (const pace of [undefined, 1000, 2000, undefined, undefined]) {
    sink.open(1, true);
    if (pace !== undefined) sink.pace(pace);
    sink.file(file);
  }
  assert.deepEqual(calls, [
    'file 10',
    'pace 1000',
    'file 10',
    'pace Infinity',
    'pace 2000',
    'file 10',
    'pace Infinity',
    'file 10',
    'file 10',
  ]);
  assert.equal(connection.bytesWritten, 50);
});

test('content of some size is lent behind its head and not copied, and less than that leaves with it', () => {
  const calls: string[] = [];
  const out = new Uint8Array(128 * 1024);
  const engine = {
    unsentBytes: 0,
    borrowedBytesMin: 1000,
    out,
    reserve: () => 0,
    commit: (size: number) => calls.push(`commit ${size > 1000 ? 'much' : 'little'}`),
    commitBorrowed: (bytes: Uint8Array) => calls.push(`lend ${bytes.length}`),
    settle: () => calls.push('settle'),
  } as unknown as EngineConnection;
  const connection = {
    engine,
    nowMs: 0,
    isLastRequest: false,
    takesTrailers: false,
    bytesWritten: 0,
    movedAtMs: 0,
  };
  const sink = new H1Sink(connection, new ResponseHeads(1000));
  for (const size of [999, 1000]) {
    const plan = new AnswerPlan();
    const parts = new ResponseParts();
    parts.body = new Uint8Array(size);
    plan.decide(parts, false);
    sink.open(1, true);
    assert.equal(sink.begin(plan), true);
  }
  assert.deepEqual(calls, ['commit much', 'commit little', 'lend 1000', 'settle']);
  assert.ok(connection.bytesWritten > 1999);
});

/** @returns the head that is written for `parts` */
function headOf(minor: number, parts: ResponseParts): { head: string; keepAlive: boolean } {
  const out = new Uint8Array(4096);
  let text = '';
  const engine = {
    unsentBytes: 0,
    borrowedBytesMin: 1000,
    out,
    reserve: () => 0,
    commit: (size: number) => {
      text += Buffer.from(out.subarray(0, size)).toString('latin1');
    },
  } as unknown as EngineConnection;
  const connection = {
    engine,
    nowMs: 0,
    isLastRequest: false,
    takesTrailers: false,
    bytesWritten: 0,
    movedAtMs: 0,
  };
  const sink = new H1Sink(connection, new ResponseHeads(1000));
  const plan = new AnswerPlan();
  plan.decide(parts, false);
  sink.open(minor, true);
  sink.begin(plan);
  return { head: text, keepAlive: sink.keepAlive };
}

test('fields of framing that a handler gives are not sent beside our own', () => {
  const parts = new ResponseParts();
  parts.body = new Uint8Array(2);
  parts.names = ['content-length', 'x-own', 'date', 'transfer-encoding', 'keep-alive'];
  parts.values = ['99', 'yes', 'never', 'chunked', 'timeout=77'];
  const { head } = headOf(1, parts);
  assert.deepEqual(head.match(/^content-length: .*$/gim), ['Content-Length: 2']);
  assert.equal(head.match(/^date: /gim)?.length, 1);
  assert.match(head, /^x-own: yes\r$/im);
  assert.doesNotMatch(head, /chunked|never|timeout=77/i);
});

test('a stream without a length goes to HTTP/1.0 without chunks, and its end is the end of the connection', () => {
  const parts = new ResponseParts();
  parts.body = { read: async () => undefined, cancel() {} } as unknown as ResponseParts['body'];
  const old = headOf(0, parts);
  assert.doesNotMatch(old.head, /transfer-encoding|content-length/i);
  assert.equal(old.keepAlive, false);
  const present = headOf(1, parts);
  assert.match(present.head, /^Transfer-Encoding: chunked\r$/im);
  assert.equal(present.keepAlive, true);
});
