/** The thread of good-clients.ts: keep-alive clients that ask, wait for the whole answer, think, and ask again. */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { parentPort, workerData } from 'node:worker_threads';
import type { GoodPlan, GoodReport } from './good-clients.ts';

const plan = workerData as GoodPlan;
const latencyMs: number[] = [];
const failures: string[] = [];
const sockets: Socket[] = [];
let answered = 0;
let isStopping = false;

function startClient(path: string, thinkMs: number, isTimed: boolean): void {
  const socket: Socket =
    plan.isTls === true
      ? connectTls({ port: plan.port, host: '127.0.0.1', rejectUnauthorized: false })
      : connect({ port: plan.port, host: '127.0.0.1', noDelay: true });
  sockets.push(socket);
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nHost: good\r\n\r\n`);
  let sentMs = 0;
  let received = '';
  const ask = (): void => {
    if (isStopping) return;
    sentMs = performance.now();
    socket.write(request);
  };
  socket.on(plan.isTls === true ? 'secureConnect' : 'connect', ask);
  socket.on('data', (data: Buffer) => {
    received += data.toString('latin1');
    if (!received.endsWith('hello') && !received.endsWith('blocked')) return;
    const nowMs = performance.now();
    if (!received.startsWith('HTTP/1.1 200 ')) failures.push(received.slice(0, 100));
    received = '';
    answered++;
    if (isTimed) latencyMs.push(nowMs - sentMs);
    setTimeout(ask, thinkMs);
  });
  socket.on('error', (error) => failures.push(error.message));
  socket.on('end', () => {
    if (!isStopping) failures.push('the server closed a good client');
  });
}

// Not all at once: they would ask in step for ever.
for (let i = 0; i < plan.count; i++)
  setTimeout(() => startClient('/', plan.thinkMs, true), (i * plan.thinkMs) / plan.count);
if (plan.blockEveryMs !== undefined) startClient('/block', plan.blockEveryMs - 200, false);

parentPort!.once('message', () => {
  isStopping = true;
  for (const socket of sockets) socket.destroy();
  const report: GoodReport = { answered, failures, latencyMs };
  parentPort!.postMessage(report);
});
