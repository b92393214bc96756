import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type SysError, UnavailableError } from '../../base/errors.ts';
import { SeededRandom } from '../../base/random.ts';
import { fill, type Plan, Watch, write } from '../contract/harness.contract.ts';
import { DEADLINE_TICK_MS, type EngineHandler } from '../engine.ts';
import type { SimConnection } from './connection.ts';
import { type NetworkFaults, NO_FAULTS } from './faults.ts';
import { KERNEL_ERRORS } from './kernel-errors.ts';
import { SimNetwork } from './network.ts';
import type { PeerHandler, SimPeer } from './peer.ts';
import { SimEngine } from './sim-engine.ts';

const RESTING = /^(EMFILE|ENFILE|ENOBUFS|ENOMEM)$/;

/** Keeps what it reads and notices each way of ending. */
class Reader implements PeerHandler {
  text = '';
  receivedBytes = 0;
  hasEnded = false;
  wasReset = false;
  peer!: SimPeer;

  onConnect(): void {}

  onData(_peer: SimPeer, bytes: Uint8Array): void {
    this.receivedBytes += bytes.length;
    if (this.text.length < 1000) this.text += Buffer.from(bytes).toString('latin1');
  }

  onEnd(): void {
    this.hasEnded = true;
  }

  onReset(): void {
    this.wasReset = true;
  }

  say(text: string): void {
    this.peer.write(Buffer.from(text), 0, text.length);
  }
}

interface SimStage {
  readonly network: SimNetwork;
  readonly engine: SimEngine;
  readonly watch: Watch;
  connect(): Reader;
  /** Lets virtual time pass. */
  pass(ms: number): Promise<void>;
}

async function onSimStage(
  plan: Plan,
  body: (stage: SimStage) => Promise<void>,
  faults: Partial<NetworkFaults> = {},
  seed = 1,
): Promise<void> {
  const network = new SimNetwork(new SeededRandom(seed), { ...NO_FAULTS, ...faults });
  const watch = new Watch(plan);
  const keepAlive = { idleSeconds: 5, intervalSeconds: 1, probes: 5 };
  const engine = new SimEngine(network, { handler: watch as EngineHandler<SimConnection>, keepAlive });
  watch.nowMs = () => engine.nowMs;
  const listener = await engine.listen({ port: 0, hostname: '192.0.2.2' });
  const pass = async (ms: number): Promise<void> => {
    let isOver = false;
    network.after(ms, () => (isOver = true));
    await network.run(() => isOver);
  };
  const connect = (): Reader => {
    const reader = new Reader();
    reader.peer = network.connect({ port: listener.address.port, receiveBufferBytes: 65_536 }, reader);
    return reader;
  };
  await body({ network, engine, watch, connect, pass });
  void engine.close();
  await network.run(() => false);
  assert.deepEqual(watch.violations, []);
  assert.equal(engine.connectionCount, 0);
  assert.equal(engine.linkedDeadlines, 0);
  for (const it of watch.all) assert.ok(it.closed !== undefined, `connection ${it.id} was never closed`);
}

test('connections are made by the network alone, and both addresses are told', async () => {
  await onSimStage({}, async ({ engine, connect, watch, pass }) => {
    assert.throws(() => engine.connect(), UnavailableError);
    const client = connect();
    await pass(50);
    const { conn } = watch.all[0]!;
    assert.deepEqual(conn.localAddress(), {
      family: 'IPv4',
      address: '192.0.2.2',
      port: client.peer.link.port,
    });
    assert.equal(conn.remoteAddress()?.port, client.peer.port);
  });
});

test('bytes go both ways, and FIN follows the last of them', async () => {
  const plan: Plan = {
    onReceive(conn) {
      write(conn, 'answer');
      conn.close('said all');
    },
  };
  await onSimStage(plan, async ({ connect, watch, pass }) => {
    const client = connect();
    await pass(1);
    client.say('question');
    await pass(1);
    assert.equal(client.text, 'answer');
    assert.ok(client.hasEnded && !client.wasReset);
    assert.equal(watch.all[0]!.closed, 'said all');
  });
});

test('what is written outside of a turn leaves when the promise jobs are through', async () => {
  const plan: Plan = {
    onReceive: (conn) =>
      void Promise.resolve().then(async () => {
        for (let i = 0; i < 50; i++) await null;
        write(conn, 'later');
      }),
  };
  await onSimStage(plan, async ({ connect, pass }) => {
    const client = connect();
    await pass(1);
    client.say('x');
    await pass(1);
    assert.equal(client.text, 'later');
  });
});

