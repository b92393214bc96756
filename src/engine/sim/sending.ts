/**
 * How the simulated kernel takes what connections send: all of it, a part, in a later turn, or never, since the call fails. It
 * ends no connection itself.
 */
import type { EngineStats } from '../engine.ts';
import type { FileProgress } from '../file-progress.ts';
import type { SimConnection } from './connection.ts';
import { fileBytes } from './file-sending.ts';
import { sendFails } from './kernel-errors.ts';
import type { SimNetwork } from './network.ts';

/** A held send completes, or its rest is submitted, within this. */
const HELD_MS_MAX = 2;

interface SendingOwner {
  /** It is to be flushed once more. */
  touch(conn: SimConnection): void;
}

export class SimSending {
  readonly #network: SimNetwork;
  readonly #stats: EngineStats;
  readonly #owner: SendingOwner;

  constructor(network: SimNetwork, stats: EngineStats, owner: SendingOwner) {
    this.#network = network;
    this.#stats = stats;
    this.#owner = owner;
  }

  /** One call of send(2) or sendfile(2), for what comes first. */
  send(conn: SimConnection): void {
    const { random, faults, injected } = this.#network;
    const { link, unsent } = conn;
    if (unsent.length === 0 || conn.isSendHeld) return;
    if (faults.sendFailure > 0 && random.chance(faults.sendFailure)) {
      this.#fail(conn);
      return;
    }
    if (faults.ringFull > 0 && random.chance(faults.ringFull)) {
      injected.ringsFull++;
      link.strike('ringsFull');
      this.#stats.submissionQueueFull++;
      this.#hold(conn);
      return;
    }
    if (faults.lateSend > 0 && random.chance(faults.lateSend)) {
      injected.lateSends++;
      link.strike('lateSends');
      this.#hold(conn);
      return;
    }
    const { file } = unsent;
    const next = file === undefined ? unsent.byteCount : file.end - file.at;
    let size = Math.min(next, link.down.room);
    if (size > 1 && faults.shortWrite > 0 && random.chance(faults.shortWrite)) {
      injected.shortWrites++;
      link.strike('shortWrites');
      size = random.between(1, size - 1);
      this.#hold(conn);
    }
    if (size > 0) this.#give(conn, size, file);
  }

  #fail(conn: SimConnection): void {
    const { link } = conn;
    if (link.down.isBroken) return; // It has failed in another way, which is on its way here.
    const { code, failure } = sendFails(this.#network.random, link.up.finArrived);
    this.#network.injected.sendFailures++;
    link.strike(`send ${code}`);
    this.#network.trace?.(`peer ${link.id}: send fails with ${code}`);
    link.breaks(failure);
    conn.sendFailed(failure, code);
  }

  /** The kernel takes `size` bytes of what comes next, or fewer of a file. */
  #give(conn: SimConnection, size: number, file: FileProgress | undefined): void {
    const { unsent, link } = conn;
    const bytes =
      file === undefined
        ? unsent.take(size)
        : fileBytes(this.#network, conn, file, size, () => this.#owner.touch(conn));
    if (bytes === undefined) return;
    this.#stats.bytesSent += bytes.length;
    this.#network.trace?.(`peer ${link.id}: kernel takes ${bytes.length} bytes`);
    if (file !== undefined) unsent.tookFromFile(bytes.length);
    link.down.send(bytes);
    // Something else may follow, and there may be room.
    if (unsent.length > 0 && link.down.room > 0) this.#owner.touch(conn);
  }

  #hold(conn: SimConnection): void {
    conn.isSendHeld = true;
    this.#network.after(this.#network.random.nextUnit() * HELD_MS_MAX, () => {
      conn.isSendHeld = false;
      if (conn.isOpen && !conn.isReleased) this.#owner.touch(conn);
    });
  }
}
