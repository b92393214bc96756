/**
 * Serving a module on several threads. This thread opens the listening sockets, one a worker, all with
 * SO_REUSEPORT, and keeps them: a worker gets a duplicate of its socket's descriptor. So a worker can
 * crash or be replaced and no connection that waits in the accept queue is lost.
 */
import { lookup } from 'node:dns/promises';
import { Worker } from 'node:worker_threads';
import { OptionError, UnavailableError } from '../base/errors.ts';
import { DescriptorLedger } from '../engine/descriptor-ledger.ts';
import { Handoff } from '../engine/handoff.ts';
import { type ListeningSocket, openListener } from '../engine/listening-socket.ts';
import { busiestFirst, type ConnectionRow } from '../observe/connection-row.ts';
import { createLogger } from '../observe/logger.ts';
import type { AdminServer } from './admin.ts';
import { ClosingSignals } from './closing-signals.ts';
import { fetchDetached } from './detached.ts';
import { guardedLogger } from './guarded-logger.ts';
import { loadModule } from './module.ts';
import { hostnameOf, type LoggerLike, portOf, type ServeOptions, type Settings } from './options.ts';
import { PendingWork } from './pending-work.ts';
import {
  type CloseOptions,
  type CloseReport,
  CONNECTION_ROWS_MAX,
  type EngineChoice,
  type HandoffPlace,
  introduce,
  keepAliveFor,
  moduleUrl,
  type Server,
  type ServerStats,
  urlOf,
} from './serve.ts';
import { WorkerCensus } from './worker-census.ts';
import {
  errorFromData,
  type FromWorker,
  type ToWorker,
  type WorkerData,
  type WorkerOptions,
} from './worker-messages.ts';

/** A worker that crashes at once is not restarted faster than this, doubling up to the longest. */
const RESTART_DELAY_MS = 50;
const RESTART_DELAY_MS_MAX = 5000;
/** A worker that has lived this long has proved itself: its next crash is restarted at once. */
const PROVEN_AFTER_MS = 10_000;
/** After a reload, keep-alive connections of the old thread may still ask once, so that none loses a request. */
const RELOAD_IDLE_GRACE_MS = 1000;
/** How long a worker that was told to end by force may take before its thread is stopped. */
const FORCE_GRACE_MS = 2000;

/** Starts `options.workers` threads and resolves when every one accepts connections. */
export async function startWorkers(
  options: ServeOptions,
  settings: Settings,
  admin?: AdminServer,
): Promise<Server> {
  if (options.fd !== undefined)
    throw new OptionError('fd', options.fd, 'workers open their own sockets; leave it out');
  const server = new WorkerServer(options, settings, admin);
  try {
    await server.start();
  } catch (error) {
    await server.close(true);
    throw error;
  }
  return introduce(server, options);
}

/** One place among the workers: its socket stays, its threads come and go. */
interface Seat {
  readonly index: number;
  readonly socket: ListeningSocket | undefined;
  member: Member | undefined;
  restartDelayMs: number;
  restart: ReturnType<typeof setTimeout> | undefined;
  /** Threads that were started for it: two live side by side while one takes over from the other. */
  startCount: number;
}

/** One thread. */
interface Member {
  readonly worker: Worker;
  readonly ended: Promise<CloseReport>;
  readonly engine: EngineChoice;
  readonly startedAtMs: number;
  leaving: boolean;
}

class WorkerServer implements Server {
  url = '';
  port = 0;
  hostname = '';
  engine: EngineChoice = { name: 'node', reason: 'not started' };
  readonly admin: AdminServer | undefined;
  readonly startedAtMs = performance.now();
  readonly ready: Promise<Server>;
  readonly finished: Promise<CloseReport>;
  readonly #options: ServeOptions;
  readonly #settings: Settings;
  readonly #logger: LoggerLike;
  readonly #seats: Seat[] = [];
  readonly #census = new WorkerCensus();
  readonly #closingSignals = new ClosingSignals();
  /** What handlers of `fetch` gave to `waitUntil`. */
  readonly #work = new PendingWork();
  readonly #moduleUrl: URL;
  #generation = 0;
  #handoff: SharedArrayBuffer | undefined;
  #closing: Promise<CloseReport> | undefined;
  #reloading: Promise<void> = Promise.resolve();
  #resolveReady!: (server: Server) => void;
  #resolveFinished!: (report: CloseReport) => void;

