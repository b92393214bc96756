/**
 * What system calls of a server answer when they fail, and what that means to its engine: the simulated kernel draws from here.
 * The numbers are those of include/uapi/asm-generic/errno-base.h and errno.h.
 */
import type { SeededRandom } from '../../base/random.ts';

/** Why an operation of a connection has failed. */
export type Failure = 'peer-reset' | 'peer-dead' | 'io-error';

interface KernelError {
  readonly code: string;
  readonly errno: number;
}

interface ConnectionError extends KernelError {
  readonly failure: Failure;
}

/** accept(2): these end when something is released. */
const RESTING: readonly KernelError[] = [
  { code: 'EMFILE', errno: 24 },
  { code: 'ENFILE', errno: 23 },
  { code: 'ENOBUFS', errno: 105 },
  { code: 'ENOMEM', errno: 12 },
];

/** accept(2): the connection that waited is gone, and the next can be accepted. */
const OF_ONE_CONNECTION: readonly KernelError[] = [
  { code: 'ECONNABORTED', errno: 103 },
  { code: 'EPERM', errno: 1 },
  { code: 'EPROTO', errno: 71 },
];

const BROKEN: readonly ConnectionError[] = [
  { code: 'ECONNRESET', errno: 104, failure: 'peer-reset' },
  { code: 'ETIMEDOUT', errno: 110, failure: 'peer-dead' },
  { code: 'EHOSTUNREACH', errno: 113, failure: 'peer-dead' },
  { code: 'ENOBUFS', errno: 105, failure: 'io-error' },
  { code: 'ENOMEM', errno: 12, failure: 'io-error' },
];

/** After FIN of the peer's, sending is told of its reset by this. tcp_reset in net/ipv4/tcp_input.c */
const BROKEN_PIPE: ConnectionError = { code: 'EPIPE', errno: 32, failure: 'peer-reset' };

export function acceptRests(random: SeededRandom): KernelError {
  return random.pick(RESTING);
}

export function acceptFails(random: SeededRandom): KernelError {
  return random.pick(OF_ONE_CONNECTION);
}

/** @param hasPeerEnded the peer has sent FIN */
export function sendFails(random: SeededRandom, hasPeerEnded: boolean): ConnectionError {
  const error = random.pick(BROKEN);
  return hasPeerEnded && (error.failure === 'peer-reset' || random.chance(0.5)) ? BROKEN_PIPE : error;
}

export function receiveFails(random: SeededRandom): ConnectionError {
  return random.pick(BROKEN);
}

/** All that a connection can meet, as `operation code`, and how it ends by that; undefined for one that is not accepted, or only later. */
export const KERNEL_ERRORS: ReadonlyMap<string, Failure | undefined> = new Map([
  ...[...RESTING, ...OF_ONE_CONNECTION].map(({ code }) => [`accept ${code}`, undefined] as const),
  ...[...BROKEN, BROKEN_PIPE].map(({ code, failure }) => [`send ${code}`, failure] as const),
  ...BROKEN.map(({ code, failure }) => [`receive ${code}`, failure] as const),
]);
