/** The suite must fail where an engine breaks a promise: here are engines that do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EngineConnection, EngineHandler } from '../engine.ts';
import { createNodeEngine } from '../node/node-engine.ts';
import { onStage, type Plan, type Subject, sleep, until, write } from './harness.contract.ts';

const capabilities = {
  acceptPauses: false,
  reusePort: false,
  abstractNames: false,
  module: { url: '', createEngine: '' },
};

/** The node engine with a handler in between that breaks something. */
function broken(sabotage: (handler: EngineHandler) => Partial<EngineHandler>): Subject {
  return {
    capabilities,
    create({ handler, ...options }) {
      const through: EngineHandler = {
        onAccept: (conn) => handler.onAccept(conn),
        onReceive: (conn, bytes, start, end) => handler.onReceive(conn, bytes, start, end),
        onDrained: (conn) => handler.onDrained(conn),
        onPeerEnd: (conn) => handler.onPeerEnd(conn),
        onDeadline: (conn) => handler.onDeadline(conn),
        onClosed: (conn, reason) => handler.onClosed(conn, reason),
        ...sabotage(handler),
      };
      return createNodeEngine({ ...options, handler: through });
    },
  };
}

/** A connection that comes, says something, and goes. */
function play(subject: Subject, plan: Plan = {}): Promise<void> {
  return onStage(subject, plan, async ({ connect, accepted }) => {
    const client = await connect();
    client.socket.end('hello');
    const [it] = await accepted(1);
    await until(() => it!.peerEnds > 0 || it!.closed !== undefined, 'FIN');
    if (it!.closed === undefined) it!.conn.close('done');
    await sleep(10);
  });
}

test('an engine that keeps its promises passes', () => play(broken(() => ({}))));

test('onClosed twice is noticed', async () => {
  const twice = broken((handler) => ({
    onClosed(conn, reason) {
      handler.onClosed(conn, reason);
      handler.onClosed(conn, reason);
    },
  }));
  await assert.rejects(play(twice), /closed: after closed/);
});

test('a connection that is never reported as closed is noticed', async () => {
  await assert.rejects(play(broken(() => ({ onClosed() {} }))), /never reported as closed/);
});

test('an event after onClosed is noticed', async () => {
  const late = broken((handler) => ({
    onClosed(conn, reason) {
      handler.onClosed(conn, reason);
      handler.onDeadline(conn);
    },
  }));
  await assert.rejects(play(late), /deadline: after closed/);
});

test('bytes after FIN and FIN twice are noticed', async () => {
  const confused = broken((handler) => ({
    onPeerEnd(conn: EngineConnection) {
      handler.onPeerEnd(conn);
      handler.onReceive(conn, new Uint8Array(1), 0, 1);
      handler.onPeerEnd(conn);
    },
  }));
  await assert.rejects(play(confused), /receive: after the end/);
});

test('a callback from within a callback is noticed', async () => {
  let nested: (() => void) | undefined;
  const reentrant = broken((handler) => ({
    onReceive(conn, bytes, start, end) {
      nested = () => handler.onDeadline(conn);
      handler.onReceive(conn, bytes, start, end);
      nested = undefined;
    },
  }));
  const plan: Plan = {
    onReceive(conn) {
      write(conn, 'x');
      nested?.();
    },
  };
  await assert.rejects(play(reentrant, plan), /a callback within a callback/);
});