  constructor(options: ServeOptions, settings: Settings, admin: AdminServer | undefined) {
    this.admin = admin;
    this.#options = options;
    this.#settings = settings;
    this.#logger = guardedLogger(options.logger ?? createLogger());
    this.#moduleUrl = moduleUrl(options.module!);
    this.ready = new Promise((resolve) => (this.#resolveReady = resolve));
    this.finished = new Promise((resolve) => (this.#resolveFinished = resolve));
  }

  async start(): Promise<void> {
    const count = this.#options.workers!;
    for (let index = 0; index < count; index++) {
      this.#seats.push({
        index,
        socket: await this.#openSocket(),
        member: undefined,
        restartDelayMs: RESTART_DELAY_MS,
        restart: undefined,
        startCount: 0,
      });
    }
    const members = await Promise.allSettled(this.#seats.map((seat) => this.#startMember(seat)));
    for (const [i, result] of members.entries()) {
      if (result.status === 'fulfilled') this.#seats[i]!.member = result.value;
    }
    for (const result of members) if (result.status === 'rejected') throw result.reason;
    this.engine = this.#seats[0]!.member!.engine;
    this.#resolveReady(this);
  }

  /** The seat's listening socket, or undefined where workers must bind for themselves (not Linux). */
  async #openSocket(): Promise<ListeningSocket | undefined> {
    if (process.platform !== 'linux') {
      if (this.#options.workers! > 1 || portOf(this.#options) === 0) {
        throw new UnavailableError(
          'workers: several threads need SO_REUSEPORT as Linux has it; here use workers: 0',
        );
      }
      return undefined;
    }
    const { unix, reusePort = false } = this.#options;
    const first = this.#seats[0]?.socket;
    if (unix !== undefined && first !== undefined) return first;
    const keepAlive = keepAliveFor(this.#settings.timeouts.deadPeerMs);
    const socket = await openListener(
      unix !== undefined
        ? { unix }
        : {
            // The first may take any free port; the others take the same.
            port: first === undefined ? portOf(this.#options) : this.port,
            hostname: hostnameOf(this.#options),
            reusePort: reusePort || first !== undefined,
          },
      { keepAlive, opensPort: first === undefined && this.#options.workers! > 1 },
      lookup,
    );
    if (first === undefined) {
      this.port = socket.address.port;
      this.hostname = socket.address.address;
      this.url = urlOf(this.#options.tls === undefined ? 'http' : 'https', socket.address);
    }
    return socket;
  }

  #workerOptions(seat: Seat): WorkerOptions {
    const { engine, timeouts, limits, accessLog, globals, tls, trustProxy, hostname, port } = this.#options;
    // The limit is for the whole server: each worker takes its share.
    const share =
      limits?.connections === undefined
        ? limits
        : { ...limits, connections: Math.ceil(limits.connections / this.#options.workers!) };
    const given = { engine, timeouts, limits: share, accessLog, globals, tls, trustProxy };
    const present = Object.fromEntries(
      Object.entries(given).filter(([, value]) => value !== undefined),
    ) as WorkerOptions;
    if (seat.socket !== undefined) return { ...present, fd: seat.socket.duplicate() };
    return {
      ...present,
      ...(hostname === undefined ? {} : { hostname }),
      ...(port === undefined ? {} : { port }),
    };
  }

  /** Each seat has two places, which its threads take in turn. */
  #handoffPlace(seat: Seat): HandoffPlace | undefined {
    if (this.#options.balance !== 'least') return undefined;
    const workers = this.#options.workers!;
    this.#handoff ??= Handoff.allocate(2 * workers);
    return { buffer: this.#handoff, thread: seat.index + workers * (seat.startCount++ % 2) };
  }

  /** Starts a thread for `seat` and waits until it accepts connections. */
  async #startMember(seat: Seat): Promise<Member> {
    const url = new URL(this.#moduleUrl);
    const handoff = this.#handoffPlace(seat);
    const ledger = DescriptorLedger.allocate();
    const data: WorkerData = {
      module: url.href,
      options: this.#workerOptions(seat),
      index: seat.index,
      shared: { ledger, ...(handoff === undefined ? {} : { handoff }) },
    };
    const worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: data,
      name: `holdfast-${seat.index}-${this.#generation++}`,
    });
    let settle: (report: CloseReport) => void = () => {};
    const ended = new Promise<CloseReport>((resolve) => (settle = resolve));
    let report: CloseReport = { drained: 0, forced: 0 };
    const started = new Promise<Member>((resolve, reject) => {
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'ready') {
          if (seat.socket === undefined) {
            this.port = message.port;
            this.hostname = message.hostname;
            this.url = message.url;
          }
          this.#census.joined(worker, seat.index);
          resolve({ worker, ended, engine: message.engine, startedAtMs: performance.now(), leaving: false });
        } else if (message.type === 'failed') reject(errorFromData(message.error));
        else if (message.type === 'closed') {
          report = message.report;
          this.#census.ending(worker, message.stats);
          // Its connections have ended; what the module itself keeps running must not keep the thread.
          void worker.terminate();
        } else this.#census.answered(message);
      });
      worker.on('error', (error) => {
        this.#logger.error(`worker ${seat.index} failed`, error);
        reject(error);
      });
      worker.once('exit', (code) => {
        this.#census.left(worker);
        if (handoff !== undefined) Handoff.leave(handoff.buffer, handoff.thread);
        this.#closeWhatIsLeft(seat, ledger);
        settle(report);
        reject(new Error(`worker ${seat.index} ended with code ${code} before it was ready`));
        if (seat.member?.worker === worker) this.#memberEnded(seat, seat.member, code);
      });
    });
    return started;
  }

  /** Of a thread that had no time to close its sockets: out of memory, or terminated in a handler that never ends. */
  #closeWhatIsLeft(seat: Seat, ledger: SharedArrayBuffer): void {
    const count = DescriptorLedger.releaseAll(ledger);
    if (count > 0)
      this.#logger.warn(`worker ${seat.index} left ${count} descriptors open; they are closed now`);
  }

  /** A thread ended by itself: its place is filled again, and the others have not noticed. */
  #memberEnded(seat: Seat, member: Member, code: number): void {
    seat.member = undefined;
    if (member.leaving || this.#closing !== undefined) return;
    const lived = performance.now() - member.startedAtMs;
    if (lived > PROVEN_AFTER_MS) seat.restartDelayMs = RESTART_DELAY_MS;
    this.#logger.error(
      `worker ${seat.index} ended unexpectedly (code ${code}); a new one starts in ${seat.restartDelayMs} ms`,
    );
    this.#restart(seat);
  }

  #restart(seat: Seat): void {
    const delayMs = seat.restartDelayMs;
    seat.restartDelayMs = Math.min(delayMs * 2, RESTART_DELAY_MS_MAX);
    seat.restart = setTimeout(async () => {
      seat.restart = undefined;
      try {
        const member = await this.#startMember(seat);
        if (this.#closing !== undefined)
          member.worker.postMessage({ type: 'close', force: true, idleGraceMs: 0 } satisfies ToWorker);
        else seat.member = member;
      } catch (error) {
        if (this.#closing !== undefined) return;
        this.#logger.error(`worker ${seat.index} did not start`, error);
        this.#restart(seat);
      }
    }, delayMs);
  }

  /** Replaces the workers one after the other. One that cannot start leaves the old one in place. */
  reload(): Promise<void> {
    const next = this.#reloading.then(async () => {
      for (const seat of this.#seats) {
        if (this.#closing !== undefined) return;
        const fresh = await this.#startMember(seat);
        const old = seat.member;
        seat.member = fresh;
        if (old !== undefined) void this.#dismiss(old, { idleGraceMs: RELOAD_IDLE_GRACE_MS });
      }
    });
    this.#reloading = next.catch(() => {});
    return next;
  }

  async #dismiss(member: Member, { force = false, idleGraceMs = 0 }: CloseOptions): Promise<CloseReport> {
    member.leaving = true;
    member.worker.postMessage({ type: 'close', force, idleGraceMs } satisfies ToWorker);
    if (force) {
      const grace = setTimeout(() => void member.worker.terminate(), FORCE_GRACE_MS);
      grace.unref();
    }
    return member.ended;
  }

  close(options: CloseOptions | boolean = false): Promise<CloseReport> {
    const asked = typeof options === 'boolean' ? { force: options } : options;
    const force = asked.force === true;
    const members = this.#seats.flatMap((seat) => (seat.member === undefined ? [] : [seat.member]));
    if (this.#closing === undefined) this.#closing = this.#close(members, asked);
    else if (force) for (const member of members) void this.#dismiss(member, { force });
    return this.#closing;
  }

  async #close(members: Member[], options: CloseOptions): Promise<CloseReport> {
    for (const seat of this.#seats) {
      clearTimeout(seat.restart);
      seat.socket?.close();
    }
    const reports = await Promise.all(members.map((member) => this.#dismiss(member, options)));
    const report = {
      drained: reports.reduce((sum, each) => sum + each.drained, 0),
      forced: reports.reduce((sum, each) => sum + each.forced, 0),
    };
    await this.#work.settled(options.force === true ? 0 : this.#settings.timeouts.drainMs);
    await this.admin?.close();
    this.#resolveFinished(report);
    return report;
  }

  /** The sum over the workers. */
  async stats(): Promise<ServerStats> {
    return this.#census.stats(this.#seats.filter((seat) => seat.member !== undefined).length);
  }

  async connections(countMax = CONNECTION_ROWS_MAX): Promise<ConnectionRow[]> {
    return (await this.#census.connections(countMax)).sort(busiestFirst).slice(0, countMax);
  }

  get isAccepting(): boolean {
    return this.#closing === undefined && this.#seats.some((seat) => seat.member !== undefined);
  }

  async fetch(request: Request): Promise<Response> {
    // In this thread, with an instance of the module of its own: workers take connections, not requests.
    const { fetch, error } = await loadModule(this.#moduleUrl);
    return fetchDetached(request, {
      fetch,
      errorHandler: this.#options.error ?? error,
      work: this.#work,
      closingSignals: this.#closingSignals,
      workFailed: (reason, { method, url }) =>
        this.#logger.error(`waitUntil failed: ${method} ${url}`, reason),
    });
  }

  ref(): void {
    for (const seat of this.#seats) seat.member?.worker.ref();
    this.admin?.ref();
  }

  unref(): void {
    for (const seat of this.#seats) seat.member?.worker.unref();
    this.admin?.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
