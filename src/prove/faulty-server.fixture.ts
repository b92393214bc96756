/**
 * A small HTTP/1.1 server over node:net that does everything right, unless it is told what to do wrong: the faults that the
 * adversary has to find. It reads requests by the judge's reader; a fault in reading is a change to the bytes before that, as
 * a server that overlooks something has it.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { readStream } from './http1/strict-reader.ts';
import type { Target } from './target/target.ts';

export interface Faults {
  /** What it does not see, or takes for something else. */
  readonly overlooks?: (bytes: string) => string;
  /** Takes what it may repair, as `readStream` does when it is not strict. */
  readonly repairs?: boolean;
  readonly bytesExtendDeadlines?: boolean;
  readonly neverEndsHeads?: boolean;
  readonly neverEndsIdle?: boolean;
  readonly neverEndsBodies?: boolean;
  /** Later than it says. */
  readonly lateMs?: number;
  readonly abortsSlowReadersAfterMs?: number;
  /** Looks at the peer's FIN never. */
  readonly ignoresFin?: boolean;
  /** Each piece that arrives is one request, or none. */
  readonly readsPieces?: boolean;
  readonly answersTwice?: boolean;
  readonly wrongAnswerEvery?: number;
  readonly resetsInsteadOfFin?: boolean;
  readonly dropsHalfClosed?: boolean;
  /** Handlers take their time. */
  readonly answersAfterMs?: number;
}

interface FaultyPromises {
  readonly headerMs: number;
  readonly idleMs: number;
  readonly bodyMs: number;
}

export const QUICK_PROMISES: FaultyPromises = { headerMs: 300, idleMs: 400, bodyMs: 300 };
/** Attackers and server share the process of a test: where deadlines are no matter, none comes while that is busy. */
export const PATIENT_PROMISES: FaultyPromises = { headerMs: 20_000, idleMs: 20_000, bodyMs: 20_000 };
const LARGE_BYTES = 8 * 1024 * 1024;
const LINGER_MS = 300;

interface FaultyServer {
  readonly target: Target;
  close(): void;
}

export function targetAt(port: number): Target {
  return {
    ...{
      name: 'faulty',
      url: `http://127.0.0.1:${port}`,
      again: `http://127.0.0.1:${port}`,
      address: '127.0.0.1',
      port,
      authority: `127.0.0.1:${port}`,
    },
    ...{
      isSecure: false,
      paths: {
        small: '/',
        large: '/large',
        upload: '/',
        hung: undefined,
        websocket: undefined,
        events: undefined,
      },
      pids: [],
      adminUrl: undefined,
      isOurs: false,
    },
  };
}

export async function startFaulty(faults: Faults, promises: FaultyPromises): Promise<FaultyServer> {
  const sockets = new Set<Socket>();
  let answered = 0;
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    new FaultyConnection(socket, faults, promises, () => ++answered);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    target: targetAt(port),
    close() {
      server.close();
      for (const each of sockets) each.destroy();
    },
  };
}

class FaultyConnection {
  readonly #socket: Socket;
  readonly #faults: Faults;
  readonly #promises: FaultyPromises;
  readonly #count: () => number;
  #bytes = '';
  #answered = 0;
  #isClosing = false;
  #timer: NodeJS.Timeout | undefined;
  #state: 'head' | 'idle' | 'body' = 'head';

  constructor(socket: Socket, faults: Faults, promises: FaultyPromises, count: () => number) {
    this.#socket = socket;
    this.#faults = faults;
    this.#promises = promises;
    this.#count = count;
    this.#arm('head');
    socket.on('error', () => socket.destroy());
    socket.on('close', () => clearTimeout(this.#timer));
    socket.on('data', (bytes: Buffer) => {
      const { answersAfterMs } = faults;
      if (answersAfterMs === undefined) this.#onData(bytes.toString('latin1'));
      else setTimeout(() => this.#onData(bytes.toString('latin1')), answersAfterMs);
    });
    socket.on('end', () => {
      if (faults.ignoresFin) return;
      if (faults.dropsHalfClosed) socket.destroy();
      else if (!this.#isClosing) socket.end(); // What is answered by then still leaves.
    });
  }

  #arm(state: 'head' | 'idle' | 'body'): void {
    const { neverEndsHeads, neverEndsIdle, neverEndsBodies, lateMs = 0 } = this.#faults;
    this.#state = state;
    clearTimeout(this.#timer);
    if ({ head: neverEndsHeads, idle: neverEndsIdle, body: neverEndsBodies }[state]) return;
    const { headerMs, idleMs, bodyMs } = this.#promises;
    const ms = { head: headerMs, idle: idleMs, body: bodyMs }[state];
    // Whoever still reads is not idle.
    const end = (): void => (this.#socket.writableLength > 0 ? this.#arm(state) : this.#end());
    this.#timer = setTimeout(end, ms + lateMs);
  }

  #onData(bytes: string): void {
    if (this.#isClosing) return;
    const { overlooks = (all) => all, bytesExtendDeadlines, readsPieces } = this.#faults;
    if (this.#state === 'idle' || bytesExtendDeadlines) this.#arm('head');
    this.#bytes = readsPieces ? bytes : this.#bytes + bytes;
    if (readsPieces) this.#answered = 0;
    const { requests, fault, hasOpenContent, isWhole } = readStream(
      overlooks(this.#bytes),
      !this.#faults.repairs,
    );
    for (; this.#answered < requests.length && !this.#isClosing; this.#answered++) {
      const { target, closes } = requests[this.#answered]!;
      this.#answer(200, target);
      if (closes) this.#end();
    }
    if (this.#isClosing) return;
    if (fault !== undefined) {
      this.#answer(400, '/');
      this.#end();
    } else if (hasOpenContent) this.#arm('body');
    else if (isWhole) this.#arm('idle');
  }

  #answer(status: number, path: string): void {
    const { wrongAnswerEvery = 0, answersTwice, abortsSlowReadersAfterMs } = this.#faults;
    const isWrong = wrongAnswerEvery > 0 && this.#count() % wrongAnswerEvery === 0;
    const content =
      path === '/large' ? Buffer.alloc(LARGE_BYTES, 97) : Buffer.from(isWrong ? 'hallo\n' : 'hello\n');
    const head = `HTTP/1.1 ${status} OK\r\nContent-Length: ${content.length}\r\n\r\n`;
    for (let times = answersTwice ? 2 : 1; times > 0; times--) {
      this.#socket.write(head);
      this.#socket.write(content);
    }
    if (abortsSlowReadersAfterMs === undefined || path !== '/large') return;
    const timer = setTimeout(() => {
      if (this.#socket.writableLength > 0) this.#socket.destroy();
    }, abortsSlowReadersAfterMs);
    this.#socket.on('close', () => clearTimeout(timer));
  }

  #end(): void {
    this.#isClosing = true;
    clearTimeout(this.#timer);
    if (this.#faults.resetsInsteadOfFin) {
      // With bytes unread, the kernel makes a close a reset (RFC 2525 §2.17).
      this.#socket.pause();
      setTimeout(() => this.#socket.destroy(), 50);
      return;
    }
    this.#socket.end(() => {
      this.#timer = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    });
  }
}
