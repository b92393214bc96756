/** Who is dead and who is only slow: the verdict on a peer from how it has answered lately. */
import type { PeerLiveness } from '../engine/engine.ts';

/** How soon a peer is looked at again whose last acknowledgement is old but which has not been asked since. */
const LOOK_AGAIN_MS = 1000;

/** The verdict `dead`, where a wait was asked for. */
export const PEER_DEAD = 0;

/**
 * Dead is a peer that has acknowledged nothing for the whole period although probes or retransmissions
 * asked it to. One that answers probes with a closed window lives, however long it does not read.
 * @returns milliseconds until it is worth looking again, or PEER_DEAD
 */
export function peerLook(peer: PeerLiveness | undefined, periodMs: number): number {
  if (peer === undefined || peer.outstandingBytes === 0) return periodMs;
  if (peer.lastAckMs < periodMs) return periodMs - peer.lastAckMs;
  // Between two probes of a long back-off: the next one is soon.
  return peer.unanswered > 0 ? PEER_DEAD : Math.min(periodMs, LOOK_AGAIN_MS);
}
