/** The option `tls`: what it holds, and the copy that is taken of it. What it means is for the files beside this one. */
import { OptionError } from '../base/errors.ts';
import { snapshot } from '../base/option-checks.ts';

/** PEM, or the path of a file with it, which is read anew when it changes. */
type Pem = string | Uint8Array;

/** A certificate with its key. */
export interface TlsCertificateOptions {
  /** The chain: the server's own certificate first, then those between it and a root. PEM, or the path of a file with it. */
  readonly cert: Pem;
  /** PEM, or the path of a file with it. */
  readonly key: Pem;
  /** Opens a key that is encrypted. */
  readonly passphrase?: string;
  /** The names that it is for, as `example.com` or `*.example.com`. @default those that the certificate says */
  readonly serverName?: string | readonly string[];
  /** An answer of OCSP about it: DER, or the path of a file with it. Stapled for clients that ask. */
  readonly ocsp?: string | Uint8Array;
}

/** Finds a certificate for a name that none of those given has; nothing leaves it to the default. */
export type SniFunction = (
  serverName: string,
) => TlsCertificateOptions | undefined | null | Promise<TlsCertificateOptions | undefined | null>;

export interface TlsOptions extends TlsCertificateOptions {
  /** @default 'TLSv1.2' */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** @default 'TLSv1.3' */
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
  /**
   * Names of OpenSSL by colons, of TLS 1.2 and 1.3; a list without any of one version leaves that one's as they are.
   * @default Mozilla's "intermediate"
   */
  readonly ciphers?: string | readonly string[];
  /** For the key exchange, the better first. @default X25519MLKEM768 where OpenSSL has it, X25519, P-256, P-384 */
  readonly groups?: string | readonly string[];
  /** Ask clients for a certificate. @default false */
  readonly requestCert?: boolean;
  /** Refuse clients whose certificate is none that `ca` vouches for; else `context.tls` tells. @default true, with `requestCert` */
  readonly rejectUnauthorized?: boolean;
  /** Whose certificates of clients are trusted: PEM or paths. */
  readonly ca?: Pem | readonly Pem[];
  /** Lists of what is revoked, one for each authority in a client's chain: PEM or paths. */
  readonly crl?: Pem | readonly Pem[];
  /** Asked for names that no certificate has; it may answer later. */
  readonly sni?: SniFunction;
}

const CERTIFICATE_NAMES = ['cert', 'key', 'passphrase', 'serverName', 'ocsp'] as const;
const RULE_NAMES = [
  'minVersion',
  'maxVersion',
  'ciphers',
  'groups',
  'requestCert',
  'rejectUnauthorized',
  'ca',
  'crl',
  'sni',
] as const;
const NAMES = [...CERTIFICATE_NAMES, ...RULE_NAMES];

/** What others call it. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  SNICallback: '`sni`, which returns { cert, key }',
  ecdhCurve: '`groups`',
  curves: '`groups`',
  cipherSuites: '`ciphers`',
  servername: '`serverName`',
  certFile: '`cert`, which takes paths too',
  keyFile: '`key`, which takes paths too',
  caFile: '`ca`, which takes paths too',
  pfx: '`cert` and `key`, made of it by `openssl pkcs12`',
  ALPNProtocols: '`http2`, one of the options beside `tls`',
};

/** What is for the whole server. */
export type TlsRules = Omit<TlsOptions, keyof TlsCertificateOptions>;

/** A copy of the option, each property read once. */
export interface GivenTls {
  /** With the names by which errors call each, as `tls.` or `tls[1].`. Never empty. */
  readonly certificates: readonly { readonly prefix: string; readonly options: TlsCertificateOptions }[];
  /** `ca` and the like stand under this name. */
  readonly prefix: string;
  readonly rules: TlsRules;
}

/**
 * @param given one object, or a list of them, of which the first may hold the rules
 * @throws OptionError naming what it cannot be
 */
export function readTlsOptions(given: unknown): GivenTls {
  if (!Array.isArray(given)) {
    const { certificate, rules } = split(copyOf('tls.', given, NAMES));
    return { certificates: [{ prefix: 'tls.', options: certificate }], prefix: 'tls.', rules };
  }
  if (given.length === 0) throw new OptionError('tls', given, 'a list of one certificate at least');
  const parts = given.map((each, index) => ({
    prefix: `tls[${index}].`,
    ...split(copyOf(`tls[${index}].`, each, NAMES)),
  }));
  for (const { prefix, rules } of parts.slice(1))
    for (const name of Object.keys(rules))
      throw new OptionError(`${prefix}${name}`, '(given)', `it is for the whole server: give it in tls[0]`);
  return {
    certificates: parts.map(({ prefix, certificate }) => ({ prefix, options: certificate })),
    prefix: 'tls[0].',
    rules: parts[0]!.rules,
  };
}

/** What `sni` has returned. */
export function readCertificateOptions(prefix: string, given: unknown): TlsCertificateOptions {
  return copyOf(prefix, given, CERTIFICATE_NAMES) as TlsCertificateOptions;
}

function copyOf(prefix: string, given: unknown, names: readonly string[]): TlsOptions {
  if (typeof given === 'object' && given !== null)
    for (const [name, ours] of Object.entries(OTHER_NAMES))
      if (Object.hasOwn(given, name))
        throw new OptionError(`${prefix}${name}`, '(given)', `here it is ${ours}`);
  return snapshot<TlsOptions>(prefix, given, names);
}

function split(options: TlsOptions): { certificate: TlsCertificateOptions; rules: TlsRules } {
  const { cert, key, passphrase, serverName, ocsp, ...rules } = options;
  const certificate = { cert, key, passphrase, serverName, ocsp };
  const given = Object.entries(certificate).filter(([, value]) => value !== undefined);
  return { certificate: Object.fromEntries(given) as unknown as TlsCertificateOptions, rules };
}
