/**
 * Certificate and key: PEM text or the paths of files that hold it, checked before anything listens, so that
 * two that were swapped or do not belong together are told in a sentence and not by OpenSSL's codes.
 */
import { readFileSync } from 'node:fs';
import { OptionError } from '../base/errors.ts';
import { thrown } from '../base/option-checks.ts';
import { TICKET_KEY_BYTES } from '../engine/tls/tls-options.ts';

export interface TlsOptions {
  /** PEM, or the path of a file with it; the chain, the server's own certificate first. */
  readonly cert: string | Uint8Array;
  /** PEM, or the path of a file with it. */
  readonly key: string | Uint8Array;
  /** Opens a key that is encrypted. */
  readonly passphrase?: string;
}

/** What the engine gets: PEM. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  readonly passphrase?: string;
  /** The same in all workers, also in those that follow them: sessions are resumed with whichever thread it is. */
  readonly ticketKeys: Uint8Array;
}

const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/;
const ALLOWED = 'PEM text, or the path of a file that holds it';

/** @throws OptionError naming the part that is not right */
export function readTls(tls: TlsOptions): TlsMaterial {
  const cert = pemOf('tls.cert', tls.cert);
  const key = pemOf('tls.key', tls.key);
  const { passphrase } = tls;
  if (passphrase !== undefined && typeof passphrase !== 'string')
    throw new OptionError('tls.passphrase', passphrase, 'text');
  const isSwapped = !CERTIFICATE.test(cert) && PRIVATE_KEY.test(cert);
  if (isSwapped)
    throw new OptionError(
      'tls.cert',
      '(a private key)',
      CERTIFICATE.test(key)
        ? 'cert and key are swapped'
        : 'it takes the certificate; the private key is `tls.key`',
    );
  if (!CERTIFICATE.test(cert)) throw new OptionError('tls.cert', '(PEM without a certificate)', ALLOWED);
  if (!PRIVATE_KEY.test(key))
    throw new OptionError(
      'tls.key',
      CERTIFICATE.test(key) ? '(a certificate)' : '(PEM without a private key)',
      'it takes the private key of `tls.cert`',
    );
  const ticketKeys = crypto.getRandomValues(new Uint8Array(TICKET_KEY_BYTES));
  const material = { cert, key, ticketKeys, ...(passphrase === undefined ? {} : { passphrase }) };
  try {
    // Loaded when there is TLS: it and what it loads cost a start 12 ms of CPU time.
    process
      .getBuiltinModule('node:tls')
      .createSecureContext({ cert, key, ...(passphrase === undefined ? {} : { passphrase }) });
  } catch (error) {
    throw refusalOf(error, passphrase);
  }
  return material;
}

function pemOf(option: string, given: string | Uint8Array): string {
  const isBytes = given instanceof Uint8Array;
  if (!isBytes && (typeof given !== 'string' || given === '')) throw new OptionError(option, given, ALLOWED);
  const text = isBytes ? new TextDecoder().decode(given) : given;
  if (text.includes('-----BEGIN ')) return text;
  if (isBytes || text.includes('\n')) throw new OptionError(option, '(no PEM)', ALLOWED);
  let read: string;
  try {
    read = readFileSync(text, 'utf8');
  } catch (error) {
    throw new OptionError(
      option,
      text,
      `${ALLOWED}; the file cannot be read (${(error as NodeJS.ErrnoException).code})`,
    );
  }
  if (!read.includes('-----BEGIN '))
    throw new OptionError(option, text, `${ALLOWED}; this file holds no PEM`);
  return read;
}

/** OpenSSL's reasons by their codes in Node (crypto/x509, crypto/evp). */
function refusalOf(error: unknown, passphrase: string | undefined): OptionError {
  const code = String((error as { code?: unknown }).code);
  if (code.includes('KEY_VALUES_MISMATCH') || code.includes('KEY_TYPE_MISMATCH'))
    return new OptionError(
      'tls.key',
      '(a private key)',
      'it does not belong to the certificate in `tls.cert`',
    );
  if (/BAD_DECRYPT|MISSING_PASSPHRASE|INTERRUPTED_OR_CANCELLED|BAD_PASSWORD/.test(code))
    return new OptionError(
      'tls.passphrase',
      passphrase === undefined ? undefined : '(given)',
      passphrase === undefined
        ? 'the private key is encrypted and needs its passphrase'
        : 'the private key is encrypted, and this does not open it',
    );
  return new OptionError('tls', '(cert and key)', `OpenSSL refuses them: ${thrown(error)}`);
}
