/**
 * Stands between the engine and the server: tells the model of each connection what the server is about
 * to be told. It changes nothing, so a run with it is the run without.
 */
import type { SysError } from '../base/errors.ts';
import type { EngineHandler } from '../engine/engine.ts';
import type { SimConnection } from '../engine/sim/connection.ts';
import type { ConnectionAccount } from '../http/connection-account.ts';
import type { Session } from '../http/session.ts';
import type { ConnectionRow } from '../observe/connection-row.ts';
import type { ConnectionOracle, SimulatedClient } from './connection-oracle.ts';
import type { PlannedRequest } from './handlers.ts';
import { count } from './totals.ts';
import type { World } from './world.ts';

export class Observer implements EngineHandler<SimConnection> {
  readonly models: ConnectionOracle[] = [];
  readonly planned = new Map<number, PlannedRequest>();
  readonly #world: World;
  readonly #server: EngineHandler<SimConnection>;
  /** Open connections that count for their address. */
  readonly #refused = new Set<SimConnection>();
  readonly #counted = new Set<SimConnection>();
  readonly #open = new Set<SimConnection>();
  readonly #byLink = new Map<number, SimulatedClient>();
  /** By the number that the server gives to a connection. */
  readonly #byId = new Map<number, ConnectionOracle>();

  constructor(world: World, server: EngineHandler<SimConnection>) {
    this.#world = world;
    this.#server = server;
  }

  /** A client has opened its link. */
  expect(client: SimulatedClient): void {
    this.#byLink.set(client.peer.link.id, client);
  }

  /** What the server says of the connections that are open. */
  rows(): ConnectionRow[] {
    const sessions = [...this.#open].map((conn) => conn.user as Session | undefined);
    return sessions.filter((each) => each !== undefined).map((session) => session.row(this.#world.nowMs));
  }

  onAccept(conn: SimConnection): void {
    this.#open.add(conn);
    const client = this.#byLink.get(conn.link.id)!;
    const model = client.createModel(conn);
    this.models.push(model);
    for (const plan of client.plan.requests) this.planned.set(plan.id, { plan, model });
    conn.tap = model;
    this.#world.totals.connections++;
    this.#limit(conn, model);
    this.#server.onAccept(conn);
    this.#byId.set((conn.user as ConnectionAccount).id, model);
  }

  modelOf(connectionId: number): ConnectionOracle | undefined {
    return this.#byId.get(connectionId);
  }

  /** Over a limit a connection must be refused; all peers of a run share one address, those without any too. */
  #limit(conn: SimConnection, model: ConnectionOracle): void {
    const { connectionsMax, connectionsPerAddressMax, pausesWhenFull } = this.#world.settings.limits;
    // Those that were refused linger, and hold nobody out.
    const open = this.#world.engine.connectionCount - this.#refused.size;
    if (open > connectionsMax) {
      if (!pausesWhenFull) {
        this.#refuse(conn, model);
        return;
      }
      if (!this.#world.isDraining) model.find(`${open} connections are open, ${connectionsMax} allowed`);
    }
    let others = 0;
    for (const { hasAddress } of this.#counted) if (hasAddress === conn.hasAddress) others++;
    if (others >= connectionsPerAddressMax) this.#refuse(conn, model);
    else this.#counted.add(conn);
  }

  #refuse(conn: SimConnection, model: ConnectionOracle): void {
    this.#refused.add(conn);
    model.exceedsLimit();
  }

  onReceive(conn: SimConnection, bytes: Uint8Array, start: number, end: number): void {
    const model = modelOf(conn);
    model.delivering(end - start);
    this.#server.onReceive(conn, bytes, start, end);
    model.told?.();
  }

  onDrained(conn: SimConnection): void {
    const model = modelOf(conn);
    model.drained();
    this.#server.onDrained(conn);
    model.told?.();
  }

  onPeerEnd(conn: SimConnection): void {
    const model = modelOf(conn);
    model.peerEnding();
    this.#server.onPeerEnd(conn);
    model.told?.();
  }

  onPeerEndSeen(conn: SimConnection): void {
    const model = modelOf(conn);
    model.peerEndSeen();
    this.#server.onPeerEndSeen?.(conn);
    model.told?.();
  }

  onDeadline(conn: SimConnection): void {
    const model = modelOf(conn);
    model.deadlineFires();
    this.#server.onDeadline(conn);
    model.told?.();
  }

  onClosed(conn: SimConnection, reason: string): void {
    const model = modelOf(conn);
    model.closed(reason);
    this.#open.delete(conn);
    this.#counted.delete(conn);
    this.#refused.delete(conn);
    this.#world.counted = [];
    this.#server.onClosed(conn, reason);
    model.counted(this.#world.counted);
    const { struckEnds } = this.#world.totals;
    for (const fault of conn.link.struck)
      for (const counted of this.#world.counted) count(struckEnds, `${fault}: ${counted}`);
  }

  onAcceptPaused(error: SysError | undefined): void {
    this.#server.onAcceptPaused?.(error);
  }
}

/** The tap is the model, from accept on. */
function modelOf(conn: SimConnection): ConnectionOracle {
  return conn.tap as ConnectionOracle;
}
