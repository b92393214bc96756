/**
 * Promise: where an engine has `wakeAt`, it calls once, never early, and finer than deadlines tick. And it knows a turn from
 * what comes after.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEADLINE_TICK_MS, type Engine, type EngineConnection } from '../engine.ts';
import { onStage, type Subject, sleep, until, type Watched, write } from './harness.contract.ts';

export function wakingContract(subject: Subject): void {
  test('a moment comes once, not early, and mostly within a millisecond', async (t) => {
    const lateMs: number[] = [];
    let wantedMs = Number.POSITIVE_INFINITY;
    const plan = { onWake: () => lateMs.push(performance.now() - wantedMs) };
    await onStage(subject, plan, async ({ engine }) => {
      if (engine.wakeAt === undefined) return t.skip('this engine has no exact timer');
      // Half of the moments are quicker than a tick of the deadlines: those must not be rounded up to one.
      for (let round = 0; round < 40; round++) {
        wantedMs = performance.now() + DEADLINE_TICK_MS / 8 + (round % 20) / 7;
        engine.wakeAt(wantedMs);
        await until(() => lateMs.length === round + 1, 'the moment');
      }
      await sleep(20);
      assert.equal(lateMs.length, 40);
      assert.ok(Math.min(...lateMs) >= 0, `${Math.min(...lateMs)} ms early`);
      // The median, and not the worst: the machine may be busy with something else now and then.
      const median = lateMs.sort((a, b) => a - b)[20]!;
      assert.ok(median < DEADLINE_TICK_MS / 2, `the median is ${median} ms late`);
    });
  });

  test('a new moment takes the place of one that has not come, and deadlines come beside it', async (t) => {
    const cameMs: number[] = [];
    let deadlineMs = 0;
    const plan = {
      onWake: () => cameMs.push(performance.now()),
      onDeadline: () => (deadlineMs = performance.now()),
    };
    await onStage(subject, plan, async ({ engine, connect, accepted }) => {
      if (engine.wakeAt === undefined) return t.skip('this engine has no exact timer');
      await connect();
      const [it] = await accepted(1);
      const startMs = performance.now();
      engine.wakeAt(startMs + 5);
      engine.wakeAt(startMs + 60);
      it!.conn.setDeadline(startMs + 30);
      await until(() => cameMs.length === 1 && deadlineMs > 0, 'both');
      await sleep(20);
      assert.equal(cameMs.length, 1);
      assert.ok(cameMs[0]! >= startMs + 60, 'the replaced moment came');
      assert.ok(deadlineMs >= startMs + 30);
    });
  });

  test('who asks to send is asked what, between turns and behind the last look of a turn', async (t) => {
    let wanted = '';
    let asked: EngineConnection | undefined;
    const ask = (conn: EngineConnection, text: string): void => {
      wanted = text;
      conn.askToSend!();
    };
    const plan = {
      onSending: () => {
        if (wanted === '' || asked === undefined) return;
        write(asked, wanted);
        // Whoever sees that is told when all of it has left, and asks again from there.
        assert.equal(asked.unsentBytes, wanted.length);
        wanted = '';
      },
      onDrained: (conn: EngineConnection, { drains }: Watched) => {
        if (drains === 1) ask(conn, 'second');
      },
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      const [it] = await accepted(1);
      if (it!.conn.askToSend === undefined) return t.skip('no layer is put over this engine');
      await sleep(20);
      asked = it!.conn;
      ask(asked, 'first');
      await client.received(11);
      assert.equal(client.text, 'firstsecond');
    });
  });

  test('a turn is told from the promises that follow it', async () => {
    const told: boolean[] = [];
    const plan = {
      onReceive() {
        told.push(stage?.isInTurn === true);
        void Promise.resolve().then(() => told.push(stage?.isInTurn === true));
      },
    };
    let stage: Engine | undefined;
    await onStage(subject, plan, async ({ engine, connect }) => {
      stage = engine;
      assert.equal(engine.isInTurn, false);
      const client = await connect();
      client.socket.write('x');
      await until(() => told.length === 2, 'a promise');
      assert.deepEqual(told, [true, false]);
    });
  });
}
