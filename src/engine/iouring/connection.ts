/**
 * What the kernel is doing for one connection of the io_uring engine. `IouringEngine` derives from these
 * flags, and from the wishes that every connection has, what to submit.
 */
import {
  CONNECTING,
  type ConnectionOwner,
  DescriptorConnection,
  ENGINE_FLAGS,
} from '../descriptor/connection.ts';

/** A receive is armed in the kernel. */
export const RECEIVE_ARMED = ENGINE_FLAGS << 0;
/** A cancel of it is under way. */
export const RECEIVE_CANCELLED = ENGINE_FLAGS << 1;
/** The FIN has not been handed to the layer above yet (it arrived while reading was paused). */
export const PEER_END_PENDING = ENGINE_FLAGS << 2;
export const SEND_IN_FLIGHT = ENGINE_FLAGS << 3;
/** Cancels of all that is under way have been submitted. */
export const CANCEL_ALL_SUBMITTED = ENGINE_FLAGS << 4;

/** A poll waits for an outgoing connection to stand. */
export const CONNECT_ARMED = ENGINE_FLAGS << 5;
/** In the list of those that may have to be watched: see unread-watch.ts. */
export const WATCH_LISTED = ENGINE_FLAGS << 6;
/** It has not been received from for a while: a watch is to be armed. */
export const WATCH_WANTED = ENGINE_FLAGS << 7;
/** A poll waits for the socket's error; it stays when reading goes on. */
export const WATCH_ARMED = ENGINE_FLAGS << 8;
/** The watch has told of an error. Whoever is received from learns of it behind the last byte. */
export const ERROR_SEEN = ENGINE_FLAGS << 9;
/** FIN has come: the watch has told of it, or a receive that was under way when reading was paused. */
export const PEER_END_SEEN = ENGINE_FLAGS << 10;
/** The layer above knows. */
export const PEER_END_TOLD = ENGINE_FLAGS << 11;
/** Much comes: the next receive is to take a large buffer. See bulk-receives.ts. */
export const BULK_WANTED = ENGINE_FLAGS << 12;
/** The receive that is armed does. */
export const BULK_ARMED = ENGINE_FLAGS << 13;
/** The last receive filled a large buffer, so that more may be there already. */
export const BULK_FILLED = ENGINE_FLAGS << 14;

/** A poll waits for room in the socket, for a file. */
export const WRITABLE_ARMED = ENGINE_FLAGS << 15;

/** It is to be closed, and has been looked at since. */
export const LAST_LOOKED_AT = ENGINE_FLAGS << 16;

export class IouringConnection extends DescriptorConnection {
  /** Bytes that arrived after reading was paused; at most what was in flight at that moment. */
  held: Uint8Array[] | undefined;
  /** The pass of the engine in which bytes last came. */
  receivedAt: number;
  /** Small buffers in a row that bytes have filled. */
  filledBuffers: number;

  constructor(owner: ConnectionOwner, slot: number, generation: number, fd: number) {
    super(owner, slot, generation, fd);
    this.held = undefined;
    this.receivedAt = -1;
    this.filledBuffers = 0;
  }

  protected override get maySend(): boolean {
    return (this.flags & (SEND_IN_FLIGHT | WRITABLE_ARMED | CONNECTING)) === 0;
  }

  override dropUnsent(): void {
    this.held = undefined;
    super.dropUnsent();
  }

  get hasReceived(): boolean {
    return this.receivedAt >= 0;
  }

  hold(piece: Uint8Array): void {
    if (this.held === undefined) this.held = [piece];
    else this.held.push(piece);
  }
}
