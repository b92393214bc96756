/** Bugs that are planted into a run, between the engine and the server or in the server, to be found. */
import type { EngineHandler, FileRange } from '../engine/engine.ts';
import type { SimConnection } from '../engine/sim/connection.ts';
import type { Exchange } from '../http/exchange.ts';
import type { ExchangeRecord } from '../http/exchange-host.ts';
import type { H1Session } from '../http/h1/session.ts';
import type { H2Session } from '../http/h2/session.ts';
import type { ReplacedSession, RequestSoFar } from '../http/session.ts';
import { FRAME_WINDOW_UPDATE, WINDOW_UPDATE_BYTES } from '../protocol/h2/frames.ts';
import { ServerThread, type ServerThreadOptions } from '../server/server-thread.ts';
import type { RunOptions } from './run.ts';
import type { H2ClientKind, WebSocketClientKind } from './swarm.ts';
import type { World } from './world.ts';

const TICKS_LATE_MS = 12; // 3 ticks of 4 ms

/** Passes everything on; a plant overrides what it spoils. */
class PassOn implements EngineHandler<SimConnection> {
  readonly server: EngineHandler<SimConnection>;
  readonly world: World;
  /** Counts what a plant spoils only now and then. */
  count = 0;

  constructor(server: EngineHandler<SimConnection>, world: World) {
    this.server = server;
    this.world = world;
  }

  onAccept(conn: SimConnection): void {
    this.server.onAccept(conn);
  }

  onReceive(conn: SimConnection, bytes: Uint8Array, start: number, end: number): void {
    this.server.onReceive(conn, bytes, start, end);
  }

  onDrained(conn: SimConnection): void {
    this.server.onDrained(conn);
  }

  onPeerEnd(conn: SimConnection): void {
    this.server.onPeerEnd(conn);
  }

  onPeerEndSeen(conn: SimConnection): void {
    this.server.onPeerEndSeen?.(conn);
  }

  onDeadline(conn: SimConnection): void {
    this.server.onDeadline(conn);
  }

  onClosed(conn: SimConnection, reason: string): void {
    this.server.onClosed(conn, reason);
  }
}

type Plant = NonNullable<RunOptions['plant']>;

const plant =
  (Spoiler: new (server: EngineHandler<SimConnection>, world: World) => PassOn): Plant =>
  (server, world) =>
    new Spoiler(server, world);

class DropsReceived extends PassOn {
  override onReceive(conn: SimConnection, bytes: Uint8Array, start: number, end: number): void {
    const isBad = ++this.count % 5 === 0 && end - start > 1;
    this.server.onReceive(conn, bytes, start, isBad ? end - 1 : end);
  }
}

class DoublesReceived extends PassOn {
  override onReceive(conn: SimConnection, bytes: Uint8Array, start: number, end: number): void {
    this.server.onReceive(conn, bytes, start, end);
    if (++this.count % 5 === 0 && conn.isOpen) this.server.onReceive(conn, bytes, end - 1, end);
  }
}

class DropsCommitted extends PassOn {
  override onAccept(conn: SimConnection): void {
    const commit = conn.commit.bind(conn);
    conn.commit = (size) => commit(++this.count % 7 === 0 && size > 1 ? size - 1 : size);
    this.server.onAccept(conn);
  }
}

class DoublesSent extends PassOn {
  override onAccept(conn: SimConnection): void {
    const { down } = conn.link;
    const send = down.send.bind(down);
    down.send = (bytes) => {
      if (++this.count % 7 !== 0) send(bytes);
      else send(new Uint8Array([...bytes, ...bytes.subarray(-1)]));
    };
    this.server.onAccept(conn);
  }
}

class SwapsSent extends PassOn {
  override onAccept(conn: SimConnection): void {
    const { down } = conn.link;
    const send = down.send.bind(down);
    down.send = (bytes) => {
      if (++this.count % 7 === 0 && bytes.length > 40) [bytes[30], bytes[31]] = [bytes[31]!, bytes[30]!];
      send(bytes);
    };
    this.server.onAccept(conn);
  }
}

