/** Which servers' sessions are one another's. */
import { createHash } from 'node:crypto';

/**
 * One is resumed where clients are judged alike alone: else a certificate that has been revoked meanwhile, or that nobody had
 * asked for, would not be looked at.
 * @returns 32 bytes, as many as OpenSSL takes
 */
export function sessionIdContext(clients: string, ca: string, crl: string): Uint8Array {
  return createHash('sha256').update(`${clients}\0${ca}\0${crl}`).digest();
}
