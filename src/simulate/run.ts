/**
 * One run: from a seed to a world, to a verdict. The server is the real one from `ServerThread` up; below
 * it there is no kernel and no clock. The same seed gives the same run.
 */
import { AssertionFailure } from '../base/assert.ts';
import { SeededRandom } from '../base/random.ts';
import type { EngineHandler } from '../engine/engine.ts';
import type { SimConnection } from '../engine/sim/connection.ts';
import { SimNetwork } from '../engine/sim/network.ts';
import { SimEngine } from '../engine/sim/sim-engine.ts';
import { ServerThread, type ServerThreadOptions } from '../server/server-thread.ts';
import { keepAliveFor } from '../server/thread-server.ts';
import { SimClient } from './client.ts';
import { ClientPlanner } from './client-plan.ts';
import type { ConnectionOracle, SimulatedClient } from './connection-oracle.ts';
import { H2Client } from './h2/client.ts';
import { SimHandlers } from './handlers.ts';
import { type Narrowing, narrowPlan, narrowSwarm } from './narrowing.ts';
import { Observer } from './observer.ts';
import type { Recording } from './recording.ts';
import { drawSwarm, type Swarm } from './swarm.ts';
import { count, noTotals, type Totals } from './totals.ts';
import { watchTrace } from './watch-trace.ts';
import { WebSocketClient } from './websocket/client.ts';
import { World } from './world.ts';

/** A run that takes more events than this does not come to rest. */
const EVENTS_MAX = 300_000;

export interface RunOptions {
  readonly trace?: (text: string) => void;
  /** Changes the world that the seed drew. */
  readonly adjust?: (swarm: Swarm) => Swarm;
  /** What of that world does not happen. */
  readonly narrowing?: Narrowing;
  /** What comes after the first finding is left out. */
  readonly endsWithFinding?: boolean;
  /** Takes down what happens. */
  readonly recording?: Recording;
  /** A planted bug: what stands between the engine and the server. */
  readonly plant?: (server: EngineHandler<SimConnection>, world: World) => EngineHandler<SimConnection>;
  /** A planted bug in the server itself. */
  readonly makeThread?: (options: ServerThreadOptions, world: World) => ServerThread;
}

export interface RunReport {
  readonly seed: number;
  readonly findings: readonly string[];
  readonly totals: Totals;
  /** They are as they were drawn, and those that stayed away are here too. */
  readonly clients: readonly DrawnClient[];
}

interface DrawnClient {
  readonly kind: string;
  readonly steps: number;
}

