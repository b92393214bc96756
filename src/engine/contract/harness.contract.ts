/**
 * What the conformance tests stand on: a handler that watches the engine keep its promises in every
 * test, whatever that test is about, and raw `node:net` clients. Uses no other part of Holdfast, so that
 * an error of ours cannot hide itself.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import type {
  CloseReason,
  ConnectTarget,
  Engine,
  EngineConnection,
  EngineHandler,
  EngineOptions,
  ListenAddress,
  Listener,
} from '../engine.ts';
import { type Asked, EventRules, type Peers, type Told } from './event-rules.contract.ts';
import { watchCalls } from './watched-calls.contract.ts';

/** Makes the engine under test. */
export type CreateEngine = (options: EngineOptions) => Engine | Promise<Engine>;

/** Where engines may differ. Each difference has its reason where it is given. */
export interface EngineCapabilities {
  /** Accepting pauses when descriptors run out, with `onAcceptPaused`; else waiting peers are turned away. */
  readonly acceptPauses: boolean;
  /** `reusePort` is to be had here; else `listen` must throw UnavailableError. */
  readonly reusePort: boolean;
  /** Names in the abstract namespace are taken as they are; else `listen` and `connect` must refuse them with EINVAL. */
  readonly abstractNames: boolean;
  /** For tests in a child process: a module URL, and the name of its export that is a CreateEngine. */
  readonly module: { readonly url: string; readonly createEngine: string };
}

export interface Subject {
  readonly create: CreateEngine;
  /** A client of an engine that speaks TLS, which makes no connections itself. @default Client.connect */
  readonly connect?: (address: string, port: number) => Promise<Client>;
  readonly capabilities: EngineCapabilities;
}

/** What the watch knows of one connection; it sits in `conn.user`. */
export interface Watched {
  readonly id: number;
  readonly conn: EngineConnection;
  /** By `connect`, not accepted. */
  readonly isMade: boolean;
  /** Calls of `onConnect`. */
  connects: number;
  received: Buffer[];
  receivedBytes: number;
  drains: number;
  peerEnds: number;
  /** Calls of `onPeerEndSeen`. */
  peerEndsSeen: number;
  deadlines: number;
  closed: CloseReason | undefined;
  /** For the test's own use. */
  note: number;
}

export type Plan = {
  onAccept?(conn: EngineConnection, it: Watched): void;
  onConnect?(conn: EngineConnection, it: Watched): void;
  /** Without it, what arrives is kept in `it.received`. */
  onReceive?(conn: EngineConnection, bytes: Uint8Array, start: number, end: number, it: Watched): void;
  onDrained?(conn: EngineConnection, it: Watched): void;
  onPeerEnd?(conn: EngineConnection, it: Watched): void;
  onDeadline?(conn: EngineConnection, it: Watched): void;
  onClosed?(conn: EngineConnection, reason: CloseReason, it: Watched): void;
  onWake?(): void;
  onSending?(): void;
};

