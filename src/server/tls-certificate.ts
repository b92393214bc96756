/**
 * One certificate with its key, read and checked before anybody uses it: two that were swapped or do not belong together are told
 * in a sentence and not by OpenSSL's codes. What is only unwise, or the clients' to refuse, is a warning.
 */
import type { X509Certificate } from 'node:crypto';
import { OptionError } from '../base/errors.ts';
import { thrown } from '../base/option-checks.ts';
import { serverNameOf } from '../engine/tls/server-names.ts';
import type { TlsCertificate } from '../engine/tls/tls-options.ts';
import { stapledUntil } from './ocsp-response.ts';
import type { TlsFiles } from './tls-files.ts';
import type { TlsCertificateOptions } from './tls-options.ts';

const CERTIFICATE = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/;
const CERTIFICATES =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[\s\S]*?-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;
const PRIVATE_KEY = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----/;
const ALLOWED = 'PEM text, or the path of a file that holds it';

/**
 * @param prefix of the names in errors, as `tls.`
 * @param warn is told what does not stand in the way
 * @throws OptionError naming the part that is not right
 */
export function readCertificate(
  prefix: string,
  options: TlsCertificateOptions,
  files: TlsFiles,
  warn: (message: string) => void,
): TlsCertificate {
  const cert = files.pem(`${prefix}cert`, options.cert);
  const key = files.pem(`${prefix}key`, options.key);
  const { passphrase } = options;
  if (passphrase !== undefined && typeof passphrase !== 'string')
    throw new OptionError(`${prefix}passphrase`, passphrase, 'text');
  refuseSwapped(prefix, cert, key);
  const secret = passphrase === undefined ? {} : { passphrase };
  const keyType = keyTypeOf(prefix, cert, key, secret);
  const chain = chainOf(prefix, cert);
  const own = chain[0]!;
  const names = options.serverName === undefined ? namesOf(own) : givenNames(prefix, options.serverName);
  for (const warning of doubtsAbout(chain, names)) warn(`${prefix}cert: ${warning}`);
  const ocsp = options.ocsp === undefined ? undefined : readStaple(prefix, options.ocsp, files, warn);
  return { cert, key, ...secret, keyType, names, ...(ocsp === undefined ? {} : { ocsp }) };
}

function refuseSwapped(prefix: string, cert: string, key: string): void {
  if (!CERTIFICATE.test(cert) && PRIVATE_KEY.test(cert))
    throw new OptionError(
      `${prefix}cert`,
      '(a private key)',
      CERTIFICATE.test(key)
        ? 'cert and key are swapped'
        : `it takes the certificate; the private key is \`${prefix}key\``,
    );
  if (!CERTIFICATE.test(cert)) throw new OptionError(`${prefix}cert`, '(PEM without a certificate)', ALLOWED);
  if (!PRIVATE_KEY.test(key))
    throw new OptionError(
      `${prefix}key`,
      CERTIFICATE.test(key) ? '(a certificate)' : '(PEM without a private key)',
      `it takes the private key of \`${prefix}cert\``,
    );
}

/** Loaded when there is TLS: it and what it loads cost a start 12 ms of CPU time. */
function keyTypeOf(prefix: string, cert: string, key: string, secret: { passphrase?: string }): string {
  try {
    process.getBuiltinModule('node:tls').createSecureContext({ cert, key, ...secret });
    const { asymmetricKeyType } = process
      .getBuiltinModule('node:crypto')
      .createPrivateKey({ key, ...secret });
    return asymmetricKeyType ?? '';
  } catch (error) {
    throw refusalOf(prefix, error, secret.passphrase);
  }
}

