/** What is the same for all certificates of a server: versions, ciphers, groups, and what clients must show. Checked with the OpenSSL of this Node. */
import { OptionError } from '../base/errors.ts';
import { checkBoolean, checkChoice, checkFunction, thrown } from '../base/option-checks.ts';
import type { EngineTlsOptions } from '../engine/tls/tls-options.ts';
import type { TlsFiles } from './tls-files.ts';
import type { TlsRules } from './tls-options.ts';

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

type EngineRules = Pick<
  EngineTlsOptions,
  'minVersion' | 'maxVersion' | 'ciphers' | 'cipherSuites' | 'groups' | 'clients' | 'ca' | 'crl'
>;

/** @param prefix of the names in errors, as `tls.` @throws OptionError */
export function readRules(prefix: string, rules: TlsRules, files: TlsFiles): EngineRules {
  const { minVersion, maxVersion, groups } = rules;
  for (const name of ['minVersion', 'maxVersion'] as const) {
    const value: unknown = rules[name];
    if (value === 'TLSv1' || value === 'TLSv1.0' || value === 'TLSv1.1')
      throw new OptionError(
        `${prefix}${name}`,
        value,
        "'TLSv1.2' or 'TLSv1.3': those before are broken (RFC 8996)",
      );
    checkChoice(`${prefix}${name}`, value, VERSIONS);
  }
  if (minVersion === 'TLSv1.3' && maxVersion === 'TLSv1.2')
    throw new OptionError(
      `${prefix}maxVersion`,
      maxVersion,
      `no version is left above \`${prefix}minVersion\``,
    );
  checkFunction(`${prefix}sni`, rules.sni);
  return {
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...readCiphers(`${prefix}ciphers`, rules.ciphers),
    ...(groups === undefined ? {} : { groups: readGroups(`${prefix}groups`, groups) }),
    ...readClients(prefix, rules, files),
  };
}

/** Suites of TLS 1.3 begin with TLS_, and no others do; OpenSSL has a list for each. */
function readCiphers(option: string, given: unknown): Pick<EngineRules, 'ciphers' | 'cipherSuites'> {
  if (given === undefined) return {};
  const names = listOf(option, given, 'names of ciphers, by colons or as a list');
  // What begins otherwise takes away, or sorts.
  for (const name of names.filter((each) => /^\w/.test(each)))
    check(option, name, { ciphers: name }, 'no cipher of');
  const suites = names.filter((name) => name.startsWith('TLS_'));
  const others = names.filter((name) => !name.startsWith('TLS_'));
  if (others.length > 0)
    check(option, others.join(':'), { ciphers: others.join(':') }, 'nothing is left of it with');
  return {
    ...(others.length === 0 ? {} : { ciphers: others.join(':') }),
    ...(suites.length === 0 ? {} : { cipherSuites: suites.join(':') }),
  };
}

function readGroups(option: string, given: unknown): string {
  const names = listOf(option, given, "names of groups, by colons or as a list, such as 'X25519:P-256'");
  for (const name of names) check(option, name, { ecdhCurve: name }, 'no group of');
  return names.join(':');
}

function listOf(option: string, given: unknown, allowed: string): string[] {
  const list: unknown[] = typeof given === 'string' ? given.split(':') : Array.isArray(given) ? given : [];
  const names = list.filter((name) => typeof name === 'string' && /^[\w!+@.=?*/-]+$/.test(name)) as string[];
  if (names.length === 0 || names.length !== list.length) throw new OptionError(option, given, allowed);
  return names;
}

function check(option: string, shown: string, options: object, why: string): void {
  try {
    process.getBuiltinModule('node:tls').createSecureContext(options);
  } catch {
    throw new OptionError(option, shown, `${why} OpenSSL ${process.versions.openssl}`);
  }
}

function readClients(
  prefix: string,
  { requestCert, rejectUnauthorized, ca, crl }: TlsRules,
  files: TlsFiles,
): Pick<EngineRules, 'clients' | 'ca' | 'crl'> {
  checkBoolean(`${prefix}requestCert`, requestCert);
  checkBoolean(`${prefix}rejectUnauthorized`, rejectUnauthorized);
  if (requestCert !== true) {
    for (const [name, value] of Object.entries({ ca, crl, rejectUnauthorized }))
      if (value !== undefined && value !== false)
        throw new OptionError(
          `${prefix}${name}`,
          '(given)',
          `it is about certificates of clients, which are asked for with \`${prefix}requestCert: true\`; those between yours and a root go into \`cert\`, behind yours`,
        );
    return {};
  }
  const clients = rejectUnauthorized === false ? 'ask' : 'require';
  if (ca === undefined && clients === 'require')
    throw new OptionError(
      `${prefix}ca`,
      ca,
      'PEM or paths: with `requestCert` it says whose certificates of clients are trusted (or `rejectUnauthorized: false`, and the handler decides)',
    );
  if (ca === undefined && crl !== undefined)
    throw new OptionError(`${prefix}crl`, '(given)', `it goes with \`${prefix}ca\``);
  const authorities = ca === undefined ? undefined : files.pems(`${prefix}ca`, ca);
  const revocations = crl === undefined ? undefined : files.pems(`${prefix}crl`, crl);
  checkPem(`${prefix}ca`, authorities, 'CERTIFICATE', (each) => ({ ca: each }));
  checkPem(`${prefix}crl`, revocations, 'X509 CRL', (each) => ({ ca: authorities, crl: each }));
  return {
    clients,
    ...(authorities === undefined ? {} : { ca: authorities }),
    ...(revocations === undefined ? {} : { crl: revocations }),
  };
}

/** Each block by itself: Node and OpenSSL leave out behind the first that they cannot read. */
function checkPem(
  option: string,
  pem: string | undefined,
  kind: 'CERTIFICATE' | 'X509 CRL',
  options: (block: string) => object,
): void {
  if (pem === undefined) return;
  const blocks = pem.match(new RegExp(`-----BEGIN ${kind}-----[\\s\\S]*?-----END ${kind}-----`, 'g'));
  if (blocks === null) throw new OptionError(option, '(PEM)', `it holds no ${kind}`);
  for (const block of blocks) {
    try {
      process.getBuiltinModule('node:tls').createSecureContext(options(block));
    } catch (error) {
      throw new OptionError(option, '(PEM)', `it holds what is no ${kind}: ${thrown(error)}`);
    }
  }
}
