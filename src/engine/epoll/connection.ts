/**
 * What the epoll engine knows of one connection's socket. Edges are remembered here: epoll tells of each
 * change once, and whoever cannot act on it at once must not forget it.
 */
import {
  ABORTING,
  CLOSED,
  CLOSING,
  CONNECTING,
  DescriptorConnection,
  ENGINE_FLAGS,
  READING_PAUSED,
  RECEIVE_ENDED,
} from '../descriptor/connection.ts';

/** There may be something to receive: an edge came, and no receive has emptied the socket since. */
export const READABLE = ENGINE_FLAGS << 0;
/**
 * A receive that fills less than was asked for does not prove that the socket is empty: FIN or an error
 * stands behind the bytes, or the receive ended at urgent data, where the kernel always stops.
 */
export const READ_TO_END = ENGINE_FLAGS << 1;
/** The kernel took less than was given; an edge will tell when it takes more. */
export const SEND_BLOCKED = ENGINE_FLAGS << 2;
/** In the engine's list of connections that are received from without another edge. */
export const IN_READY = ENGINE_FLAGS << 3;
/** FIN has come, perhaps behind bytes that wait. */
export const PEER_END_SEEN = ENGINE_FLAGS << 4;
/** The layer above knows, though it does not read. */
export const PEER_END_TOLD = ENGINE_FLAGS << 5;
/** The last receive took as much as one may: the next is into memory that can be given away. */
export const MOVES_MUCH = ENGINE_FLAGS << 6;
/** All that was written has been sent, and `onDrained` is still to be called. */
export const DRAIN_UNTOLD = ENGINE_FLAGS << 7;

export class EpollConnection extends DescriptorConnection {
  protected override get maySend(): boolean {
    return (this.flags & (SEND_BLOCKED | CONNECTING)) === 0;
  }

  /** No edge will tell of what waits to be received. */
  override sendFailed(errno: number): void {
    this.flags |= READABLE | READ_TO_END;
    super.sendFailed(errno);
  }
}

/** Something may be there, and is to be taken: to be handed over, or to be discarded while closing. @hot */
export function wantsToReceive(flags: number): boolean {
  return (
    (flags & (READABLE | RECEIVE_ENDED | ABORTING | CLOSED)) === READABLE &&
    (flags & (READING_PAUSED | CLOSING)) !== READING_PAUSED
  );
}
