/**
 * A server in a process of its own that has stopped: its kernel takes two connections and leaves further ones
 * without an answer, as a host that does not answer would, and nothing leaves this machine.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Client, until } from './harness.contract.ts';

export interface StuckServer {
  readonly port: number;
  /** It accepts and greets everybody from now on, also those who wait: they ask again after a second or three. */
  goOn(): void;
  stop(): Promise<void>;
}

const SCRIPT = `
const server = require('node:net').createServer((socket) => {
  socket.on('error', () => {});
  socket.on('data', (bytes) => socket.end('heard ' + bytes));
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));
`;

/** Resolves when nobody else gets in. */
export async function startStuckServer(): Promise<StuckServer> {
  const child = spawn(process.execPath, ['-e', SCRIPT], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  const port = Number(line.toString());
  assert.ok(port > 0);
  child.kill('SIGSTOP');
  const fillers: Socket[] = [];
  // A backlog of 1 is full with two (sk_acceptq_is_full compares by more than).
  for (let i = 0; i < 2; i++) fillers.push((await Client.connect('127.0.0.1', port)).socket);
  return {
    port,
    goOn: () => child.kill('SIGCONT'),
    async stop() {
      child.kill('SIGKILL');
      for (const filler of fillers) filler.destroy();
      await until(() => child.exitCode !== null || child.signalCode !== null, 'the stuck server to end');
    },
  };
}
