/** Promise: a deadline is reported once, never early, 1 to 2 ticks late, whatever else goes on. */
import assert from 'node:assert/strict';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { test } from 'node:test';
import type { Engine, EngineConnection } from '../engine.ts';
import {
  type Client,
  connectionCountMax,
  countOf,
  fill,
  onStage,
  type Subject,
  sleep,
  until,
  type Watched,
} from './harness.contract.ts';

/** Allowed on a quiet machine; what the loop itself was held up is added. */
const LATE_MS_MAX = 25;

/**
 * Runs `body` and says how late anything on this loop may have been.
 * @param rounds of the loop, where what is due may be more than one turn has time for
 */
async function allowedLatenessMs(body: () => Promise<void>, rounds = 1): Promise<number> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await body();
  delay.disable();
  return LATE_MS_MAX + (rounds * delay.max) / 1e6;
}

interface Report {
  readonly dueMs: number;
  readonly cameMs: number;
}

function checkReports(reports: Report[], count: number, lateMsMax: number): void {
  assert.equal(reports.length, count);
  for (const { dueMs, cameMs } of reports) {
    assert.ok(cameMs >= dueMs, `${dueMs - cameMs} ms early`);
    assert.ok(cameMs - dueMs <= lateMsMax, `${cameMs - dueMs} ms late, ${lateMsMax} allowed`);
  }
}

