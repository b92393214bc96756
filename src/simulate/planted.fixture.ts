/** Bugs that are planted into a run, between the engine and the server or in the server, to be found. */
import type { EngineHandler } from '../engine/engine.ts';
import type { SimConnection } from '../engine/sim/connection.ts';
import type { Exchange } from '../http/exchange.ts';
import type { ExchangeRecord } from '../http/exchange-host.ts';
import type { H1Session } from '../http/h1/session.ts';
import { ServerThread, type ServerThreadOptions } from '../server/server-thread.ts';
import type { RunOptions } from './run.ts';
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

/** A server with a fault of its own. */
class SpoiledThread extends ServerThread {
  protected readonly world: World;

  constructor(options: ServerThreadOptions, world: World) {
    super(options);
    this.world = world;
  }
}

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
  'the signal aborts after success': { makeThread: (options, world) => new AbortsSuccess(options, world) },
};
