/**
 * How much is given to the kernel in one call. What is a little more than fits into one of its packets, such as a piece of 64 KiB
 * with the frame of its chunk, becomes a large packet and a tiny one, each of which wakes the reader: by loopback that costs a
 * fourth more than two halves do.
 */

/** 45 segments of Ethernet with timestamps, which are sent as one; the largest segment of loopback is 65,483 bytes. */
const PACKET_BYTES = 45 * 1448;

/** @returns as little of `bytes` as is an even part of them, where they are more than a packet. @hot */
export function firstPartOf(bytes: number): number {
  return bytes <= PACKET_BYTES ? bytes : Math.ceil(bytes / Math.ceil(bytes / PACKET_BYTES));
}
