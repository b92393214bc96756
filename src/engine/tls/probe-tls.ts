/** Tries whether OpenSSL can be called here as TlsLayer does. Leaves nothing behind but functions that are bound. */
import { UnavailableError } from '../../base/errors.ts';
import { loadOpenSsl } from '../../sys/openssl.ts';
import { SharedBios } from './shared-bios.ts';

/** @returns an answer, and its reason for people, whether yes or no */
export function probeTls(): { readonly available: boolean; readonly reason: string } {
  try {
    const ssl = loadOpenSsl();
    new SharedBios(ssl).release();
    return { available: true, reason: `TLS by OpenSSL ${ssl.version} ${ssl.source}` };
  } catch (error) {
    if (!(error instanceof UnavailableError)) throw error;
    return { available: false, reason: `no TLS for it: ${error.message}` };
  }
}
