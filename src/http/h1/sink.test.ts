import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineConnection } from '../../engine/engine.ts';
import type { ResponseHeads } from './response-heads.ts';
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
    sink.file(file, pace);
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
