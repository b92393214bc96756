// Asks for a short text, again and again on one connection, and says when asked what the 99th percentile of its answers' times was since.
// What it and the server waited for a core meanwhile is taken off.
import { connect } from 'node:net';
import { coreWaitMs } from './core-wait.mjs';

const [, , port, serverPid] = process.argv;
const socket = connect(Number(port), '127.0.0.1');
socket.setNoDelay(true);
const waitedMs = () => coreWaitMs('/proc/thread-self') + coreWaitMs(`/proc/${serverPid}/task/${serverPid}`);
let times = [];
let sentMs = 0;
let beforeMs = 0;
const ask = () => {
  beforeMs = waitedMs();
  sentMs = performance.now();
  socket.write('GET /plain HTTP/1.1\r\nHost: a\r\n\r\n');
};
socket.on('data', () => {
  const tookMs = performance.now() - sentMs;
  times.push(Math.max(0, tookMs - (waitedMs() - beforeMs)));
  setTimeout(ask, 1);
});
socket.on('connect', ask);
process.on('message', () => {
  const sorted = times.sort((a, b) => a - b);
  process.send({ p99Ms: sorted[Math.floor(sorted.length * 0.99)], count: sorted.length });
  times = [];
});
process.send({});
