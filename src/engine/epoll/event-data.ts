/**
 * The 64 bits of epoll_data that come back with every event, as two 32-bit halves so that no BigInt
 * appears on the hot path:
 *
 *     high half                 low half
 *     63                    32  31  30                            0
 *     +----------------------+ +---+-------------------------------+
 *     |      generation      | | 0 |             slot              |   a connection
 *     +----------------------+ +---+-------------------------------+
 *     |          0           | | 1 |       listener's index        |   a listener
 *     +----------------------+ +---+-------------------------------+
 *     |          0           | | 1 | all ones                      |   the timer
 *     +----------------------+ +---+-------------------------------+
 *
 * Read as a signed number, the low half of a connection is not negative. An event whose generation is
 * not the slot's present one belongs to a connection that is gone, and is dropped: closing a descriptor
 * takes it out of the set, but not while a process that is being forked still holds it too.
 */
const OTHER = 0x8000_0000;
const INDEX_MASK = 0x7fff_ffff;

/** The low half as the kernel is given it, unsigned. */
export const TIMER_DATA = 0xffff_ffff;
/** The same as it is read back, signed. */
export const TIMER_DATA_READ = TIMER_DATA | 0;

/** Given to the kernel, unsigned. */
export function listenerData(index: number): number {
  return OTHER + index;
}

/** @param data the low half as it is read back, negative and not the timer's */
export function listenerIndex(data: number): number {
  return data & INDEX_MASK;
}
