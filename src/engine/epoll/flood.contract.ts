/**
 * Runs in a worker thread, so that it really goes on while the engine's thread is at work: a client that
 * answers each byte with a byte, or one that sends without end.
 */
import { connect, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

/** `ping`: `rounds` of one byte there and back on each connection. `flood`: write until told to stop. */
export interface FloodPlan {
  readonly mode: 'ping' | 'flood';
  readonly port: number;
  readonly connections: number;
  readonly rounds: number;
}

const { mode, port, connections, rounds } = workerData as FloodPlan;

/** Busy waiting, since sleeping would always miss the moments that matter: those right after an answer. */
function spin(microseconds: number): void {
  const endMs = performance.now() + microseconds / 1000;
  while (performance.now() < endMs);
}

function ping(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    let round = 0;
    const next = (): void => {
      if (round++ === rounds) {
        socket.destroy();
        resolve();
        return;
      }
      // From at once to after the engine has gone to sleep.
      spin((round * 7) % 60);
      socket.write('x');
    };
    socket.on('data', next);
    next();
  });
}

function flood(socket: Socket): Promise<void> {
  const bytes = Buffer.alloc(256 * 1024);
  const more = (): void => {
    while (socket.write(bytes));
  };
  socket.on('drain', more);
  more();
  return new Promise((resolve) => {
    parentPort!.once('message', () => {
      socket.destroy();
      resolve();
    });
  });
}

const sockets = Array.from({ length: connections }, () =>
  connect({ port, host: '127.0.0.1', noDelay: true }),
);
for (const socket of sockets) socket.on('error', () => {});
await Promise.all(sockets.map(mode === 'ping' ? ping : flood));
parentPort!.postMessage('done');