class DelaysDeadlines extends PassOn {
  override onDeadline(conn: SimConnection): void {
    this.world.network.after(TICKS_LATE_MS, () => {
      if (conn.isOpen) this.server.onDeadline(conn);
    });
  }
}

class HurriesDeadlines extends PassOn {
  override onAccept(conn: SimConnection): void {
    const setDeadline = conn.setDeadline.bind(conn);
    conn.setDeadline = (atMs) => setDeadline(atMs - TICKS_LATE_MS);
    // The server looks at the clock: only what believes the engine acts too early.
    this.server.onAccept(conn);
  }

  override onDeadline(conn: SimConnection): void {
    const { network } = this.world;
    const nowMs = network.nowMs;
    network.nowMs = nowMs + TICKS_LATE_MS;
    this.server.onDeadline(conn);
    network.nowMs = nowMs;
  }
}

class ForgetsClosed extends PassOn {
  override onClosed(conn: SimConnection, reason: string): void {
    if (++this.count % 3 !== 0) this.server.onClosed(conn, reason);
  }
}

class ForgetsDrained extends PassOn {
  override onDrained(): void {}
}

class ForgetsPeerEnd extends PassOn {
  override onPeerEnd(): void {}
}

class ForgetsPeerEndSeen extends PassOn {
  override onPeerEndSeen(): void {}
}

class HidesUnsent extends PassOn {
  override onAccept(conn: SimConnection): void {
    Object.defineProperty(conn, 'unsentBytes', { get: () => 0 });
    this.server.onAccept(conn);
  }
}

class LeaksSlots extends PassOn {
  override onAccept(conn: SimConnection): void {
    const close = conn.close.bind(conn);
    conn.close = (reason) => {
      if (reason !== 'idle-timeout') close(reason);
    };
    this.server.onAccept(conn);
  }
}

/** A timer on the progress of a response: the one thing that there is not, see ARCHITECTURE.md. */
class TimesResponses extends PassOn {
  override onReceive(conn: SimConnection, bytes: Uint8Array, start: number, end: number): void {
    this.server.onReceive(conn, bytes, start, end);
    this.world.network.after(this.world.settings.timeouts.idleMs, () => {
      if (conn.isOpen && conn.unsent.length > 0) conn.reset('idle-timeout');
    });
  }
}

/** A server that closes without lingering: a reset may destroy the last answer. */
class NeverLingers extends PassOn {
  override onAccept(conn: SimConnection): void {
    conn.shutdownWrite = () => conn.close('answered');
    this.server.onAccept(conn);
  }
}

/** What is looked after of a file, and told of it, passes through here. */
abstract class SpoilsFiles extends PassOn {
  override onAccept(conn: SimConnection): void {
    const commitFile = conn.commitFile.bind(conn);
    conn.commitFile = (range) => commitFile(this.spoil(range));
    this.server.onAccept(conn);
  }

  protected abstract spoil(range: FileRange): FileRange;
}

class SendsChangedFiles extends SpoilsFiles {
  protected override spoil(range: FileRange): FileRange {
    range.verify?.();
    const { fd, offset, length } = range;
    return { fd, offset, length, onReleased: (unsent) => range.onReleased(unsent) };
  }
}

class MovesFiles extends SpoilsFiles {
  protected override spoil(range: FileRange): FileRange {
    const { fd, offset, length } = range;
    const isMoved = offset > 0;
    return {
      fd,
      offset: isMoved ? offset - 1 : offset,
      length,
      verify: () => range.verify?.() !== false,
      onReleased: (unsent) => range.onReleased(unsent),
    };
  }
}

class KeepsFiles extends SpoilsFiles {
  protected override spoil(range: FileRange): FileRange {
    const { fd, offset, length } = range;
    return {
      fd,
      offset,
      length,
      verify: () => range.verify?.() !== false,
      onReleased: (unsent) => (unsent === 0 ? range.onReleased(0) : undefined),
    };
  }
}

class EndsFilesByFin extends PassOn {
  override onAccept(conn: SimConnection): void {
    conn.breakOff = (reason) => {
      conn.unsent.clear();
      conn.reason = reason;
      conn.isClosing = true;
      this.world.engine.touch(conn);
    };
    this.server.onAccept(conn);
  }
}

