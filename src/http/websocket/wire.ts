/** What carries the frames of one WebSocket: a connection of its own, or a stream of HTTP/2 (RFC 8441). */
import type { CloseReason, RemoteAddress } from '../../engine/engine.ts';

export interface Wire {
  /** In which `reserve` gave a place; valid until the next `commit`. */
  readonly out: Uint8Array;
  /** @param size SEND_RESERVE_BYTES_MAX at most */
  reserve(size: number): number;
  commit(size: number): void;
  /** Sends bytes that are lent for this call: worth it from `borrowedBytesMin` on. */
  lend(bytes: Uint8Array): void;
  readonly borrowedBytesMin: number;
  /** Sends now what can be sent, so that `unsentBytes` tells of the reader alone. */
  flush(): void;
  /** Committed, and not taken by the kernel. `drained` follows when it is 0 again. */
  readonly unsentBytes: number;
  pauseReading(): void;
  resumeReading(): void;
  /** `due` is called at this moment or soon after. */
  wakeAt(atMs: number): void;
  /** Whether what was sent has not been acknowledged: who has not taken a ping need not answer it. */
  readonly isStillTaking: boolean;
  remoteAddress(): RemoteAddress | undefined;
  /** All has been said: what was committed is sent, then the end. */
  finish(reason: CloseReason): void;
  /** The end at once. */
  reset(reason: CloseReason): void;
}
