/**
 * Promises: a callback that throws, in a process that goes on all the same (it listens to `uncaughtException`), costs
 * nobody anything but that call: no receive buffer, no connection, no edge and no turn is lost with it.
 *
 * In a child process, since the test runner takes what is thrown here for its own.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChild } from './child-process.contract.ts';
import { Client, type Subject, sleep } from './harness.contract.ts';

/** More than an engine has receive buffers. */
const THROWS = 1500;

export function throwingContract(subject: Subject): void {
  test('callbacks that throw lose neither buffers, connections nor turns', async () => {
    const child = await startChild(subject.capabilities, 'throw', {});
    const clients: Client[] = [];
    try {
      const { port } = child.said[0]!['listening'] as { port: number };
      const dial = async (): Promise<Client> => {
        const client = await Client.connect('127.0.0.1', port);
        clients.push(client);
        return client;
      };
      const many = await Promise.all(Array.from({ length: 50 }, dial));
      // Each byte is answered by a byte, and the callback that did so throws.
      for (let round = 1; round <= THROWS / many.length; round++) {
        for (const client of many) client.socket.write('x');
        for (const client of many) await client.received(round);
      }
      // What comes in one piece with other connections' news, and FIN, deadlines, drains and ends, all of which throw.
      for (const client of many) client.socket.end('d');
      for (const client of many) await client.closed();
      const late = await dial();
      late.socket.write('x');
      await late.received(1);
      late.socket.destroy();
      let state = await child.ask();
      for (let i = 0; i < 500 && state.open > 0; i++) {
        await sleep(10);
        state = await child.ask();
      }
      assert.equal(state.open, 0, 'connections are left');
      assert.ok(state.thrown >= THROWS + many.length, `${state.thrown} were thrown`);
    } finally {
      for (const client of clients) client.socket.destroy();
      await child.stop();
    }
  });
}
