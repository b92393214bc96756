/**
 * Sends of memory that the layer above has lent. A send that waits in the ring reads it at some later moment, when it may
 * have been transferred and freed, and hold what is another's. So it is read by system calls alone, between which nobody
 * else runs; the ring only tells when the socket has room again.
 */
import { ERRNO } from '../../sys/errno.ts';
import { CLOSING, SHUTDOWN_WANTED } from '../descriptor/connection.ts';
import type { GatheredSend } from '../descriptor/gathered-send.ts';
import { type IouringConnection, ROOM_AWAITED, SEND_IN_FLIGHT } from './connection.ts';
import type { Submissions } from './submissions.ts';

/** Whether what is to be sent next is lent, or goes in front of it. @hot */
export function isLentNext(conn: IouringConnection): boolean {
  const block = conn.firstBlock;
  return block !== null && (block.isBorrowed || block.next?.isBorrowed === true);
}

/** @returns whether all is sent, and somebody is to be told */
export function sendLent(
  conn: IouringConnection,
  gathered: GatheredSend,
  counters: { bytesSent: number },
  submissions: Submissions,
): boolean {
  const isLast = (conn.flags & (CLOSING | SHUTDOWN_WANTED)) !== 0;
  const result = gathered.sendAll(conn, isLast, counters);
  if (result === 0) return (conn.flags & CLOSING) === 0;
  if (result === -ERRNO.EAGAIN) {
    conn.flags |= SEND_IN_FLIGHT | ROOM_AWAITED;
    submissions.awaitRoom(conn);
  } else conn.sendFailed(-result);
  return false;
}
