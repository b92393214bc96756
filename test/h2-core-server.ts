/**
 * The core of HTTP/2 on sockets of node:net, for tests and measurements alone: the smallest session that there can be.
 * `/echo` answers with the content of the request, `/bytes/N` with N bytes, `/late` after 20 ms, `/never` not at all, anything else
 * with a greeting, when the request is whole.
 *
 *     node dist-test/h2-core-server.js PORT [SETTINGS as JSON]
 */
import net from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Http2Fault } from '#src/protocol/h2/error-codes.ts';
import { H2Thread } from '#src/protocol/h2/server/connection-state.ts';
import type { H2Stream } from '#src/protocol/h2/server/h2-stream.ts';
import type { RequestHead } from '#src/protocol/h2/server/head-cache.ts';
import { responseBlock, trailerBlock } from '#src/protocol/h2/server/response-block.ts';
import { H2Server } from '#src/protocol/h2/server/server-core.ts';
import type { H2Events, H2Output } from '#src/protocol/h2/server/server-events.ts';
import { DEFAULT_H2_SETTINGS, type H2Settings } from '#src/protocol/h2/server/server-settings.ts';

const latin1Slice = Buffer.prototype.latin1Slice as (this: Uint8Array, start: number, end: number) => string;
const CHUNK_BYTES = 128 * 1024;
const GREETING = Buffer.from('Hello, World!');
const GREETING_BLOCK = responseBlock(200, ['content-type', 'content-length'], ['text/plain', '13']);
const ECHO_BLOCK = responseBlock(200, ['content-type'], ['application/octet-stream']);
const TOO_LARGE_BLOCK = responseBlock(431, [], []);
const NOTHING = new Uint8Array(0);

/** What a turn writes is gathered, and sent when its socket has been read. */
class SocketOutput implements H2Output {
  out: Uint8Array = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  unsentBytes = 0;
  takesBytes = true;
  readonly #socket: net.Socket;
  readonly #onDrained: () => void;
  #from = 0;
  #at = 0;
  #isScheduled = false;

  constructor(socket: net.Socket, onDrained: () => void) {
    this.#socket = socket;
    this.#onDrained = onDrained;
  }

  reserve(size: number): number {
    if (this.#at + size > this.out.length) {
      this.flush();
      this.out = Buffer.allocUnsafeSlow(CHUNK_BYTES);
      this.#from = 0;
      this.#at = 0;
    }
    return this.#at;
  }

  commit(size: number): void {
    if (!this.takesBytes) return;
    this.#at += size;
    this.unsentBytes += size;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.flush());
  }

  flush(): void {
    this.#isScheduled = false;
    const size = this.#at - this.#from;
    if (size === 0 || this.#socket.destroyed) return;
    const bytes = this.out.subarray(this.#from, this.#at);
    this.#from = this.#at;
    this.#socket.write(bytes, () => {
      this.unsentBytes -= size;
      if (this.unsentBytes > 0) return;
      // The kernel has taken all of it, so the memory is free again.
      this.#from = 0;
      this.#at = 0;
      this.#onDrained();
    });
  }
}

interface Answer {
  content: Uint8Array;
  at: number;
  isWhole: boolean;
  trailers: Uint8Array | undefined;
}

class SocketSession implements H2Events {
  readonly core: H2Server;
  readonly #socket: net.Socket;
  readonly #onFault: (why: Http2Fault) => void;
  readonly #thread: H2Thread;
  #timer: NodeJS.Timeout | undefined = undefined;