/** A server with a fault of its own. */
class SpoiledThread extends ServerThread {
  protected readonly world: World;

  constructor(options: ServerThreadOptions, world: World) {
    super(options);
    this.world = world;
  }
}

/** What clients may have reset is `factor` times what was asked for. */
const withResets =
  (factor: number): NonNullable<RunOptions['makeThread']> =>
  (options) => {
    const { settings } = options;
    const { http2 } = settings.limits;
    const { burst, perSecond, ...earned } = http2.bounds.resets;
    const resets = { ...earned, burst: burst * factor, perSecond: perSecond * factor };
    const limits = { ...settings.limits, http2: { ...http2, bounds: { ...http2.bounds, resets } } };
    return new ServerThread({ ...options, settings: { ...settings, limits } });
  };

/** Those that do not answer are waited for that much longer. */
const withWebSocket =
  (longer: Partial<ServerThreadOptions['settings']['websocket']>): NonNullable<RunOptions['makeThread']> =>
  (options) => {
    const websocket = { ...options.settings.websocket, ...longer };
    return new ServerThread({ ...options, settings: { ...options.settings, websocket } });
  };

/** Worlds of clients of one kind. */
const only =
  (kind: H2ClientKind | WebSocketClientKind): NonNullable<RunOptions['adjust']> =>
  (swarm) => ({ ...swarm, clientKinds: [kind], settings: { ...swarm.settings, http2: true } });

/** Worlds in which all answers are files, and some clients ask for parts. */
const ofFiles: NonNullable<RunOptions['adjust']> = (swarm) => ({ ...swarm, handlerKinds: ['file'] });

class IdleInExchange extends SpoiledThread {
  override onReceive(conn: SimConnection, bytes: Uint8Array, start: number, end: number): void {
    super.onReceive(conn, bytes, start, end);
    const connection = conn.user as H1Session;
    const { exchange } = connection;
    if (exchange === null) return;
    this.world.network.after(this.world.settings.timeouts.idleMs, () => {
      if (connection.exchange === exchange) connection.close('idle-timeout');
    });
  }
}

class AbortsSuccess extends SpoiledThread {
  override exchangeFinished(exchange: ExchangeRecord): void {
    super.exchangeFinished(exchange);
    (exchange as Exchange).abortSignal().dispatchEvent(new Event('abort'));
  }
}

/** After FIN no stream is given up that has nothing to send. */
class WaitsForQuietStreams extends SpoiledThread {
  override exchangeBegun(exchange: ExchangeRecord): void {
    super.exchangeBegun(exchange);
    Object.assign(exchange, { watchQuiet() {} });
  }
}

/** A server whose connections of HTTP/2 have a fault of their own. */
abstract class SpoiledHttp2 extends SpoiledThread {
  protected abstract spoil(session: H2Session): void;

  override toHttp2(from: ReplacedSession, bytes: Uint8Array, start: number, end: number): void {
    super.toHttp2(from, bytes, start, start);
    const session = from.engine.user as H2Session;
    this.spoil(session);
    session.receive(bytes, start, end);
  }

  override upgradeToHttp2(from: ReplacedSession, settings: Uint8Array, request: RequestSoFar): boolean {
    const isUpgraded = super.upgradeToHttp2(from, settings, request);
    if (isUpgraded) this.spoil(from.engine.user as H2Session);
    return isUpgraded;
  }
}

class OverrunsWindows extends SpoiledHttp2 {
  protected override spoil({ core }: H2Session): void {
    const room = core.room.bind(core);
    core.room = (stream) => {
      const bytes = room(stream);
      return bytes > 0 ? bytes + 1 : 0;
    };
  }
}

class KeepsWindows extends SpoiledHttp2 {
  protected override spoil({ core }: H2Session): void {
    core.consumed = () => {};
  }
}

