/** What threads get for TLS, and how they hear of what has changed. Material is plain data, which crosses by structured clone. */
import { OptionError } from '../base/errors.ts';
import type { EngineTlsOptions, FindCertificate } from '../engine/tls/tls-options.ts';
import { ServerClosedError } from './errors.ts';

export interface TlsMaterial
  extends Omit<EngineTlsOptions, 'alpn' | 'answerToPlainText' | 'findCertificate'> {
  /** The same in all workers, also in those that follow them: sessions are resumed with whichever thread it is. */
  readonly ticketKeys: readonly Uint8Array[];
  /** There is a function to ask for names that no certificate has. */
  readonly asksForNames: boolean;
}

/** A server that hears of new material. */
export interface TlsTarget {
  /** @throws UnavailableError where OpenSSL refuses it */
  takeTls(material: TlsMaterial): Promise<void>;
  takeTicketKeys(keys: readonly Uint8Array[]): void;
}

/** What a thread that serves TLS has of it: the keeper itself, or in a worker what stands for it. */
export interface ThreadTls {
  readonly material: TlsMaterial;
  readonly find: FindCertificate;
  /** Absent in workers. */
  set?(given?: unknown): Promise<void>;
}

/** What `server.setTls` does. */
export async function changeTls(
  tls: ThreadTls | undefined,
  isClosing: boolean,
  given: unknown,
): Promise<void> {
  if (isClosing) throw new ServerClosedError('setTls');
  if (tls?.set === undefined)
    throw new OptionError('setTls', given, 'for a server that was started with `tls`');
  return tls.set(given);
}
