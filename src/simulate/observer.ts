/**
 * Stands between the engine and the server: tells the model of each connection what the server is about
 * to be told. It changes nothing, so a run with it is the run without.
 */
import type { SysError } from '../base/errors.ts';
import type { EngineHandler } from '../engine/engine.ts';
import type { SimConnection } from '../engine/sim/connection.ts';
import type { ConnectionAccount } from '../http/connection-account.ts';
import type { SimClient } from './client.ts';
import { ConnectionModel, modelOf } from './connection-model.ts';
import type { PlannedRequest } from './handlers.ts';
import type { World } from './world.ts';

export class Observer implements EngineHandler<SimConnection> {
  readonly models: ConnectionModel[] = [];
  readonly planned = new Map<number, PlannedRequest>();
  readonly clients: SimClient[] = [];
  readonly #world: World;
  readonly #server: EngineHandler<SimConnection>;
  /** Open connections that count for their address. */
  readonly #refused = new Set<SimConnection>();
  readonly #counted = new Set<SimConnection>();
  readonly #byLink = new Map<number, SimClient>();
  /** By the number that the server gives to a connection. */
  readonly #byId = new Map<number, ConnectionModel>();

  constructor(world: World, server: EngineHandler<SimConnection>) {
    this.#world = world;
    this.#server = server;
  }

  /** A client has opened its link. */
  expect(client: SimClient): void {
    this.#byLink.set(client.peer.link.id, client);
  }

  onAccept(conn: SimConnection): void {
    const client = this.#byLink.get(conn.link.id)!;
    const model = new ConnectionModel(this.#world, client.plan, conn);
    client.model = model;
    this.models.push(model);
    for (const plan of client.plan.requests) this.planned.set(plan.id, { plan, model });
    conn.tap = model;
    this.#world.totals.connections++;
    this.#limit(conn, model);
    this.#server.onAccept(conn);
    this.#byId.set((conn.user as ConnectionAccount).id, model);
  }

  modelOf(connectionId: number): ConnectionModel | undefined {
    return this.#byId.get(connectionId);
  }

  /** Over a limit a connection must be refused; all peers of a run share one address. */
  #limit(conn: SimConnection, model: ConnectionModel): void {
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
    if (this.#counted.size >= connectionsPerAddressMax) this.#refuse(conn, model);
    else this.#counted.add(conn);
  }

  #refuse(conn: SimConnection, model: ConnectionModel): void {
    this.#refused.add(conn);
    model.exceedsLimit();
  }

  onReceive(conn: SimConnection, bytes: Uint8Array, start: number, end: number): void {
    modelOf(conn).delivering(end - start);
    this.#server.onReceive(conn, bytes, start, end);
  }

  onDrained(conn: SimConnection): void {
    modelOf(conn).drained();
    this.#server.onDrained(conn);
  }

  onPeerEnd(conn: SimConnection): void {
    modelOf(conn).peerEnding();
    this.#server.onPeerEnd(conn);
  }

  onPeerEndSeen(conn: SimConnection): void {
    modelOf(conn).peerEndSeen();
    this.#server.onPeerEndSeen?.(conn);
  }

  onDeadline(conn: SimConnection): void {
    modelOf(conn).deadlineFires();
    this.#server.onDeadline(conn);
  }

  onClosed(conn: SimConnection, reason: string): void {
    const model = modelOf(conn);
    model.closed(reason);
    this.#counted.delete(conn);
    this.#refused.delete(conn);
    this.#world.counted = [];
    this.#server.onClosed(conn, reason);
    model.counted(this.#world.counted);
  }

  onAcceptPaused(error: SysError | undefined): void {
    this.#server.onAcceptPaused?.(error);
  }
}
