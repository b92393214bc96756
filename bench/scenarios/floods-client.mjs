/** The clients of floods.mjs, each a way to keep a server busy without end. One process each. */
import { fork } from 'node:child_process';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';

const many = (path, count) => Buffer.from(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`.repeat(count));
const CHUNK = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(65_536), Buffer.from('\r\n')]);

function dial(port) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => {});
  return socket;
}

/** Reads into one buffer: the flood is to be bound by the server. */
function dialReading(port) {
  const buffer = Buffer.alloc(1024 * 1024);
  const socket = connect({
    port,
    host: '127.0.0.1',
    noDelay: true,
    onread: { buffer, callback: () => true },
  });
  socket.on('error', () => {});
  return socket;
}

function writeOn(socket, bytes) {
  const more = () => {
    while (socket.write(bytes));
  };
  socket.on('drain', more);
  more();
}

function pipeline(port, path) {
  writeOn(dialReading(port), many(path, 4000));
}

function download(port, path) {
  dialReading(port).write(many(path, 1));
}

/** Opens a stream, reads some of it, goes away, and comes again. */
function openAndClose(port) {
  const socket = dial(port);
  socket.write(many('/download', 1));
  let bytes = 0;
  socket.on('data', (piece) => {
    bytes += piece.length;
    if (bytes > 100_000) socket.destroy();
  });
  socket.on('close', () => setImmediate(openAndClose, port));
}

function upload(port) {
  const socket = dialReading(port);
  socket.write('POST /upload HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n');
  writeOn(socket, CHUNK);
}

/** Connects and goes, as fast as it can. */
function knock(port) {
  const socket = dial(port);
  socket.on('connect', () => socket.destroy());
  socket.on('close', () => knock(port));
}

export const FLOODS = {
  pipeline: { connections: 1, run: (port) => pipeline(port, '/async') },
  pipelines: { connections: 24, processes: 2, run: (port) => pipeline(port, '/async') },
  'pipe-sync': { connections: 24, processes: 2, run: (port) => pipeline(port, '/sync') },
  downloads: { connections: 8, processes: 2, run: (port) => download(port, '/download') },
  crumbs: { connections: 8, run: (port) => download(port, '/crumbs') },
  'open-close': { connections: 16, processes: 2, run: openAndClose },
  uploads: { connections: 8, processes: 2, run: upload },
  knocks: { connections: 16, run: knock },
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, port, isPart] = process.argv.slice(2);
  if (name === 'burn') {
    if (isPart === undefined) fork(process.argv[1], ['burn', port, 'part']);
    setInterval(() => {
      const endMs = performance.now() + 50;
      while (performance.now() < endMs);
    }, 0);
  } else {
    const { connections, processes = 1, run } = FLOODS[name];
    for (let i = 0; i < connections / processes; i++) run(Number(port));
    if (isPart === undefined) for (let i = 1; i < processes; i++) fork(process.argv[1], [name, port, 'part']);
  }
  process.on('disconnect', () => process.exit(0));
  // A parent that was ended while this process began has been and gone.
  if (!process.connected) process.exit(0);
}
