/**
 * Serving a module on several threads. This thread opens the listening sockets, one a worker, all with
 * SO_REUSEPORT, and keeps them: a worker gets a duplicate of its socket's descriptor. So a worker can
 * crash or be replaced and no connection that waits in the accept queue is lost. When threads come and go is
 * seat.ts', how one ends is worker-thread.ts'.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { OptionError } from '../base/errors.ts';
import { Handoff } from '../engine/descriptor/handoff.ts';
import type { ListeningSocket } from '../engine/descriptor/listening-socket.ts';
import { unixText } from '../engine/unix-path.ts';
import { ClosingSignals } from '../http/closing-signals.ts';
import { PendingWork } from '../http/pending-work.ts';
import { busiestFirst, type ConnectionRow } from '../observe/connection-row.ts';
import { createLogger } from '../observe/logger.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import type { Hub } from '../pubsub/hub.ts';
import type { MessageData, PublishOptions } from '../pubsub/message.ts';
import { installGlobals } from '../web/globals.ts';
import { type CloseOptions, type ClosePlan, closePlan, SHUTDOWN_IDLE_GRACE_MS } from './close-plan.ts';
import { fetchDetached } from './detached.ts';
import { ServerClosedError } from './errors.ts';
import { finishStart } from './finish-start.ts';
import { guardedLogger } from './guarded-logger.ts';
import { asListenError, placeOf } from './listen-error.ts';
import { loadModule, moduleUrl } from './module.ts';
import { nodeModeOf } from './node-listener.ts';
import { type Observation, observationOfAll } from './observation.ts';
import type { ServeOptions, Settings } from './options.ts';
import { restored } from './portable-log.ts';
import { isServing, Seat } from './seat.ts';
import {
  type AdminAddress,
  CONNECTION_ROWS_MAX,
  type EngineChoice,
  type HandoffPlace,
  type Server,
  type ServerStats,
} from './server.ts';
import { type CloseReport, sumOfReports } from './thread-closing.ts';
import { createHub } from './thread-hub.ts';
import { ThreadRelay } from './thread-relay.ts';
import { urlOf } from './thread-server.ts';
import { changeTls, type ThreadTls, type TlsMaterial } from './tls-material.ts';
import type { TlsOptions } from './tls-options.ts';
import type { OperatorPorts, WatchedServer } from './watched-server.ts';
import { WorkerCounts } from './worker-counts.ts';
import { optionsOfWorker, withUsefulWorkers } from './worker-options.ts';
import { openWorkerSocket } from './worker-sockets.ts';
import { StartsUnderWay } from './worker-start.ts';
import { linksFor, needWorkerFile, WorkerThread, type WorkerThreadEvents } from './worker-thread.ts';

/** A first start is not given up, it may have a cache to fill; whoever waits for it is told that it loads. */
const SLOW_START_MS = 10_000;
/** With a later reload waiting, a load may take so many times as long as the last one, and at least this. */
const HURRIED_START_FACTOR = 3;
const HURRIED_START_MS = 2000;
/** How often, and for how long after its end, the other thread of a seat looks for connections that one has not taken. */
const LOOK_MS = 100;
const LOOK_AFTER_END_MS = 1000;
/** How long a reload waits for a worker that is replaced to accept no more. */
const STOP_MS = 1000;
/** Threads of one seat that may live at once and share connections: one that serves, and others that leave. */
const HANDOFF_PLACES_PER_WORKER = 4;

/** Starts `options.workers` threads and resolves when every one accepts connections. */
export async function startWorkers(
  options: ServeOptions,
  settings: Settings,
  ports?: OperatorPorts,
  tls?: ThreadTls,
): Promise<WatchedServer> {
  needWorkerFile();
  const server = new WorkerServer(withUsefulWorkers(options, settings), settings, ports, tls);
  // Modules may load for ever: an abort is heard before they have.
  const { signal } = options;
  const giveUp = (): void => void server.close(true);
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    await server.start();
  } catch (error) {
    await server.close(true);
    throw signal?.aborted === true && error instanceof ServerClosedError ? signal.reason : error;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
  return finishStart(server, options);
}

