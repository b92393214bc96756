/** What scenarios share whose servers take turns on one core: ports for them, when they listen, and what they have used of it. */
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseSchedstat } from './cpu.mjs';

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** @throws Error when nobody does within 10 s */
export async function listens(port) {
  for (let tries = 0; tries < 100; tries++) {
    const isThere = await new Promise((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(socket.destroy() !== undefined));
      socket.on('error', () => resolve(false));
    });
    if (isThere) return;
    await sleep(100);
  }
  throw new Error(`nobody listens on port ${port}`);
}

/** Seconds of CPU of all threads of a process. */
export function cpuSeconds(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  const ns = threads.map((id) => parseSchedstat(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8')));
  return ns.reduce((sum, each) => sum + each, 0) / 1e9;
}