/** What it drops of the bodies of requests that are answered is dropped from the connection's window too. */
class LosesDropped extends SpoiledHttp2 {
  protected override spoil({ core, engine }: H2Session): void {
    let place = 0;
    const reserve = engine.reserve.bind(engine);
    engine.reserve = (size) => {
      place = reserve(size);
      return place;
    };
    const commit = engine.commit.bind(engine);
    engine.commit = (size) => {
      const isUpdate = size === WINDOW_UPDATE_BYTES && engine.out[place + 3] === FRAME_WINDOW_UPDATE;
      const isConnections = engine.out.subarray(place + 5, place + 9).every((byte) => byte === 0);
      commit(isUpdate && isConnections && core.streams().some((each) => each.isAnswered) ? 0 : size);
    };
  }
}

class ForgetsWindows extends SpoiledHttp2 {
  protected override spoil(session: H2Session): void {
    const onWindow = session.onWindow.bind(session);
    session.onWindow = (stream) => {
      if (++this.opened % 3 !== 0) onWindow(stream);
    };
  }

  opened = 0;
}

export const PLANTED: Readonly<Record<string, RunOptions>> = {
  'a byte from the client is dropped': { plant: plant(DropsReceived) },
  'a byte from the client comes twice': { plant: plant(DoublesReceived) },
  'a byte of an answer is not committed': { plant: plant(DropsCommitted) },
  'a byte of an answer is sent twice': { plant: plant(DoublesSent) },
  'two bytes of an answer change places': { plant: plant(SwapsSent) },
  'deadlines come three ticks late': { plant: plant(DelaysDeadlines) },
  'deadlines come three ticks early': { plant: plant(HurriesDeadlines) },
  'the server is not told that a connection has closed': { plant: plant(ForgetsClosed) },
  'the server is not told that the kernel has taken everything': { plant: plant(ForgetsDrained) },
  'the server is not told of FIN': { plant: plant(ForgetsPeerEnd) },
  'the server is not told of FIN behind bytes that wait': { plant: plant(ForgetsPeerEndSeen) },
  'the server does not see how much waits for a slow reader': { plant: plant(HidesUnsent) },
  'idle connections are not closed': { plant: plant(LeaksSlots) },
  'a response has a progress timer': { plant: plant(TimesResponses) },
  'the server closes without lingering': { plant: plant(NeverLingers) },
  'the idle deadline is charged to a request that is being answered': {
    makeThread: (options, world) => new IdleInExchange(options, world),
  },
  'a quiet stream is not given up after FIN': {
    makeThread: (options, world) => new WaitsForQuietStreams(options, world),
    adjust: (swarm) => ({ ...swarm, clientKinds: ['half-closer'] }),
  },
  'a byte more is sent than a window of HTTP/2 allows': {
    makeThread: (options, world) => new OverrunsWindows(options, world),
  },
  'the window of content that was read is not given back': {
    makeThread: (options, world) => new KeepsWindows(options, world),
  },
  'the window of content that was dropped is not given back': {
    makeThread: (options, world) => new LosesDropped(options, world),
    adjust: only('h2-uploads'),
  },
  'a stream whose window is opened is forgotten': {
    makeThread: (options, world) => new ForgetsWindows(options, world),
  },
  'a file that has changed is sent all the same': { plant: plant(SendsChangedFiles), adjust: ofFiles },
  'a part of a file begins a byte too early': { plant: plant(MovesFiles), adjust: ofFiles },
  'the descriptor of a file that is given up stays open': { plant: plant(KeepsFiles), adjust: ofFiles },
  'a file that is too short ends by FIN': { plant: plant(EndsFilesByFin), adjust: ofFiles },
  'a close frame that is not answered is waited for too long': {
    makeThread: withWebSocket({ closeMs: 6000 }),
    adjust: only('ws-deaf'),
  },
  'a ping that is not answered is waited for too long': {
    makeThread: withWebSocket({ pongMs: 25_000 }),
    adjust: only('ws-deaf'),
  },
  'frames of a WebSocket lose a byte': { plant: plant(DropsReceived), adjust: only('ws-talker') },
  'twice as many requests may be reset as the bound says': {
    makeThread: withResets(2),
    adjust: only('h2-rapid-reset'),
  },
  'an honest client is ended for its cancels': { makeThread: withResets(0.3), adjust: only('h2-canceller') },
  'the signal aborts after success': { makeThread: (options, world) => new AbortsSuccess(options, world) },
};