/** Runs a plan and holds the promises about order, nesting and `onClosed`. */
export class Watch implements EngineHandler {
  /** So that the engines hold the thread for a moment where they may. */
  readonly hasOpenWork = false;
  readonly all: Watched[] = [];
  readonly violations: string[] = [];
  readonly rules = new EventRules();
  /** The engine's clock, once there is an engine. */
  nowMs = (): number => Number.NaN;
  #depth = 0;
  /** Calls on connections that have not returned. */
  #calls = 0;
  readonly #plan: Plan;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  onAccept(conn: EngineConnection): void {
    const it = this.begin(conn, false);
    this.#call(() => this.#plan.onAccept?.(conn, it));
  }

  onConnect(conn: EngineConnection): void {
    const it = this.#of(conn, 'onConnect');
    this.#trace(it, { what: 'connect' });
    this.#hold(it.isMade && ++it.connects === 1, 'onConnect twice, or for a connection that was accepted');
    this.#hold(it.receivedBytes === 0 && it.peerEnds === 0 && it.drains === 0, 'onConnect came late');
    this.#call(() => this.#plan.onConnect?.(conn, it));
  }

  /** @param isMade what `connect` returned, not what `onAccept` is called with */
  begin(conn: EngineConnection, isMade: boolean): Watched {
    const call = isMade ? 'connect' : 'onAccept';
    const it: Watched = {
      id: this.all.length,
      conn,
      isMade,
      connects: 0,
      received: [],
      receivedBytes: 0,
      drains: 0,
      peerEnds: 0,
      peerEndsSeen: 0,
      deadlines: 0,
      closed: undefined,
      note: 0,
    };
    this.all.push(it);
    conn.user = it;
    watchCalls(conn, {
      asked: (what) => {
        this.#calls++;
        this.#trace(it, what);
      },
      done: () => this.#calls--,
    });
    this.#trace(it, { what: isMade ? 'make' : 'accept' });
    this.#hold(conn.isOpen, `${call}: isOpen is false`);
    this.#hold(conn.unsentBytes === 0, `${call}: unsentBytes is not 0`);
    return it;
  }

  onReceive(conn: EngineConnection, bytes: Uint8Array, start: number, end: number): void {
    const it = this.#of(conn, 'onReceive');
    this.#trace(it, { what: 'receive', bytes: end - start });
    it.receivedBytes += end - start;
    this.#call(() => {
      if (this.#plan.onReceive === undefined) it.received.push(Buffer.from(bytes.slice(start, end)));
      else this.#plan.onReceive(conn, bytes, start, end, it);
    });
  }

  onDrained(conn: EngineConnection): void {
    const it = this.#of(conn, 'onDrained');
    it.drains++;
    this.#trace(it, { what: 'drained' });
    this.#hold(conn.unsentBytes === 0, 'onDrained: unsentBytes is not 0');
    this.#call(() => this.#plan.onDrained?.(conn, it));
  }

  onPeerEndSeen(conn: EngineConnection): void {
    const it = this.#of(conn, 'onPeerEndSeen');
    it.peerEndsSeen++;
    this.#trace(it, { what: 'peer-end-seen' });
  }

  onPeerEnd(conn: EngineConnection): void {
    const it = this.#of(conn, 'onPeerEnd');
    it.peerEnds++;
    this.#trace(it, { what: 'peer-end' });
    this.#call(() => this.#plan.onPeerEnd?.(conn, it));
  }

  onDeadline(conn: EngineConnection): void {
    const it = this.#of(conn, 'onDeadline');
    it.deadlines++;
    this.#trace(it, { what: 'deadline' });
    this.#call(() => this.#plan.onDeadline?.(conn, it));
  }

  onSending(): void {
    this.#call(() => this.#plan.onSending?.());
  }

  onWake(): void {
    this.#call(() => this.#plan.onWake?.());
  }

  onClosed(conn: EngineConnection, reason: CloseReason): void {
    const it = this.#of(conn, 'onClosed');
    it.closed = reason;
    this.#hold(!conn.isOpen, 'onClosed: isOpen is true');
    this.#trace(it, { what: 'closed', reason });
    const isBroken = reason === 'connect-failed' || reason === 'peer-reset' || reason === 'peer-dead';
    this.#hold(!isBroken || conn.errorCode !== '', `onClosed: ${reason} without errorCode`);
    this.#call(() => this.#plan.onClosed?.(conn, reason, it));
  }

  #of(conn: EngineConnection, callback: string): Watched {
    const it = conn.user as Watched | undefined;
    assert.ok(it !== undefined, `${callback} without onAccept`);
    this.#hold(it.conn === conn, `${callback}: user belongs to another connection`);
    this.#hold(this.#calls === 0, `${callback} from within a call`);
    return it;
  }

  #call(body: () => void): void {
    this.#hold(this.#depth === 0, 'a callback within a callback');
    this.#depth++;
    try {
      body();
    } finally {
      this.#depth--;
    }
  }

  /** What the peer of `it` has done, as far as somebody says. */
  tells(it: Watched, what: Peers): void {
    this.#trace(it, what);
  }

  #trace({ id }: Watched, what: Told | Asked | Peers): void {
    const complaint = this.rules.event({ ...what, conn: id, nowMs: this.nowMs() });
    if (complaint !== undefined) this.violations.push(complaint);
  }

  #hold(condition: boolean, promise: string): void {
    if (!condition) this.violations.push(promise);
  }
}

export interface Stage {
  readonly engine: Engine;
  readonly watch: Watch;
  readonly listener: Listener;
  /** A client connected to the listener. */
  connect(): Promise<Client>;
  /** A connection that the engine under test makes; by default to its own listener. */
  make(target?: ConnectTarget): Watched;
  /** The connections as the engine reports them, once there are `count`. */
  accepted(count: number): Promise<Watched[]>;
}

const LOOPBACK: ListenAddress = { port: 0, hostname: '127.0.0.1' };

