/**
 * How much is received at once. Requests are small, and so are the buffers of multishot receives: a page holds one, and
 * hundreds of connections may each need one at a time. A connection that fills them one after the other moves much: then
 * it costs less to receive 64 KiB at a time, and only when they are asked for. A multishot receive would go on
 * behind a pause, and what it brings then has to be copied and held. Where one has filled its buffer, more is there most
 * often: that is received by a call at once, without the ring, into memory that the layer above may keep.
 */
import { GIVEN_BYTES } from '../descriptor/given-memory.ts';
import { BULK_FILLED, BULK_WANTED, type IouringConnection } from './connection.ts';

export const BULK_GROUP = 1;
export const BULK_BUFFER_BYTES = GIVEN_BYTES;
/** 2 MiB in all, most of it untouched until so many upload at once that others run out. */
export const BULK_BUFFER_COUNT = 32;
export const BULK_BUFFERS_AT_FIRST = 4;
/** 32 KiB: a form with a picture is through by then, and is not worth a change. */
const FILLED_BUFFERS_ENOUGH = 8;

/**
 * A receive into a small buffer has brought `size` bytes.
 * @returns whether the connection is from now on to be received from into large ones
 * @hot
 */
export function noteSmall(conn: IouringConnection, size: number, bufferBytes: number): boolean {
  if (size < bufferBytes) conn.filledBuffers = 0;
  else if (++conn.filledBuffers === FILLED_BUFFERS_ENOUGH) {
    conn.flags |= BULK_WANTED;
    return true;
  }
  return false;
}

/** A receive into a large buffer has brought `size` bytes. A few mean that the rest comes slowly, or that it was all. */
export function noteBulk(conn: IouringConnection, size: number, smallBufferBytes: number): void {
  if (size === BULK_BUFFER_BYTES) conn.flags |= BULK_FILLED;
  else conn.flags &= ~BULK_FILLED;
  if (size <= smallBufferBytes) endBulk(conn);
}

/** Others have all large buffers; what fills small ones again may try anew. */
export function endBulk(conn: IouringConnection): void {
  conn.flags &= ~(BULK_WANTED | BULK_FILLED);
  conn.filledBuffers = 0;
}
