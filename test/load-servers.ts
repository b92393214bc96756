/**
 * Small servers that behave well or badly, for tests of the load generator: raw sockets, so that what is
 * sent is exactly what stands here.
 */
import { spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

export interface TestServer {
  readonly port: number;
  readonly url: string;
  /** Requests whose head has come whole. */
  requests: number;
  connections: number;
  readonly sockets: ReadonlySet<Socket>;
}

export type Answer = (socket: Socket, head: string, server: TestServer) => void;

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

/** Calls `answer` for each request head, in order, pipelined ones too; bodies must be announced by a length. */
export async function startServer(
  t: TestContext,
  answer: Answer,
  onConnection?: (socket: Socket) => void,
): Promise<TestServer> {
  const sockets = new Set<Socket>();
  const listener: Server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    server.connections++;
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    onConnection?.(socket);
    let text = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end + 4);
        const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
        if (text.length < head.length + length) return;
        text = text.slice(head.length + length);
        server.requests++;
        answer(socket, head, server);
      }
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as { port: number };
  const server: TestServer = {
    port,
    url: `http://127.0.0.1:${port}/`,
    requests: 0,
    connections: 0,
    sockets,
  };
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  return server;
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as { port: number };
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

/** A process that serves so many requests, each on a connection of its own, and then hangs with its accept queue full. */
const HANGING = `
  const { writeSync } = require('node:fs');
  let left = Number(process.argv[1]);
  const hang = () => {
    writeSync(1, 'hangs');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };
  const server = require('node:net').createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.end(${JSON.stringify(OK)});
      if (--left === 0) setTimeout(hang, 10);
    });
  });
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    writeSync(1, server.address().port + ' ');
    if (left === 0) setTimeout(hang, 10);
  });
`;

export interface HangingServer {
  readonly url: string;
  /** Resolves when it has answered all that it answers. */
  readonly hangs: Promise<void>;
}

/**
 * A server that does not accept any more once it has answered `count` requests: the kernel lets a connection or two
 * more stand, and all others hang where they are made.
 */
export function startHangingServer(t: TestContext, count: number): Promise<HangingServer> {
  const child = spawn(process.execPath, ['-e', HANGING, String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let text = '';
  return new Promise((resolve) => {
    const hangs = new Promise<void>((isHanging) => {
      child.stdout.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
        if (text.includes(' ')) resolve({ url: `http://127.0.0.1:${Number.parseInt(text, 10)}/`, hangs });
        if (text.includes('hangs')) isHanging();
      });
    });
  });
}
