/**
 * The connections of a thread's slots: how they are made, let go of and closed, and what is counted of them.
 * A slot lets go of a connection before that has ended; it then belongs to nobody (`conn.user` is undefined)
 * until the engine says that it is closed. What happens to requests is the thread's to say (request-driver.ts).
 */
import type { Engine, EngineConnection } from '../../engine/engine.ts';
import { errorCode } from '../client/failure-names.ts';
import type { Tally } from '../measure/tally.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import { AddressTurns } from './address-turns.ts';
import type { Slot } from './slot.ts';

/** A connection whose end the server has announced is left to the server to close for this long. */
const SERVER_CLOSE_MS = 1000;
/** So many may wait for that at once, beyond one for each slot. */
const CLOSING_MAX = 64;

export class SlotConnections {
  readonly #tally: Tally;
  readonly #addresses: AddressTurns;
  readonly #slotCount: number;
  #engine!: Engine;
  /** By slot: when connecting began. */
  readonly #beganMs: Float64Array;
  /** Connections that belong to no slot any more and have not ended. */
  #closingCount = 0;

  constructor(plan: LoadPlan, tally: Tally) {
    this.#tally = tally;
    this.#addresses = new AddressTurns(plan);
    this.#slotCount = plan.connections;
    this.#beganMs = new Float64Array(plan.connections);
  }

  /** Before anything else. */
  bind(engine: Engine): void {
    this.#engine = engine;
  }

  /** @returns the system's name of the failure when it refuses at once; else an empty one */
  connect(slot: Slot, targetIndex: number, nowMs: number): string {
    let conn: EngineConnection;
    try {
      conn = this.#engine.connect(this.#addresses.next(targetIndex));
    } catch (error) {
      slot.failures++;
      const code = errorCode(error);
      this.#tally.connectFailed(code);
      return code;
    }
    conn.user = slot;
    slot.conn = conn;
    slot.isOpen = false;
    slot.target = targetIndex;
    slot.answers = 0;
    this.#beganMs[slot.index] = nowMs;
    slot.link.attach(conn);
    return '';
  }

  opened(slot: Slot, nowMs: number): void {
    slot.isOpen = true;
    slot.failures = 0;
    this.#tally.connectionOpened(nowMs - this.#beganMs[slot.index]!);
    const { secure, handshakeMs = 0 } = slot.conn!; // it has just come to stand
    if (secure !== undefined) this.#tally.shookHands(secure, handshakeMs);
  }

  /** Before the connection stood. */
  failed(slot: Slot, name: string): void {
    slot.failures++;
    this.#tally.connectFailed(name);
  }

  beganMs(slot: Slot): number {
    return this.#beganMs[slot.index]!;
  }

  /** Lets go of a connection in good order: FIN from this side, which keeps its port in TIME_WAIT. */
  closeHere(slot: Slot): void {
    const conn = slot.conn!; // callers have one
    this.#tally.counters.closedHere++;
    this.letGo(slot);
    conn.close('done');
  }

  /** The server has announced the end and closes first, so that the port is free again at once. */
  leaveToServer(slot: Slot, nowMs: number): void {
    const conn = slot.conn!; // it has just carried an answer
    this.letGo(slot);
    if (this.#closingCount > this.#slotCount + CLOSING_MAX) {
      this.#tally.counters.closedHere++;
      conn.close('done');
    } else conn.setDeadline(nowMs + SERVER_CLOSE_MS);
  }

  /** A server that was to close, and did not. */
  leftOpen(conn: EngineConnection): void {
    this.#tally.counters.closedHere++;
    conn.close('server left it open');
  }

  /** @param isGone the engine has said already that it is closed */
  letGo(slot: Slot, isGone = false): void {
    const conn = slot.conn!; // callers have one
    if (!isGone) {
      conn.user = undefined;
      this.#closingCount++;
    }
    if (slot.isOpen) this.#tally.open--;
    slot.link.detach();
    slot.conn = undefined;
  }

  /** A connection that belongs to no slot has ended. */
  ended(conn: EngineConnection): void {
    if (conn.user === undefined) this.#closingCount--;
  }

  /** Ends what is still open: with FIN where nothing is under way, as a client that is done does. */
  closeAll(): void {
    for (const conn of this.#engine.connections()) {
      const slot = conn.user as Slot | undefined; // set by `connect`, cleared by `letGo`
      if (slot !== undefined && slot.conn === conn && slot.link.underWay > 0) conn.reset('broken off');
      else conn.close('done');
    }
  }
}