/** OpenSSL's reasons by their codes in Node (crypto/x509, crypto/evp). */
function refusalOf(prefix: string, error: unknown, passphrase: string | undefined): OptionError {
  const code = String((error as { code?: unknown }).code);
  if (code.includes('KEY_VALUES_MISMATCH') || code.includes('KEY_TYPE_MISMATCH'))
    return new OptionError(
      `${prefix}key`,
      '(a private key)',
      `it does not belong to the certificate in \`${prefix}cert\` (its first, where there are several)`,
    );
  if (/BAD_DECRYPT|MISSING_PASSPHRASE|INTERRUPTED_OR_CANCELLED|BAD_PASSWORD/.test(code))
    return new OptionError(
      `${prefix}passphrase`,
      passphrase === undefined ? undefined : '(given)',
      passphrase === undefined
        ? 'the private key is encrypted and needs its passphrase'
        : 'the private key is encrypted, and this does not open it',
    );
  return new OptionError(prefix.slice(0, -1), '(cert and key)', `OpenSSL refuses them: ${thrown(error)}`);
}

function chainOf(prefix: string, pem: string): X509Certificate[] {
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  try {
    return (pem.match(CERTIFICATES) ?? []).map((each) => new X509Certificate(each));
  } catch (error) {
    throw new OptionError(`${prefix}cert`, '(PEM)', `it holds what is no certificate: ${thrown(error)}`);
  }
}

/** What the certificate says: its names for DNS (RFC 9525 §6.3), or the old common name where it has no others. */
function namesOf({ subjectAltName, subject }: X509Certificate): string[] {
  const found =
    subjectAltName === undefined
      ? [/(?:^|\n)CN=(.+)/.exec(subject)?.[1] ?? '']
      : [...subjectAltName.matchAll(/(?:^|, )DNS:([^",]+)/g)].map((match) => match[1]!);
  return [...new Set(found.map(certificateName).filter((name) => name !== undefined))];
}

function givenNames(prefix: string, given: unknown): string[] {
  const list = Array.isArray(given) ? given : [given];
  if (list.length === 0) throw new OptionError(`${prefix}serverName`, given, 'a name, or a list of them');
  return list.map((each) => {
    const name = typeof each === 'string' ? certificateName(each) : undefined;
    if (name === undefined)
      throw new OptionError(
        `${prefix}serverName`,
        each,
        "a host name, or '*.' before one for any one label; addresses are never asked for",
      );
    return name;
  });
}

function certificateName(text: string): string | undefined {
  const isWildcard = text.startsWith('*.');
  const name = serverNameOf(isWildcard ? text.slice(2) : text);
  return name === undefined || !isWildcard ? name : `*.${name}`;
}

/** What clients will not like. */
function* doubtsAbout(chain: readonly X509Certificate[], names: readonly string[]): Iterable<string> {
  const [own] = chain;
  const nowMs = Date.now();
  if (Date.parse(own!.validTo) < nowMs)
    yield `the certificate has expired on ${own!.validTo}; clients refuse it`;
  if (Date.parse(own!.validFrom) > nowMs)
    yield `the certificate is not valid before ${own!.validFrom}; clients refuse it`;
  for (let index = 0; index + 1 < chain.length; index++)
    if (!chain[index]!.checkIssued(chain[index + 1]!))
      yield `certificate ${index + 2} in it has not issued certificate ${index + 1}: each is followed by its issuer, and the root may be left out`;
  for (const name of names)
    if (!name.startsWith('*.') && own!.checkHost(name) === undefined)
      yield `the certificate does not say ${name}, for which it is to serve; clients refuse it`;
}

function readStaple(
  prefix: string,
  given: unknown,
  files: TlsFiles,
  warn: (message: string) => void,
): Uint8Array {
  const option = `${prefix}ocsp`;
  const bytes = files.bytes(option, given);
  const untilMs = stapledUntil(bytes);
  if (untilMs === undefined)
    throw new OptionError(
      option,
      typeof given === 'string' ? given : '(bytes)',
      'an answer of OCSP in DER that says something (`openssl ocsp -respout FILE`)',
    );
  if (untilMs < Date.now())
    warn(`${option}: the answer was good until ${new Date(untilMs).toUTCString()}; clients may refuse it`);
  return bytes;
}
