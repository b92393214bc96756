/**
 * Decides who is let in, by the limits on open connections, of the thread and of one address. It only counts and
 * decides; refusing is the connection's, pausing the engine's.
 *
 * Invariant: connections that were refused hold nobody out, neither in all nor of their address, and of those that
 * wait for their client to see it there are at most REFUSED_MAX.
 */
import type { Engine, EngineConnection } from '../engine/engine.ts';
import type { Session } from '../http/session.ts';
import { FAULT_OVERLOADED } from '../protocol/error.ts';
import type { LimitOptions, Settings } from './options.ts';

/**
 * Beyond that a connection that is refused is reset without an answer: a client that opens connections by the
 * thousand and reads nothing must not hold more of them than the limit was set for.
 */
const REFUSED_MAX = 1024;

/** Handshakes that may go on beyond a limit; beyond one of an address, at most as many as it allows connections. */
const HANDSHAKES_OVER_MAX = 16;

/**
 * The limits as an engine that `auto` has chosen can hold them.
 * @param warn told when that is not what was asked for
 */
export function limitsOn(
  engineName: string,
  limits: Settings['limits'],
  warn: (message: string) => void,
): Settings['limits'] {
  if (!limits.pausesWhenFull || engineName !== 'node') return limits;
  if (limits.connectionsMax !== Number.POSITIVE_INFINITY)
    warn(
      "limits.whenFull (--when-full): the node engine cannot leave connections waiting; those beyond the limit are answered 503, as with 'refuse'",
    );
  return { ...limits, pausesWhenFull: false };
}

/** The limit on connections is for the whole server: each worker takes its share, which is one at least. */
export function shareOfLimits(limits: LimitOptions, index: number, workers: number): LimitOptions {
  const { connections } = limits;
  if (connections === undefined || connections === Number.POSITIVE_INFINITY) return limits;
  const share = Math.floor(connections / workers) + (index < connections % workers ? 1 : 0);
  return { ...limits, connections: share };
}

export class Admission {
  readonly isLimited: boolean;
  readonly #limits: Settings['limits'];
  readonly #engine: () => Engine;
  readonly #offended: (address: string, option: string) => void;
  readonly #byAddress = new Map<string, number>();
  /** Handshakes under way: each may become a connection. */
  readonly #handshakes = new Map<string, number>();
  /** The address under which a connection is counted. */
  readonly #addresses = new Map<EngineConnection, string>();
  #isPaused = false;
  /** Connections that were refused and linger: they are open and hold nobody out. */
  readonly #refused = new Set<EngineConnection>();

  /**
   * @param engine asked for late: the engine is made with its handler
   * @param offended told of each that goes beyond a limit of its address, by the option's name
   */
  constructor(
    limits: Settings['limits'],
    engine: () => Engine,
    offended: (address: string, option: string) => void,
  ) {
    this.#limits = limits;
    this.#engine = engine;
    this.#offended = offended;
    this.isLimited =
      limits.connectionsMax !== Number.POSITIVE_INFINITY ||
      limits.connectionsPerAddressMax !== Number.POSITIVE_INFINITY;
  }

  accepted(connection: EngineConnection): void {
    const { connectionsMax, connectionsPerAddressMax, pausesWhenFull } = this.#limits;
    const engine = this.#engine();
    const open = engine.connectionCount - this.#refused.size;
    if (pausesWhenFull) {
      if (open >= connectionsMax && !this.#isPaused) {
        this.#isPaused = true;
        engine.pauseAccepting();
      }
    } else if (open > connectionsMax) {
      this.#refuse(connection);
      return;
    }
    if (connectionsPerAddressMax === Number.POSITIVE_INFINITY) return;
    // Empty for a unix socket: those all share one, which is right, they are all of this machine.
    const address = connection.remoteAddress()?.address ?? '';
    if ((this.#byAddress.get(address) ?? 0) >= connectionsPerAddressMax) {
      this.#offended(address, 'limits.connectionsPerAddress');
      this.#refuse(connection);
      return;
    }
    add(this.#byAddress, address, 1);
    this.#addresses.set(connection, address);
  }

  /**
   * Whether a handshake may begin that is counted already. A few beyond the limits may, so that their clients read a
   * 503 over TLS; the rest of a flood is not worth the arithmetic.
   * @param address as `accepted` will see it; empty for a unix socket, whose clients all share it
   */
  mayBegin(address: string): boolean {
    const { connectionsMax, connectionsPerAddressMax, handshakesPerAddressMax } = this.#limits;
    const open = this.#engine().connectionCount - this.#refused.size;
    const underWay = add(this.#handshakes, address, 1);
    if (open > connectionsMax + HANDSHAKES_OVER_MAX) return false;
    const count = underWay + (this.#byAddress.get(address) ?? 0);
    const overMax = Math.min(HANDSHAKES_OVER_MAX, connectionsPerAddressMax);
    if (count > connectionsPerAddressMax + overMax) {
      this.#offended(address, 'limits.connectionsPerAddress');
      return false;
    }
    if (address === '' || underWay <= handshakesPerAddressMax) return true;
    this.#offended(address, 'limits.handshakesPerAddress');
    return false;
  }

  /** Each for which `mayBegin` was asked ends, be it at once. */
  handshakeEnded(address: string): void {
    if (this.#handshakes.has(address)) add(this.#handshakes, address, -1);
  }

  #refuse(connection: EngineConnection): void {
    const mayWait = this.#refused.size < REFUSED_MAX;
    this.#refused.add(connection);
    const session = connection.user as Session;
    if (mayWait) session.turnAway(FAULT_OVERLOADED);
    else session.reset(FAULT_OVERLOADED.code);
  }

  closed(connection: EngineConnection): void {
    this.#refused.delete(connection);
    const address = this.#addresses.get(connection);
    if (address !== undefined) {
      this.#addresses.delete(connection);
      add(this.#byAddress, address, -1);
    }
    const engine = this.#engine();
    if (this.#isPaused && engine.connectionCount - this.#refused.size < this.#limits.connectionsMax) {
      this.#isPaused = false;
      engine.resumeAccepting();
    }
  }
}

/** @returns the new count; one of 0 is forgotten */
function add(counts: Map<string, number>, address: string, difference: number): number {
  const count = (counts.get(address) ?? 0) + difference;
  if (count === 0) counts.delete(address);
  else counts.set(address, count);
  return count;
}
