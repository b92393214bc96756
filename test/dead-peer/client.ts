/** Peers for the dead-peer test, run inside a network namespace: `node client.js MODE HOST PORT PAUSE_MS`. */
import { connect } from 'node:net';

const [mode, host, port, pause] = process.argv.slice(2);
const say = (what: string) => process.stdout.write(`${what}\n`);
const socket = connect({ host: host!, port: Number(port), allowHalfOpen: true });
socket.on('error', (error) => say(`error ${error.message}`));
socket.on('close', () => say('close'));

if (mode === 'idle') {
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  socket.once('data', () => say('started'));
} else if (mode === 'download') {
  socket.write('GET /download HTTP/1.1\r\nHost: a\r\n\r\n');
  socket.once('data', () => say('started'));
  socket.on('data', () => {});
} else if (mode === 'upload') {
  socket.write('POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000000\r\n\r\n');
  const feed = setInterval(() => socket.write(Buffer.alloc(1000)), 20);
  socket.on('close', () => clearInterval(feed));
  setTimeout(() => say('started'), 200);
} else if (mode === 'pause') {
  // Reads the head, stops until its window is closed and the pause is over, then checks every byte.
  let at = -1;
  let head = '';
  let paused = false;
  socket.write('GET /exact HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  let body = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    if (at < 0) {
      head += bytes.toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      at = 0;
      bytes = Buffer.from(head.slice(end + 4), 'latin1');
    }
    body = Buffer.concat([body, bytes]);
    if (!paused) {
      paused = true;
      socket.pause();
      say('started');
      setTimeout(() => socket.resume(), Number(pause));
    }
  });
  socket.on('end', () => {
    let offset = 0;
    let exact = 0;
    let wrong = 0;
    for (;;) {
      const lineEnd = body.indexOf('\r\n', offset);
      const size = Number.parseInt(body.subarray(offset, lineEnd).toString('latin1'), 16);
      if (!(size > 0)) break;
      for (let i = 0; i < size; i++) if (body[lineEnd + 2 + i] !== exact++ % 251) wrong++;
      offset = lineEnd + 2 + size + 2;
    }
    say(`complete ${exact} ${wrong}`);
    socket.end();
  });
}