  constructor(thread: H2Thread, socket: net.Socket, onFault: (why: Http2Fault) => void) {
    this.#socket = socket;
    this.#thread = thread;
    this.#onFault = onFault;
    const output = new SocketOutput(socket, () => {
      this.core.drained();
      if (!this.core.mustPause) socket.resume();
    });
    this.core = new H2Server(thread, output, this);
    socket.on('data', (bytes: Buffer) => {
      this.core.receive(bytes, 0, bytes.length);
      if (this.core.mustPause) socket.pause();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      output.takesBytes = false;
      clearTimeout(this.#timer);
      this.core.abort();
    });
    this.core.begin();
  }

  onRequest(stream: H2Stream, head: RequestHead, isWhole: boolean): void {
    if (isWhole) this.#answer(stream, head);
    else if (head.fields.path === '/echo') {
      stream.user = { content: NOTHING, at: 0, isWhole: false, trailers: undefined } satisfies Answer;
      if (head.fields.expectsContinue) this.core.sendInterim(stream, responseBlock(100, [], []));
      this.core.sendHead(stream, ECHO_BLOCK, 0, ECHO_BLOCK.length, false);
    }
  }

  onHeadTooLarge(stream: H2Stream): void {
    this.core.sendHead(stream, TOO_LARGE_BLOCK, 0, TOO_LARGE_BLOCK.length, true);
  }

  onData(stream: H2Stream, bytes: Uint8Array, start: number, end: number): void {
    const answer = stream.user as Answer | undefined;
    if (stream.head!.fields.path === '/never') return;
    if (answer === undefined) this.core.consumed(stream, end - start);
    else {
      // Consumed when it has gone out again: who does not read his echo is not read either.
      answer.content = Buffer.concat([answer.content.subarray(answer.at), bytes.subarray(start, end)]);
      answer.at = 0;
      this.onWindow(stream);
    }
  }

  onRequestEnd(stream: H2Stream, names: readonly string[], values: readonly string[]): void {
    const answer = stream.user as Answer | undefined;
    if (answer === undefined) this.#answer(stream, stream.head!);
    else {
      answer.isWhole = true;
      if (names.length > 0) answer.trailers = trailerBlock(names, values);
      this.onWindow(stream);
    }
  }

  onWindow(stream: H2Stream): void {
    const answer = stream.user as Answer;
    const { content } = answer;
    while (answer.at < content.length) {
      const size = Math.min(this.core.room(stream), content.length - answer.at);
      if (size === 0) return;
      const isLast = answer.isWhole && answer.trailers === undefined && answer.at + size === content.length;
      const from = answer.at;
      answer.at += size;
      this.core.consumed(stream, size);
      this.core.write(stream, content, from, from + size, isLast);
      if (isLast) return;
    }
    if (answer.trailers !== undefined) this.core.sendTrailers(stream, answer.trailers);
    else if (answer.isWhole) this.core.end(stream);
  }

  onReset(): void {}

  onActive(): void {}

  onDeadline(atMs: number): void {
    clearTimeout(this.#timer);
    const { clock } = this.#thread;
    this.#timer = setTimeout(
      () => {
        this.core.expire(clock.nowMs);
        // Timers count from the beginning of their turn, and may so come early.
        if (this.core.deadlineMs !== Number.POSITIVE_INFINITY) this.onDeadline(this.core.deadlineMs);
      },
      Math.max(0, atMs - clock.nowMs) + 1,
    );
  }

  onFault(why: Http2Fault): void {
    this.#onFault(why);
  }

  onEnd(): void {
    // What the client still sends is read and dropped until it closes, so that no reset destroys our GOAWAY.
    queueMicrotask(() => this.#socket.end());
    this.#socket.setTimeout(2000, () => this.#socket.destroy());
  }

  #answer(stream: H2Stream, head: RequestHead): void {
    const { path } = head.fields;
    if (path.startsWith('/bytes/')) {
      const content = new Uint8Array(Number(path.slice(7)));
      stream.user = { content, at: 0, isWhole: true, trailers: undefined } satisfies Answer;
      this.core.sendHead(stream, ECHO_BLOCK, 0, ECHO_BLOCK.length, false);
      this.onWindow(stream);
    } else if (path === '/late') {
      // A stream that is over is soon another connection's, often with the same number.
      const asked = {};
      stream.user = asked;
      setTimeout(() => {
        if (stream.user === asked) this.#greet(stream);
      }, 20);
    } else if (path !== '/never') this.#greet(stream);
  }

  #greet(stream: H2Stream): void {
    const block = GREETING_BLOCK;
    if (this.core.respond(stream, block, 0, block.length, GREETING, 0, GREETING.length)) return;
    stream.user = { content: GREETING, at: 0, isWhole: true, trailers: undefined } satisfies Answer;
    this.core.sendHead(stream, block, 0, block.length, false);
    this.onWindow(stream);
  }
}

export interface CoreServer {
  readonly port: number;
  /** Codes of the faults that clients have made, with how often. */
  readonly faults: Map<string, number>;
  /** Connections that are open. */
  readonly cores: Set<H2Server>;
  close(): void;
}

export async function serveCore(port = 0, settings: Partial<H2Settings> = {}): Promise<CoreServer> {
  const textOf = (bytes: Uint8Array, start: number, end: number): string =>
    latin1Slice.call(bytes, start, end);
  const clock = {
    get nowMs(): number {
      return performance.now();
    },
  };
  const thread = new H2Thread({ ...DEFAULT_H2_SETTINGS, textOf, ...settings }, clock);
  const faults = new Map<string, number>();
  const cores = new Set<H2Server>();
  const sockets = new Set<net.Socket>();
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const session = new SocketSession(thread, socket, ({ code }) => {
      faults.set(code, (faults.get(code) ?? 0) + 1);
    });
    cores.add(session.core);
    sockets.add(socket);
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      cores.delete(session.core);
      sockets.delete(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    faults,
    cores,
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const settings = JSON.parse(process.argv[3] ?? '{}') as Partial<H2Settings>;
  const server = await serveCore(Number(process.argv[2]), settings);
  console.log(`ready port=${server.port} pid=${process.pid}`);
}
