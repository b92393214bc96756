/**
 * The ladder that a connection of either engine climbs when it is looked at: what is queued leaves, FIN follows the last byte, what has
 * been asked to end ends, what is to be received is asked for. How an engine sends, receives and waits is its own; the order, and what
 * each end takes, is here.
 *
 * A step may find that the connection has failed: then it has been touched, and the next look goes on from there.
 */
import { SHUT_WR } from '../../sys/abi/socket.ts';
import { closeFd, setLinger, shutdown } from '../../sys/socket.ts';
import {
  ABORTING,
  CLOSED,
  CLOSING,
  CONNECTING,
  type DescriptorConnection,
  DRAIN_OWED,
  SEND_FAILED,
  SHUTDOWN_DONE,
  SHUTDOWN_WANTED,
} from './connection.ts';
import { DescriptorEngine } from './engine.ts';

/** With one of these a connection stands not yet, or not any more. */
const STANDS_NOT = CLOSED | ABORTING | CONNECTING | SEND_FAILED;

export abstract class AdvancingEngine<C extends DescriptorConnection> extends DescriptorEngine<C> {
  /** Gives the kernel what is queued, as far as it takes it, and tells `onDrained` where that was all. */
  protected abstract send(conn: C): void;
  /** Asks for what is to be received, or tells what is known of it. Not called once only the end is left. */
  protected abstract receive(conn: C): void;
  /** Sending has failed. @returns false when something is left that was received and is to be handed over first */
  protected abstract takeRest(conn: C): boolean;
  /** It is to be told when the connection stands, or has failed. */
  protected abstract awaitConnect(conn: C): void;
  /** Takes back what the kernel does for the connection. @returns whether nothing of it is under way any more */
  protected abstract isAtRest(conn: C): boolean;

  /** Does for a connection what it wishes, as far as that is possible now. @hot */
  protected advance(conn: C): void {
    if ((conn.flags & STANDS_NOT) !== 0) {
      this.#advanceOther(conn);
      return;
    }
    this.send(conn);
    const { flags } = conn;
    if ((flags & STANDS_NOT) !== 0) return;
    if (conn.firstBlock === null) {
      if ((flags & CLOSING) !== 0) {
        this.#advanceClosing(conn);
        return;
      }
      if ((flags & (SHUTDOWN_WANTED | SHUTDOWN_DONE)) === SHUTDOWN_WANTED) this.#shutdown(conn);
      if ((flags & DRAIN_OWED) !== 0) {
        conn.flags &= ~DRAIN_OWED;
        this.handler.onDrained(conn);
      }
    }
    this.receive(conn);
  }

  /** A connection that does not stand, or not any more. */
  #advanceOther(conn: C): void {
    if ((conn.flags & CLOSED) !== 0) return;
    // What cannot be sent to ends when nothing is left to be handed over.
    if ((conn.flags & (SEND_FAILED | ABORTING)) === SEND_FAILED) {
      if ((conn.flags & CLOSING) === 0 && !this.takeRest(conn)) return;
      if ((conn.flags & CLOSING) !== 0) conn.flags |= ABORTING;
      else conn.fail(conn.sendErrno);
    }
    if ((conn.flags & ABORTING) === 0 && !isGivenUp(conn)) this.awaitConnect(conn);
    else if (this.isAtRest(conn)) {
      // Closing with a zero linger sends RST; where nothing stands there is nothing to reset.
      if ((conn.flags & CONNECTING) === 0) setLinger(conn.fd, 0);
      this.#finish(conn);
    }
  }

  /** All is sent: nothing may be under way on a descriptor that is closed. */
  #advanceClosing(conn: C): void {
    if (!this.isAtRest(conn)) return;
    this.discardUnread(conn);
    this.#finish(conn);
  }

  /**
   * A system call of its own, on io_uring too: IORING_OP_SHUTDOWN always runs on a kernel worker, which looks the descriptor up when
   * it gets to it (io_shutdown_prep sets REQ_F_FORCE_ASYNC), and by then the number may belong to another connection.
   */
  #shutdown(conn: C): void {
    conn.flags |= SHUTDOWN_DONE;
    shutdown(conn.fd, SHUT_WR);
  }

  /** The last step: nothing is in flight, so no completion can come for this slot any more. */
  #finish(conn: C): void {
    this.ledger?.drop(conn.fd);
    closeFd(conn.fd);
    this.retire(conn);
  }
}

/** An outgoing connection that is not wanted any more, with nothing to be sent on it. */
function isGivenUp(conn: DescriptorConnection): boolean {
  return (conn.flags & CLOSING) !== 0 && conn.firstBlock === null;
}