/** Runs `body` against a fresh engine, then closes it and holds the promises about what is left. */
export async function onStage(
  { create, connect: connectClient = Client.connect }: Subject,
  plan: Plan,
  body: (stage: Stage) => Promise<void>,
  address = LOOPBACK,
): Promise<void> {
  const watch = new Watch(plan);
  const engine = await create({ handler: watch });
  watch.nowMs = () => engine.nowMs;
  const clients: Client[] = [];
  try {
    const listener = await engine.listen(address);
    await body({
      engine,
      watch,
      listener,
      async connect() {
        const client = await connectClient(listener.address.address, listener.address.port);
        clients.push(client);
        return client;
      },
      make(target) {
        const { family, address, port } = listener.address;
        assert.ok(family !== 'unix' || target !== undefined);
        return watch.begin(engine.connect(target ?? { family: family as 'IPv4', address, port }), true);
      },
      async accepted(count) {
        const those = (): Watched[] => watch.all.filter((it) => !it.isMade);
        await until(() => those().length >= count, `${count} connections accepted`);
        return those();
      },
    });
  } finally {
    for (const client of clients) client.socket.destroy();
    await engine.close();
  }
  assert.deepEqual(watch.violations, []);
  assert.equal(engine.connectionCount, 0, 'connections are left after close');
  for (const it of watch.all)
    assert.ok(it.closed !== undefined, `connection ${it.id} was never reported as closed`);
}

/** A client that keeps what it receives, notices each way of ending, and never reads when paused. */
export class Client {
  readonly socket: Socket;
  readonly chunks: Buffer[] = [];
  receivedBytes = 0;
  hasEnded = false;
  hasClosed = false;
  error: NodeJS.ErrnoException | undefined;
  /** Takes the place of `chunks` for long streams. */
  onBytes: ((bytes: Buffer) => void) | undefined;

  readonly #below: Socket | undefined;

  /** @param below what `socket` sends through */
  constructor(socket: Socket, below?: Socket) {
    this.#below = below;
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.receivedBytes += bytes.length;
      if (this.onBytes === undefined) this.chunks.push(bytes);
      else this.onBytes(bytes);
    });
    socket.on('end', () => {
      this.hasEnded = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.error = error;
    });
    socket.on('close', () => {
      this.hasClosed = true;
    });
  }

  /** @param port 0 for a unix socket, whose path is `address` */
  static connect(address: string, port: number): Promise<Client> {
    return new Promise((resolve, reject) => {
      const options = { allowHalfOpen: true, noDelay: true };
      const socket =
        port === 0 ? connect({ ...options, path: address }) : connect({ ...options, host: address, port });
      const client = new Client(socket);
      socket.once('connect', () => resolve(client));
      socket.once('error', (error: NodeJS.ErrnoException) => {
        // An engine that resets at once may be faster than the news of the connection.
        if (error.code === 'ECONNRESET') resolve(client);
        else reject(error);
      });
    });
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('latin1');
  }

  async received(byteCount: number): Promise<void> {
    await until(
      () => this.receivedBytes >= byteCount,
      () => `${byteCount} bytes at the client, there are ${this.receivedBytes}`,
    );
  }

  async ended(): Promise<void> {
    await until(() => this.hasEnded || this.hasClosed, 'FIN at the client');
  }

  async closed(): Promise<void> {
    await until(() => this.hasClosed, 'the client socket closed');
  }

  /** FIN seen: no need of a FIN of ours for that. */
  reset(): void {
    // What carries it, where it is TLS.
    (this.#below ?? this.socket).resetAndDestroy();
  }
}

/** Writes text into a connection as a handler would. */
export function write(conn: EngineConnection, text: string): void {
  const at = conn.reserve(text.length);
  const { out } = conn;
  for (let i = 0; i < text.length; i++) out[at + i] = text.charCodeAt(i);
  conn.commit(text.length);
}

/** Writes `byteCount` bytes of one value. */
export function fill(conn: EngineConnection, byteCount: number, value: number): void {
  while (byteCount > 0) {
    const size = Math.min(byteCount, 64 * 1024);
    const at = conn.reserve(size);
    conn.out.fill(value, at, at + size);
    conn.commit(size);
    byteCount -= size;
  }
}

/** @throws when `condition` has not come true in time */
export async function until(
  condition: () => boolean,
  what: string | (() => string),
  timeoutMs = 10_000,
): Promise<void> {
  const giveUpMs = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > giveUpMs) {
      assert.fail(`waited ${timeoutMs} ms in vain for ${typeof what === 'string' ? what : what()}`);
    }
    await sleep(1);
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Open descriptors of this process, or undefined where there is no procfs. */
export function descriptorCount(): number | undefined {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
}

/** How many of something a test takes: HOLDFAST_FULL=1 takes them all, other runs enough to find what goes wrong for each. */
export function countOf(full: number, usual: number): number {
  return process.env['HOLDFAST_FULL'] === '1' ? full : usual;
}

/** How many connections a test may have open: each costs this process two descriptors. */
export function connectionCountMax(wanted: number): number {
  let limit = 1024;
  try {
    limit = Number(/Max open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1] ?? limit);
  } catch {
    // No procfs: a limit that every system allows.
  }
  return Math.min(wanted, Math.floor((limit - 200) / 2));
}