/** Why a thread is started decides how long it may take. */
type StartReason = 'first start' | 'reload or restart';

class WorkerServer implements WatchedServer {
  url = '';
  port = 0;
  hostname = '';
  engine: EngineChoice = { name: 'node', reason: 'not started' };
  readonly #ports: OperatorPorts | undefined;
  readonly startedAtMs = performance.now();
  readonly ready: Promise<Server>;
  readonly finished: Promise<CloseReport>;
  readonly #tls: ThreadTls | undefined;
  readonly #options: ServeOptions;
  readonly #settings: Settings;
  readonly #logger: LoggerLike;
  readonly #seats: Seat<WorkerThread>[] = [];
  readonly #sockets: (ListeningSocket | undefined)[] = [];
  /** All that have been started and have not ended, those that leave included. */
  readonly #threads = new Set<WorkerThread>();
  readonly #startsUnderWay = new StartsUnderWay();
  readonly #counts = new WorkerCounts(() => this.hub.dropped);
  readonly #closingSignals = new ClosingSignals();
  /** What handlers of `fetch` gave to `waitUntil`. */
  readonly #work = new PendingWork();
  readonly #moduleUrl: URL;
  /** For what this thread publishes itself, and what handlers of `fetch` do. */
  readonly hub: Hub;
  readonly #relay: ThreadRelay;
  readonly #handoff: SharedArrayBuffer | undefined;
  readonly #handoffPlaces: number[] = [];
  #threadCount = 0;
  #startReason: StartReason = 'first start';
  /** How long the slowest thread of late took to load. */
  #lastStartMs = 0;
  #isRefed = true;
  /** They are put in place when the module is loaded in this thread too. */
  #hasGlobals = false;
  #closing: Promise<CloseReport> | undefined;
  #force!: () => void;
  readonly #forced = new Promise<void>((resolve) => (this.#force = resolve));
  #reloading: Promise<void> | undefined;
  #nextReload: Promise<void> | undefined;
  #resolveReady!: (server: Server) => void;
  #resolveFinished!: (report: CloseReport) => void;