export function deadlinesContract(subject: Subject): void {
  test('deadlines come not early and hardly late', async () => {
    const reports: Report[] = [];
    const plan = {
      onDeadline: (_conn: EngineConnection, it: Watched) =>
        reports.push({ dueMs: it.note, cameMs: performance.now() }),
    };
    await onStage(subject, plan, async ({ engine, connect, accepted }) => {
      await Promise.all(Array.from({ length: 30 }, connect));
      const all = await accepted(30);
      const lateMsMax = await allowedLatenessMs(async () => {
        for (const it of all) {
          it.note = engine.nowMs + 3 + ((it.id * 97) % 300) + it.id / 31;
          it.conn.setDeadline(it.note);
        }
        await until(() => reports.length === 30, 'all deadlines');
        await sleep(20);
      });
      checkReports(reports, 30, lateMsMax);
      for (const it of all) assert.equal(it.deadlines, 1);
    });
  });

  test('a deadline can be moved later, earlier, cleared, and set again when it comes', async () => {
    const cameMs: number[][] = [[], [], [], []];
    const plan = {
      onDeadline(conn: EngineConnection, it: Watched) {
        cameMs[it.id]!.push(performance.now());
        if (it.id === 3 && it.deadlines < 3) conn.setDeadline((it.note = performance.now() + 30));
      },
    };
    await onStage(subject, plan, async ({ engine, connect, accepted }) => {
      for (let i = 0; i < 4; i++) await connect();
      const [later, earlier, cleared, again] = await accepted(4);
      const startMs = engine.nowMs;
      const lateMsMax = await allowedLatenessMs(async () => {
        for (const it of [later, cleared, again]) it!.conn.setDeadline(startMs + 40);
        earlier!.conn.setDeadline(startMs + 10_000);
        later!.conn.setDeadline(startMs + 120);
        earlier!.conn.setDeadline(startMs + 50);
        cleared!.conn.setDeadline(Number.POSITIVE_INFINITY);
        await until(() => later!.deadlines === 1 && again!.deadlines === 3, 'the deadlines');
        await sleep(20);
      });
      assert.ok(cameMs[0]![0]! >= startMs + 120);
      assert.ok(
        cameMs[1]![0]! >= startMs + 50 && cameMs[1]![0]! <= startMs + 50 + lateMsMax,
        'moved earlier',
      );
      assert.deepEqual(
        [later, earlier, cleared, again].map((it) => it!.deadlines),
        [1, 1, 0, 3],
      );
    });
  });

  test('a deadline that has passed already comes soon, and not from within the call', async () => {
    let isInCall = false;
    const plan = { onDeadline: () => assert.equal(isInCall, false) };
    await onStage(subject, plan, async ({ engine, connect, accepted }) => {
      await connect();
      const [it] = await accepted(1);
      isInCall = true;
      it!.conn.setDeadline(engine.nowMs - 1000);
      isInCall = false;
      await until(() => it!.deadlines === 1, 'the deadline', 1000);
    });
  });

  test('thousands of deadlines come, each once', {
    skip: subject.connect !== undefined && 'their handshakes take most of the time',
  }, async () => {
    const count = connectionCountMax(countOf(5000, 2000));
    const reports: Report[] = [];
    const plan = {
      onDeadline(conn: EngineConnection, it: Watched) {
        reports.push({ dueMs: it.note, cameMs: performance.now() });
        conn.reset('late');
      },
    };
    await onStage(subject, plan, async ({ engine, connect, accepted }) => {
      while ((await accepted(0)).length < count) {
        const before = (await accepted(0)).length;
        const size = Math.min(500, count - before);
        await Promise.all(Array.from({ length: size }, connect));
        await accepted(before + size);
      }
      const all = await accepted(count);
      const lateMsMax = await allowedLatenessMs(async () => {
        const startMs = engine.nowMs;
        for (const it of all) it.conn.setDeadline((it.note = startMs + 100 + ((it.id * 7919) % 1000)));
        await until(
          () => reports.length === count,
          () => `${count} deadlines, ${reports.length} came`,
        );
      }, 2);
      checkReports(reports, count, lateMsMax);
    });
  });

  test('a deadline comes in a flood of data', async () => {
    const reports: Report[] = [];
    const plan = {
      onReceive: () => {},
      onDeadline: (_conn: EngineConnection, it: Watched) =>
        reports.push({ dueMs: it.note, cameMs: performance.now() }),
    };
    await onStage(subject, plan, async ({ engine, connect, accepted }) => {
      const clients = [await connect(), await connect()];
      const [it] = await accepted(2);
      const chunk = Buffer.alloc(256 * 1024);
      let isOver = false;
      const flood = (): void => {
        if (isOver) return;
        for (const client of clients)
          if (client.socket.writableLength < 1_000_000) client.socket.write(chunk);
        setImmediate(flood);
      };
      const lateMsMax = await allowedLatenessMs(async () => {
        flood();
        it!.conn.setDeadline((it!.note = engine.nowMs + 100));
        await until(() => reports.length === 1, 'the deadline');
      });
      isOver = true;
      checkReports(reports, 1, lateMsMax);
    });
  });

  test('a deadline that falls into a blocked loop comes right after', async () => {
    const plan = { onDeadline: (_conn: EngineConnection, it: Watched) => (it.note = performance.now()) };
    await onStage(subject, plan, async ({ engine, connect, accepted }) => {
      await connect();
      const [it] = await accepted(1);
      let freeMs = 0;
      const lateMsMax = await allowedLatenessMs(async () => {
        it!.conn.setDeadline(engine.nowMs + 20);
        const untilMs = performance.now() + 100;
        while (performance.now() < untilMs);
        freeMs = performance.now();
        await until(() => it!.deadlines === 1, 'the deadline');
      });
      assert.ok(it!.note >= freeMs);
      assert.ok(it!.note - freeMs <= lateMsMax, `${it!.note - freeMs} ms after the loop was free`);
    });
  });

  test('what came while the loop was blocked is handed over before deadlines that passed meanwhile', async () => {
    const plan = { onDeadline: (_conn: EngineConnection, it: Watched) => (it.note = it.receivedBytes) };
    await onStage(subject, plan, async ({ engine, connect, accepted }) => {
      // More than io_uring takes in one look; of TLS, what a turn decrypts in its time.
      const count = subject.connect === undefined ? 48 : 8;
      const clients = await Promise.all(Array.from({ length: count }, () => connect()));
      const all = await accepted(count);
      // The engine sleeps, and is not woken by the kernel alone.
      await sleep(50);
      for (const { conn } of all) conn.setDeadline(engine.nowMs + 20);
      for (const client of clients) client.socket.write('x');
      const untilMs = performance.now() + 100;
      while (performance.now() < untilMs);
      await until(() => all.every(({ deadlines }) => deadlines === 1), 'the deadlines');
      assert.equal(all.filter(({ note }) => note === 0).length, 0, 'deadlines before bytes that were there');
    });
  });

  test('a connection does not inherit the deadline of the one that had its slot', async () => {
    await onStage(subject, {}, async ({ engine, connect, accepted }) => {
      for (let i = 0; i < 10; i++) {
        const client = await connect();
        const it = (await accepted(i + 1))[i]!;
        it.conn.setDeadline(engine.nowMs + 30);
        client.reset();
        await until(() => it.closed !== undefined, 'onClosed');
      }
      await connect();
      const all = await accepted(11);
      await sleep(80);
      for (const it of all) assert.equal(it.deadlines, 0);
    });
  });

  test('a close that waits for a stuck peer can be bounded by a deadline', async () => {
    const plan = {
      onReceive(conn: EngineConnection) {
        fill(conn, 24 * 1024 * 1024, 65);
        conn.close('patient');
        conn.setDeadline(performance.now() + 50);
      },
      onDeadline: (conn: EngineConnection) => conn.reset('impatient'),
    };
    await onStage(subject, plan, async ({ connect, accepted }) => {
      const client = await connect();
      client.socket.pause();
      client.socket.write('go');
      const [it] = await accepted(1);
      await until(() => it!.closed !== undefined, 'onClosed', 2000);
      assert.equal(it!.deadlines, 1);
    });
  });

  test('what arrives while another callback works is not taken for older than it is', async () => {
    const COUNT = 8;
    let blockedMs = 0;
    let clients: Client[] = [];
    let engine: Engine | undefined;
    const early: number[] = [];
    let late = 0;
    const plan = {
      onReceive: (_conn: EngineConnection, bytes: Uint8Array, start: number, end: number) => {
        if (blockedMs === 0) {
          const beganMs = performance.now();
          while (performance.now() < beganMs + 30);
          blockedMs = performance.now();
          // On loopback they are in the other sockets when write returns.
          for (const client of clients) client.socket.write('b');
          return;
        }
        if (!bytes.subarray(start, end).includes(98)) return;
        late++;
        const { arrivalMs } = engine!;
        if (arrivalMs < blockedMs) early.push(blockedMs - arrivalMs);
        assert.ok(arrivalMs <= performance.now());
      },
    };
    await onStage(subject, plan, async (stage) => {
      engine = stage.engine;
      clients = await Promise.all(Array.from({ length: COUNT }, stage.connect));
      await stage.accepted(COUNT);
      for (const client of clients) client.socket.write('a');
      await until(() => late >= COUNT - 1, 'the bytes', 2000);
      assert.deepEqual(early, []);
    });
  });

  test("the engine's clock is the process's, never goes back, and is fresh outside of turns", async () => {
    const readings: number[] = [];
    const plan = { onReceive: () => readings.push(0) };
    await onStage(subject, plan, async ({ engine, connect, accepted }) => {
      const client = await connect();
      await accepted(1);
      for (let i = 0; i < 10; i++) {
        client.socket.write('x');
        await sleep(10);
        const before = performance.now();
        const now = engine.nowMs;
        readings.push(now);
        assert.ok(Math.abs(now - before) < 5, `off by ${now - before} ms`);
      }
      const clock = readings.filter((ms) => ms > 0);
      assert.deepEqual(
        clock,
        clock.toSorted((a, b) => a - b),
      );
    });
  });
}