test('deadlines come in the tick after they are due, never before', async () => {
  const cameMs: number[] = [];
  let nowMs = (): number => 0;
  const plan: Plan = { onDeadline: () => cameMs.push(nowMs()) };
  await onSimStage(plan, async ({ engine, connect, watch, pass }) => {
    nowMs = () => engine.nowMs;
    connect();
    await pass(1);
    for (const waitMs of [0.3, 3, 4, 57.1, 1000, 76_000]) {
      const dueMs = engine.nowMs + waitMs;
      cameMs.length = 0;
      watch.all[0]!.conn.setDeadline(dueMs);
      await pass(waitMs + 10);
      assert.equal(cameMs.length, 1, `${waitMs} ms`);
      assert.ok(
        cameMs[0]! >= dueMs && cameMs[0]! <= dueMs + DEADLINE_TICK_MS,
        `${cameMs[0]! - dueMs} ms late`,
      );
    }
  });
});

test('a reader that does not read holds back what is sent, and onDrained tells when it has gone', async () => {
  const plan: Plan = { onReceive: (conn) => fill(conn, 500_000, 65) };
  await onSimStage(plan, async ({ connect, watch, pass }) => {
    const client = connect();
    client.peer.pauseReading();
    await pass(1);
    client.say('x');
    await pass(3_600_000);
    const [it] = watch.all;
    assert.ok(it!.conn.unsentBytes > 0 && it!.closed === undefined);
    assert.equal(it!.drains, 0);
    client.peer.resumeReading();
    await pass(1000);
    assert.equal(client.receivedBytes, 500_000);
    assert.equal(it!.drains, 1);
  });
});

test('whoever has seen that bytes wait is told when none do, though more is written in that turn', async () => {
  const plan: Plan = { onReceive: (conn) => write(conn, 'more') };
  await onSimStage(plan, async ({ connect, watch, pass }) => {
    const client = connect();
    await pass(50);
    const { conn } = watch.all[0]!;
    fill(conn, 1000, 1);
    assert.ok(conn.unsentBytes > 0);
    client.say('x');
    await pass(50);
    assert.equal(client.receivedBytes, 1004);
    assert.equal(watch.all[0]!.drains, 1);
  });
});

test('a paused connection is handed nothing, FIN included, until it resumes', async () => {
  await onSimStage({ onAccept: (conn) => conn.pauseReading() }, async ({ connect, watch, pass }) => {
    const client = connect();
    await pass(1);
    client.say('held');
    client.peer.end();
    await pass(100);
    const [it] = watch.all;
    assert.deepEqual([it!.receivedBytes, it!.peerEnds], [0, 0]);
    it!.conn.resumeReading();
    await pass(1);
    assert.deepEqual([it!.receivedBytes, it!.peerEnds], [4, 1]);
  });
});

test('bytes that come to a closed socket are answered by RST', async () => {
  await onSimStage({ onReceive: (conn) => conn.close('enough') }, async ({ connect, pass }) => {
    const client = connect();
    await pass(1);
    client.say('x');
    await pass(1);
    assert.ok(client.hasEnded && !client.wasReset);
    client.say('y');
    await pass(1);
    assert.ok(client.wasReset);
  });
});

test('resets and vanished peers are told by their reasons', async () => {
  await onSimStage({}, async ({ connect, watch, pass }) => {
    const [resetter, vanisher] = [connect(), connect()];
    await pass(1);
    resetter.peer.reset();
    vanisher.peer.vanish();
    await pass(9900);
    assert.deepEqual(
      watch.all.map((it) => it.closed),
      ['peer-reset', undefined],
    );
    await pass(200);
    assert.equal(watch.all[1]!.closed, 'peer-dead');
    assert.deepEqual(
      watch.all.map((it) => it.conn.errorCode),
      ['ECONNRESET', 'ETIMEDOUT'],
    );
  });
});

test('without descriptors accepting pauses, and goes on by itself', async () => {
  const network = new SimNetwork(new SeededRandom(3), {
    ...NO_FAULTS,
    acceptFailure: 0.5,
    acceptPauseMsMax: 50,
  });
  const told: (string | undefined)[] = [];
  const watch = new Watch({});
  const handler: EngineHandler<SimConnection> = {
    onAccept: (conn) => watch.onAccept(conn),
    onReceive: (conn, bytes, start, end) => watch.onReceive(conn, bytes, start, end),
    onDrained: (conn) => watch.onDrained(conn),
    onPeerEnd: (conn) => watch.onPeerEnd(conn),
    onDeadline: (conn) => watch.onDeadline(conn),
    onClosed: (conn, reason) => watch.onClosed(conn, reason),
    onAcceptPaused: (error: SysError | undefined) => told.push(error?.code),
  };
  const engine = new SimEngine(network, { handler });
  await engine.listen({ port: 80, hostname: '192.0.2.2' });
  for (let i = 0; i < 20; i++) network.connect({ port: 80, receiveBufferBytes: 4096 }, new Reader());
  await network.run(() => watch.all.length === 20);
  await assert.rejects(engine.listen({ port: 80, hostname: '192.0.2.2' }), /EADDRINUSE/);
  assert.ok(
    told.length >= 4 && told.every((code, i) => (i % 2 === 0 ? RESTING.test(code!) : code === undefined)),
    told.join(),
  );
});