  constructor(
    options: ServeOptions,
    settings: Settings,
    ports: OperatorPorts | undefined,
    tls: ThreadTls | undefined,
  ) {
    this.#ports = ports;
    this.#tls = tls;
    this.#options = options;
    this.#settings = settings;
    this.#logger = guardedLogger(options.logger ?? createLogger());
    this.#moduleUrl = moduleUrl(options.module!);
    this.hub = createHub(settings.pubsub, this.#logger);
    this.#relay = new ThreadRelay(this.hub, this.#logger);
    this.ready = new Promise((resolve) => (this.#resolveReady = resolve));
    this.finished = new Promise((resolve) => (this.#resolveFinished = resolve));
    if (options.balance === 'least') {
      const places = HANDOFF_PLACES_PER_WORKER * options.workers!;
      this.#handoff = Handoff.allocate(places);
      for (let place = places - 1; place >= 0; place--) this.#handoffPlaces.push(place);
    }
  }

  async start(): Promise<void> {
    for (let index = 0; index < this.#options.workers!; index++) {
      const socket = await this.#openSocket();
      if (this.#closing !== undefined) {
        socket?.close();
        throw new ServerClosedError('serve');
      }
      this.#sockets.push(socket);
      this.#seats.push(new Seat<WorkerThread>(index, this.#host));
    }
    const slow = setTimeout(() => this.#tellSlowStart(), SLOW_START_MS);
    // The first that fails ends the start: whoever starts us closes the others, before they are tried again.
    await Promise.all(this.#seats.map((seat) => seat.start()))
      .catch((error) => this.#refuse(error))
      .finally(() => clearTimeout(slow));
    this.#startReason = 'reload or restart';
    this.engine = this.#seats[0]!.serving!.engine!;
    this.#resolveReady(this);
  }

  #refuse(error: unknown): never {
    throw asListenError(error, placeOf(this.#options));
  }

  #tellSlowStart(): void {
    for (const seat of this.#seats)
      if (seat.starting !== undefined)
        this.#logger.warn(
          `worker ${seat.index} has been loading ${this.#moduleUrl.href} for ${SLOW_START_MS / 1000} s`,
        );
  }

  /** The seat's listening socket; the first says where the server is. */
  async #openSocket(): Promise<ListeningSocket | undefined> {
    const first = this.#sockets[0];
    const socket = await openWorkerSocket(this.#options, this.#settings, first).catch((error) =>
      this.#refuse(error),
    );
    if (first === undefined && socket !== undefined) {
      this.port = socket.address.port;
      this.hostname = unixText(socket.address.address);
      this.url = urlOf(this.#tls === undefined ? 'http' : 'https', socket.address);
    }
    return socket;
  }

  /** A place of its own for each thread that lives; one for which none is left keeps what it accepts. */
  #handoffPlace(): HandoffPlace | undefined {
    const thread = this.#handoffPlaces.pop();
    if (this.#handoff === undefined || thread === undefined) return undefined;
    return { buffer: this.#handoff, thread };
  }

  // What a seat asks of its host.

  readonly #host = {
    start: (seat: Seat<WorkerThread>): WorkerThread => this.#startThread(seat.index),
    discard: (thread: WorkerThread): void => thread.discard(this.#departure(), this.#closing !== undefined),
    dismiss: (thread: WorkerThread, isClosing: boolean): void => {
      thread.dismiss(this.#departure(), isClosing);
      if (!isClosing) this.#lookBeside(thread);
    },
    after: (delayMs: number, call: () => void): (() => void) => {
      const timer = setTimeout(call, delayMs);
      return () => clearTimeout(timer);
    },
    nowMs: (): number => performance.now(),
    crashed: ({ index }: Seat<WorkerThread>, error: Error, delayMs: number | undefined): void =>
      this.#logger.error(
        `worker ${index} ended unexpectedly; ${delayMs === undefined ? 'its successor is starting' : `a new one starts in ${delayMs} ms`}`,
        error,
      ),
    notStarted: ({ index }: Seat<WorkerThread>, error: Error, delayMs: number): void =>
      this.#logger.error(`worker ${index} did not start; it is tried again in ${delayMs} ms`, error),
  };

  #startThread(index: number): WorkerThread {
    const options = optionsOfWorker(this.#options, index, this.#sockets[index]?.duplicate());
    const handoff = this.#handoffPlace();
    const links = linksFor(index, this.#relay, this.#threads);
    const closeSocket = (): void => {
      if (options.fd !== undefined) this.#sockets[index]?.closeDuplicate(options.fd);
    };
    try {
      const thread = new WorkerThread(
        {
          index,
          measures: this.#ports?.admin !== undefined,
          name: `holdfast-${index}-${this.#threadCount++}`,
          module: this.#moduleUrl.href,
          options,
          links,
          handoff,
          tls: this.#tls,
          startMs:
            this.#startReason === 'first start' ? Number.POSITIVE_INFINITY : this.#settings.timeouts.startMs,
          startsUnderWay: this.#startsUnderWay,
          closeUnadopted: closeSocket,
        },
        this.#events,
      );
      if (!this.#isRefed) thread.worker.unref();
      this.#threads.add(thread);
      void thread.ended.then(() => {
        this.#threads.delete(thread);
        if (handoff !== undefined) this.#handoffPlaces.push(handoff.thread);
      });
      return thread;
    } catch (error) {
      closeSocket();
      for (const { port } of links) port.close();
      if (handoff !== undefined) this.#handoffPlaces.push(handoff.thread);
      throw error;
    }
  }

  /**
   * While a thread leaves its seat, and for a moment after one that ended out of order, connections may have woken that
   * one alone (EPOLLEXCLUSIVE; a ring that is taken apart is still told of some): the one that serves looks for them.
   */
  #lookBeside(thread: WorkerThread): void {
    const timer = setInterval(() => {
      if (thread.hasStopped || this.#closing !== undefined) clearInterval(timer);
      else this.#seats[thread.index]?.serving?.look();
    }, LOOK_MS);
    timer.unref();
    void thread.ended.then(() => setTimeout(() => clearInterval(timer), LOOK_AFTER_END_MS).unref());
  }

  // What threads tell.

  readonly #events: WorkerThreadEvents = {
    ready: (thread, message) => {
      if (this.#sockets[thread.index] === undefined) {
        this.port = message.port;
        this.hostname = message.hostname;
        this.url = message.url;
      }
      this.#lastStartMs = performance.now() - thread.startedAtMs;
      this.#counts.joined(thread.worker, thread.index);
      this.#seats[thread.index]!.ready(thread);
    },
    said: (thread, message) => {
      if (message.type === 'closed') this.#counts.ending(thread.worker, message.stats);
      else if (message.type !== 'log') this.#counts.answered(message);
      else this.#logger[message.level]?.(...message.values.map(restored));
    },
    ended: (thread, error) => {
      this.#counts.left(thread.worker);
      if (!thread.isLeaving && thread.engine !== undefined) this.#lookBeside(thread);
      this.#seats[thread.index]!.ended(thread, error);
    },
    overdue: ({ index }, connections) =>
      this.#logger.warn(
        `worker ${index} did not end in its time and was terminated (a handler that loops or blocks?); ` +
          `${connections} of its connections were closed`,
      ),
  };

  /**
   * Replaces the workers one after the other. One that cannot start leaves the old one in place. One reload is under
   * way at a time and one waits: whoever asks meanwhile shares the one that waits, for it begins later than they asked.
   */
  async reload(handler?: unknown): Promise<void> {
    if (handler !== undefined)
      throw new OptionError('reload', handler, 'nothing with `workers`: they load the module anew');
    if (this.#closing !== undefined) throw new ServerClosedError('reload');
    if (this.#reloading === undefined) return this.#beginReload();
    this.#nextReload ??= this.#reloading
      .catch(() => {})
      .then(() => {
        this.#nextReload = undefined;
        return this.#beginReload();
      });
    this.#hurryStarts();
    return this.#nextReload;
  }

  #beginReload(): Promise<void> {
    this.#reloading = this.#replaceAll().finally(() => (this.#reloading = undefined));
    return this.#reloading;
  }

  async #replaceAll(): Promise<void> {
    for (const seat of this.#seats) {
      if (this.#closing !== undefined) throw new ServerClosedError('reload');
      const old = seat.serving;
      const replaced = seat.start();
      if (this.#nextReload !== undefined) this.#hurryStarts();
      await replaced;
      // Whoever connects from now on meets the new one; an old one that is stuck is not waited for.
      if (old !== undefined) await Promise.race([old.stopped, pause(STOP_MS, undefined, { ref: false })]);
    }
  }

  /** What loads now may be what the next reload is to mend: a module that waits for ever must not hold that up. */
  #hurryStarts(): void {
    const startMs = Math.max(HURRIED_START_MS, HURRIED_START_FACTOR * this.#lastStartMs);
    for (const { starting } of this.#seats) starting?.hurry(startMs);
  }

  close(options: CloseOptions | boolean = false): Promise<CloseReport> {
    const plan = closePlan(options, this.#settings.timeouts.drainMs);
    this.#closing ??= this.#close(plan);
    if (plan.force) this.#forceAll();
    return this.#closing;
  }

  /** How a thread ends: by the plan of the close that is under way, or because it is replaced. */
  #plan: ClosePlan | undefined;

  #departure(): ClosePlan {
    const { drainMs } = this.#settings.timeouts;
    return this.#plan ?? { force: false, delayMs: 0, drainMs, idleGraceMs: SHUTDOWN_IDLE_GRACE_MS };
  }

  #forceAll(): void {
    this.#force();
    this.#plan = { force: true, delayMs: 0, drainMs: 0, idleGraceMs: 0 };
    for (const thread of this.#threads) thread.dismiss(this.#plan, true);
  }

  async #close(plan: ClosePlan): Promise<CloseReport> {
    let report: CloseReport = { drained: 0, forced: 0 };
    try {
      // The delay is spent here: all goes on as before in it, a worker that crashes is replaced.
      if (plan.delayMs > 0) await this.#delay(plan.delayMs);
      this.#plan ??= { ...plan, delayMs: 0 };
      this.#closingSignals.abortAll();
      // Those that leave already, because they have been replaced, have the time of this end.
      for (const thread of this.#threads) if (thread.isLeaving) thread.dismiss(this.#plan, true);
      for (const seat of this.#seats) seat.close();
      for (const socket of this.#sockets) socket?.close();
      report = sumOfReports(await Promise.all([...this.#threads].map((thread) => thread.ended)));
      await this.#work.settled(this.#plan.drainMs);
      await this.#ports?.close();
    } finally {
      this.#relay.close();
      this.#resolveFinished(report);
    }
    return report;
  }

  async #delay(delayMs: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, delayMs)));
    await Promise.race([over, this.#forced]);
    clearTimeout(timer);
  }

  setTls(tls?: TlsOptions | readonly TlsOptions[]): Promise<void> {
    return changeTls(this.#tls, this.#closing !== undefined, tls);
  }

  async takeTls(material: TlsMaterial): Promise<void> {
    await Promise.all([...this.#threads].map((thread) => thread.takeTls(material)));
  }

  takeTicketKeys(keys: readonly Uint8Array[]): void {
    for (const thread of this.#threads) thread.takeTicketKeys(keys);
  }

  async stats(): Promise<ServerStats> {
    return this.#counts.stats(this.#seats.filter(isServing).length);
  }

  async observe(): Promise<Observation> {
    return observationOfAll(await this.#counts.observe(this.#seats.filter(isServing).length), this.#seats);
  }

  publish(topic: string, data: MessageData, options?: PublishOptions): number {
    return this.hub.publish(topic, data, options);
  }

  async subscriberCount(topic: string): Promise<number> {
    return this.hub.subscriberCount(topic) + (await this.#counts.subscribers(topic));
  }

  async connections(countMax = CONNECTION_ROWS_MAX): Promise<ConnectionRow[]> {
    return (await this.#counts.connections(countMax)).sort(busiestFirst).slice(0, countMax);
  }

  get admin(): AdminAddress | undefined {
    return this.#ports?.admin;
  }

  get health(): AdminAddress | undefined {
    return this.#ports?.health;
  }

  get redirect(): AdminAddress | undefined {
    return this.#ports?.redirect;
  }

  get isAccepting(): boolean {
    return this.#closing === undefined && this.#seats.some(isServing);
  }

  async fetch(request: Request): Promise<Response> {
    // In this thread, with an instance of the module of its own: workers take connections, not requests.
    if (this.#options.globals === true && !this.#hasGlobals) {
      this.#hasGlobals = true;
      installGlobals();
    }
    const { fetch, error } = await loadModule(this.#moduleUrl, undefined, nodeModeOf(this.#options));
    return fetchDetached(request, {
      fetch,
      errorHandler: error,
      work: this.#work,
      closingSignals: this.#closingSignals,
      hub: this.hub,
      workFailed: (reason, { method, url }) =>
        this.#logger.error(`waitUntil failed: ${method} ${url}`, reason),
    });
  }

  ref(): void {
    this.#isRefed = true;
    for (const thread of this.#threads) thread.worker.ref();
    this.#ports?.ref();
  }

  unref(): void {
    this.#isRefed = false;
    for (const thread of this.#threads) thread.worker.unref();
    this.#ports?.unref();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