export async function runSeed(seed: number, options: RunOptions = {}): Promise<RunReport> {
  const random = new SeededRandom(seed);
  const drawn = drawSwarm(random.fork());
  const swarm = narrowSwarm(options.adjust?.(drawn) ?? drawn, options.narrowing ?? {});
  const network = new SimNetwork(random.fork(), swarm.faults);
  const { trace, recording } = options;
  if (trace !== undefined || recording !== undefined)
    network.trace = (text) => {
      const line = `${network.nowMs.toFixed(2).padStart(12)}  ${text}`;
      trace?.(line);
      recording?.line(line);
    };
  const world = new World(network, swarm.settings, noTotals());
  const stop = watchRejections(world);
  const run = new Run(world, swarm, random.fork(), options);
  try {
    await run.go();
  } catch (error) {
    world.find(`an exception: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  // Rejections that nobody handled are told only when the queues are empty.
  await new Promise<void>((resolve) => setImmediate(resolve));
  stop();
  recording?.end();
  return { seed, findings: world.findings, totals: world.totals, clients: run.drawn };
}

class Run {
  readonly drawn: DrawnClient[] = [];
  readonly #world: World;
  readonly #swarm: Swarm;
  readonly #random: SeededRandom;
  readonly #options: RunOptions;

  constructor(world: World, swarm: Swarm, random: SeededRandom, options: RunOptions) {
    this.#world = world;
    this.#swarm = swarm;
    this.#random = random;
    this.#options = options;
  }

  async go(): Promise<void> {
    const world = this.#world;
    const { network } = world;
    const { settings } = this.#swarm;
    const threadOptions: ServerThreadOptions = {
      fetch: (request, context) => handlers.fetch(request, context, context),
      error:
        this.#swarm.errorHook === 'none' ? undefined : (error, request) => handlers.error!(error, request),
      settings,
      logger: { debug() {}, info() {}, warn() {}, error: (...what) => judgeLogged(world, what) },
      accessLog: undefined,
      scheme: 'http',
    };
    const thread = this.#options.makeThread?.(threadOptions, world) ?? new ServerThread(threadOptions);
    const server = this.#options.plant?.(thread, world) ?? thread;
    const observer = new Observer(world, server);
    const stopWatching = watchTrace(world, observer);
    const handlers = new SimHandlers(world, observer.planned, this.#swarm.errorHook);
    const keepAlive = keepAliveFor(settings.timeouts.deadPeerMs);
    world.deadPeerMs = (keepAlive.idleSeconds + keepAlive.intervalSeconds * keepAlive.probes) * 1000;
    const engine = new SimEngine(network, { handler: observer, keepAlive });
    world.engine = engine;
    thread.attach(engine);
    const listener = await engine.listen({ port: 0, hostname: '192.0.2.2' });
    const clients = this.#plan(observer, listener.address.port);
    const { reloadAtMs } = this.#swarm;
    if (reloadAtMs !== undefined)
      network.after(reloadAtMs, () => {
        thread.fetch = (request, context) => handlers.fetch(request, context, context);
      });
    if (this.#swarm.drainAtMs !== undefined) {
      network.after(this.#swarm.drainAtMs, () => {
        world.totals.drains++;
        world.isDraining = true;
        world.idleGraceMs = this.#swarm.idleGraceMs;
        for (const model of observer.models) if (!model.isClosed) model.drainBegins();
        network.trace?.('the server drains');
        thread.drain(world.idleGraceMs);
        void listener.close();
        network.after(settings.timeouts.drainMs, () => {
          world.isEngineClosing = true;
          void engine.close();
        });
      });
    }
    const { endsWithFinding, recording } = this.#options;
    const isOver = (): boolean =>
      network.eventCount > EVENTS_MAX || (endsWithFinding === true && world.findings.length > 0);
    if (recording !== undefined) world.onFirstFinding = () => (recording.rows = observer.rows());
    await network.run(isOver).finally(stopWatching);
    this.#count(engine);
    if (endsWithFinding === true && world.findings.length > 0) return;
    if (network.pendingEvents > 0) world.find(`no rest after ${EVENTS_MAX} events`);
    this.#judge(observer, engine, thread, clients);
  }

  #plan(observer: Observer, port: number): SimulatedClient[] {
    const world = this.#world;
    const { network } = world;
    const { narrowing = {}, recording } = this.#options;
    const planner = new ClientPlanner(this.#random, this.#swarm);
    const clients: SimulatedClient[] = [];
    for (let i = 0; i < this.#swarm.clientCount; i++) {
      const drawn = planner.next();
      this.drawn.push({ kind: drawn.kind, steps: drawn.steps.length });
      const plan = narrowPlan(drawn, i, narrowing);
      if (plan === undefined) continue;
      const client = clientOf(world, plan);
      count(world.totals.clients, client.plan.kind);
      clients.push(client);
      network.after(client.plan.connectAtMs, () => {
        client.start(port);
        recording?.watch(client.peer.link, client.plan.kind);
        observer.expect(client);
      });
    }
    return clients;
  }

  /** Everything has come to rest: what is left over? */
  #judge(
    observer: Observer,
    engine: SimEngine,
    thread: ServerThread,
    clients: readonly SimulatedClient[],
  ): void {
    const world = this.#world;
    const { totals } = world;
    if (engine.connectionCount > 0) world.find(`${engine.connectionCount} slots are leaked`);
    if (engine.linkedDeadlines > 0) world.find(`${engine.linkedDeadlines} deadlines are leaked`);
    if (thread.work.size > 0) world.find('work is pending');
    const { openCount } = world.network.files;
    if (openCount > 0) world.find(`${openCount} files are left open`);
    for (const client of clients)
      if (client.model !== undefined) judgeConnection(client, client.model, world);
    const stats = engine.stats();
    if (stats.accepted !== observer.models.length || stats.closed !== stats.accepted) {
      world.find(`${stats.accepted} accepted, ${stats.closed} closed, ${observer.models.length} seen`);
    }
    this.#judgeCounters(thread, totals);
  }

  #count(engine: SimEngine): void {
    const { totals, network } = this.#world;
    const stats = engine.stats();
    totals.seeds = 1;
    totals.events = network.eventCount;
    totals.virtualMs = network.nowMs;
    totals.turns = stats.turns;
    totals.bytesToServer = stats.bytesReceived;
    totals.bytesToClients = stats.bytesSent;
    Object.assign(totals.injected, network.injected);
    for (const { struck } of network.links) for (const fault of struck) count(totals.struck, fault);
  }

  /** Every request was answered, or its client went before; and every end has one name. */
  #judgeCounters(thread: ServerThread, totals: Totals): void {
    const world = this.#world;
    if (thread.hasOpenWork) world.find('the server believes that answers are owed');
    const { requests, aborted, statusClasses, closeReasons } = thread.stats();
    const { '2xx': done, '3xx': elsewhere, '4xx': refused, '5xx': failed } = statusClasses;
    // What is answered with 101 has no class.
    const answers = done + elsewhere + refused + failed + (totals.websocket['opened'] ?? 0);
    if (answers + aborted !== requests + totals.refusedHeads)
      world.find(
        `${answers} answers and ${aborted} aborted are counted, of ${requests} requests and ${totals.refusedHeads} refused heads`,
      );
    const ends = Object.values(closeReasons).reduce((sum, each) => sum + each, 0);
    if (ends !== totals.connections)
      world.find(`${ends} ends are counted, of ${totals.connections} connections`);
  }
}

function clientOf(world: World, plan: ReturnType<ClientPlanner['next']>): SimulatedClient {
  if ('bytes' in plan) return new SimClient(world, plan);
  return 'isDeaf' in plan ? new WebSocketClient(world, plan) : new H2Client(world, plan);
}

/** Ends by which the client may lose what it has not read, if its own late bytes met a closed socket. */
const IMPATIENT_ENDS = [
  'linger-timeout',
  'idle-timeout',
  'header-timeout',
  'drained',
  'client-closed',
  'client-closed-in-body',
  'response-failed',
];

function judgeConnection(client: SimulatedClient, model: ConnectionOracle, world: World): void {
  const { link, hasReset, isDestroyed } = client.peer;
  model.judge();
  const unread = model.sent.unreadBytes;
  if (unread === 0 || hasReset || isDestroyed || link.isVanished || link.wasCut) return;
  if (link.brokenBy !== undefined) return;
  // A reset of the server's own takes what is under way with it.
  if (model.wasReset || world.isEngineClosing) return;
  if (link.wasAnsweredByReset && IMPATIENT_ENDS.includes(model.lastReason)) return;
  if (link.wasAnsweredByReset && model.mayLose(client.peer)) return;
  model.find(`${unread} bytes of ${model.sent.length} never came to the client (${model.lastReason})`);
}

/** A handler's failure is logged, and so would be a bug of the server's that looks like one. */
function judgeLogged(world: World, what: readonly unknown[]): void {
  for (const each of what) {
    if (each instanceof AssertionFailure || each instanceof TypeError || each instanceof RangeError) {
      world.find(`the server logs ${each.stack}`);
    }
  }
}

function watchRejections(world: World): () => void {
  const listen = (error: unknown): void =>
    world.find(`an unhandled rejection: ${error instanceof Error ? error.stack : String(error)}`);
  process.on('unhandledRejection', listen);
  return () => process.off('unhandledRejection', listen);
}