test('an accept that fails for one connection lets the others in', async () => {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= 10; seed++)
    await onSimStage(
      {},
      async ({ connect, watch, pass }) => {
        const clients = Array.from({ length: 10 }, () => connect());
        await pass(50);
        const refused = clients.filter(({ wasReset }) => wasReset);
        assert.equal(watch.all.length, clients.length - refused.length);
        for (const { peer } of refused) for (const fault of peer.link.struck) outcomes.add(fault);
      },
      { acceptAbort: 0.4 },
      seed,
    );
  assert.deepEqual([...outcomes].sort(), ['accept ECONNABORTED', 'accept EPERM', 'accept EPROTO']);
});

test('a send that fails ends a connection when what had come is handed over, by the reason of its error', async () => {
  const ends = new Set<string>();
  for (let seed = 1; seed <= 60; seed++) {
    const plan: Plan = {
      onReceive(conn, _bytes, _start, _end, it) {
        if (it.note++ > 0) return;
        write(conn, 'an answer');
      },
    };
    await onSimStage(
      plan,
      async ({ connect, watch, pass }) => {
        const client = connect();
        await pass(1);
        client.say('question');
        client.say('and more');
        if (seed % 2 === 0) client.peer.end();
        await pass(50);
        const [it] = watch.all;
        assert.equal(it!.receivedBytes, 16, 'what had come is lost');
        if (it!.conn.errorCode === 'EPIPE') assert.equal(it!.peerEnds, 1);
        assert.equal(it!.conn.takesBytes, false);
        assert.equal(client.text, '');
        // Whoever cannot be reached learns nothing, and others are reset.
        assert.equal(client.wasReset, it!.closed !== 'peer-dead');
        ends.add(`${it!.conn.errorCode} ${it!.closed}`);
      },
      { sendFailure: 1 },
      seed,
    );
  }
  const wanted = [...KERNEL_ERRORS].filter(([error]) => error.startsWith('send'));
  assert.deepEqual([...ends].sort(), wanted.map(([error, end]) => `${error.slice(5)} ${end}`).sort());
});

test('a receive that fails ends its connection without what waited', async () => {
  const ends = new Set<string>();
  for (let seed = 1; seed <= 40; seed++)
    await onSimStage(
      {},
      async ({ connect, watch, pass }) => {
        const client = connect();
        await pass(1);
        client.say('question');
        await pass(50);
        const [it] = watch.all;
        assert.equal(it!.receivedBytes, 0);
        ends.add(`${it!.conn.errorCode} ${it!.closed}`);
      },
      { receiveFailure: 1 },
      seed,
    );
  const wanted = [...KERNEL_ERRORS].filter(([error]) => error.startsWith('receive'));
  assert.deepEqual([...ends].sort(), wanted.map(([error, end]) => `${error.slice(8)} ${end}`).sort());
});

test('memory that is given away stays as it was, and what is lent does not', async () => {
  const kept: { bytes: Uint8Array; isTaken: boolean }[] = [];
  const plan: Plan = {
    onReceive(conn, bytes, start, end) {
      const isTaken = kept.length % 2 === 0 && conn.takeReceived!(bytes);
      if (isTaken) assert.equal(conn.takeReceived!(bytes), false, 'taken twice');
      kept.push({ bytes: bytes.subarray(start, end), isTaken });
    },
  };
  await onSimStage(
    plan,
    async ({ connect, pass }) => {
      const client = connect();
      await pass(1);
      client.say('x'.repeat(200_000));
      await pass(50);
      assert.equal(
        kept.reduce((sum, { bytes }) => sum + bytes.length, 0),
        200_000,
      );
      assert.ok(kept.some(({ isTaken }) => isTaken) && kept.some(({ isTaken }) => !isTaken));
      for (const { bytes, isTaken } of kept)
        assert.ok(bytes.every((byte) => (byte === 'x'.charCodeAt(0)) === isTaken));
    },
    { givenReceive: 0.7 },
  );
});
