/**
 * Slowloris clients of five kinds, and when each was ended. A client never closes by itself and never
 * stops dripping: it is the server that has to end it, and to get rid of it.
 *
 * A deadline counts from a moment that is never later than the server's own: from the call of connect
 * for what counts from accept, from before the write for what counts from a first byte. So a lateness may
 * be told too long by the way there, never too short; and what is early is early for sure.
 */
import { connect, type Socket } from 'node:net';
import { sleep } from './figures.ts';
import { LoopLag } from './loop-lag.ts';

export const SLOW_KINDS = [
  'silent',
  'drip',
  'headers never ended',
  'drip on the second request',
  'pipelined drip',
] as const;
export type SlowKind = (typeof SLOW_KINDS)[number];

const REQUEST = 'GET / HTTP/1.1\r\nHost: slow\r\n\r\n';
/** Dripped a byte at a time, round and round: fields without end. */
const DRIP_HEAD = 'GET / HTTP/1.1\r\nHost: slow\r\n';
const DRIP_FIELD = 'X-a: b\r\n';

const DRIP_TICK_MS = 4;

export class SlowClient {
  readonly kind: SlowKind;
  readonly socket: Socket;
  /** From when the header deadline counts; Infinity until it does. */
  fromMs: number;
  endedMs = Number.NaN;
  /** What of `endedMs` may be our own delay. */
  lagMs = 0;
  isClosed = false;
  error = '';
  text = '';
  #dripped = 0;

  constructor(kind: SlowKind, port: number, lag: LoopLag) {
    this.kind = kind;
    this.fromMs = kind === 'drip on the second request' ? Number.POSITIVE_INFINITY : performance.now();
    this.socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.socket.on('connect', () => this.#onConnect());
    this.socket.on('data', (data: Buffer) => (this.text += data.toString('latin1')));
    const ended = (): void => {
      if (!Number.isNaN(this.endedMs)) return;
      this.endedMs = performance.now();
      this.lagMs = lag.lagMs(this.endedMs);
    };
    this.socket.on('end', ended);
    this.socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error ||= error.code ?? error.message;
      ended();
    });
    this.socket.on('close', () => {
      this.isClosed = true;
      ended();
    });
  }

  get isEnded(): boolean {
    return !Number.isNaN(this.endedMs);
  }

  #onConnect(): void {
    if (this.kind === 'headers never ended') this.socket.write(`${DRIP_HEAD}User-Agent: slow\r\nX-a: b\r\n`);
    else if (this.kind === 'drip on the second request') this.socket.write(REQUEST);
    else if (this.kind === 'pipelined drip') {
      this.fromMs = performance.now();
      this.socket.write(`${REQUEST}GET`);
      this.#dripped = 3;
    }
  }

  /** One byte more, for the kinds that drip; also when they have been told to go. */
  drip(): void {
    if (this.isClosed || this.socket.connecting || this.socket.destroyed) return;
    if (this.kind === 'silent' || this.kind === 'headers never ended') return;
    if (this.kind === 'drip on the second request') {
      if (!this.text.includes('hello')) return;
      if (this.#dripped === 0) this.fromMs = performance.now();
    }
    const at = this.#dripped++;
    const byte =
      at < DRIP_HEAD.length ? DRIP_HEAD[at]! : DRIP_FIELD[(at - DRIP_HEAD.length) % DRIP_FIELD.length]!;
    this.socket.write(byte);
  }

  /** The status lines of what it was answered, in order. */
  get statuses(): string {
    return [...this.text.matchAll(/HTTP\/1\.1 (\d\d\d)/g)].map((match) => match[1]).join(' ');
  }

  /** What it must have been answered: 408 only where a request had begun. */
  get expectedStatuses(): string {
    if (this.kind === 'silent') return '';
    return this.kind === 'drip' || this.kind === 'headers never ended' ? '408' : '200 408';
  }
}

export interface SlowPlan {
  readonly port: number;
  readonly count: number;
  readonly headerMs: number;
  /** Each client drips a byte this often; they take turns. */
  readonly dripEveryMs: number;
  /** Connections are opened over this time, so that their deadlines are spread over it too. */
  readonly openOverMs: number;
  /** How long to wait for the last after its deadline. */
  readonly patienceMs: number;
  readonly signal: { stop: boolean };
}

/** Opens them, lets them drip, and waits until all have been ended or patience is over. */
export async function runSlowClients(plan: SlowPlan): Promise<SlowClient[]> {
  const { port, count, headerMs, dripEveryMs, openOverMs } = plan;
  const lag = new LoopLag();
  const clients: SlowClient[] = [];
  const startMs = performance.now();
  // A few at a time: clients know nothing of each other, and do not drip as one.
  const groups = Math.ceil(dripEveryMs / DRIP_TICK_MS);
  let turn = 0;
  const dripper = setInterval(() => {
    turn = (turn + 1) % groups;
    for (let i = turn; i < clients.length; i += groups) clients[i]!.drip();
  }, DRIP_TICK_MS);
  try {
    while (clients.length < count) {
      const due = Math.min(count, Math.ceil(((performance.now() - startMs) / openOverMs) * count));
      while (clients.length < due)
        clients.push(new SlowClient(SLOW_KINDS[clients.length % SLOW_KINDS.length]!, port, lag));
      await sleep(5);
    }
    // The second request begins a drip later than the first ends.
    const endMs = performance.now() + headerMs + 2 * dripEveryMs + plan.patienceMs;
    while (performance.now() < endMs && !plan.signal.stop && !clients.every((client) => client.isEnded))
      await sleep(10);
    // Those that drip on once they have been told are lingered for, up to 30 s; a round of that will do.
    await sleep(2 * dripEveryMs);
  } finally {
    clearInterval(dripper);
    lag.stop();
  }
  return clients;
}

export interface Lateness {
  /** How long after its deadline each that was ended has ended, less our own delay; 0 at least. */
  readonly lateMs: number[];
  /** Ended before its deadline: by how much, at worst. */
  readonly earlyMsMax: number;
}

/** @param blocks when a handler held the server's thread: who came then, came for the server at the end of it */
export function lateness(
  clients: readonly SlowClient[],
  headerMs: number,
  blocks: readonly [startMs: number, endMs: number][],
): Lateness {
  const lateMs: number[] = [];
  let earlyMsMax = 0;
  for (const client of clients) {
    if (!client.isEnded) continue;
    const { fromMs, endedMs, lagMs } = client;
    earlyMsMax = Math.max(earlyMsMax, fromMs + headerMs - endedMs);
    const block = blocks.find(([startMs, endMs]) => fromMs >= startMs && fromMs < endMs);
    lateMs.push(Math.max(0, endedMs - lagMs - (block?.[1] ?? fromMs) - headerMs));
  }
  return { lateMs, earlyMsMax };
}
