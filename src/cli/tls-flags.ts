/** The flags of TLS: which files there are, which belongs to which, and what clients must show. What they hold is read by the server. */
import { readFileSync, statSync } from 'node:fs';
import type { ServeOptions } from '../server/options.ts';
import type { TlsOptions } from '../server/tls-options.ts';
import type { FlagTable, FlagValues } from './arguments.ts';
import { CommandError, UsageError } from './failure.ts';

const TLS = 'HTTPS';

// biome-ignore format: one flag a line reads as the table that it is
export const TLS_FLAGS = {
  'tls-cert': { kind: 'list', metavar: 'FILE', group: TLS, help: 'certificate chain (PEM): serve HTTPS; several times for several names, each with its key' },
  'tls-key': { kind: 'list', metavar: 'FILE', group: TLS, help: 'private key (PEM) of the certificate' },
  'tls-passphrase-file': { kind: 'text', metavar: 'FILE', group: TLS, help: 'passphrase of encrypted keys: the first line of FILE' },
  'tls-ocsp': { kind: 'list', metavar: 'FILE', group: TLS, help: 'answer of OCSP (DER) about the certificate, to be stapled; in the order of the certificates' },
  'tls-min-version': { kind: 'choice', metavar: 'VERSION', choices: ['1.2', '1.3'], defaultText: '1.2', group: TLS, help: 'the oldest that is spoken' },
  'tls-max-version': { kind: 'choice', metavar: 'VERSION', choices: ['1.2', '1.3'], defaultText: '1.3', group: TLS, help: 'the newest that is spoken' },
  'tls-ciphers': { kind: 'text', metavar: 'NAMES', defaultText: 'Mozilla intermediate', group: TLS, help: 'ciphers of TLS 1.2 and 1.3, by colons' },
  'tls-groups': { kind: 'text', metavar: 'NAMES', defaultText: 'X25519MLKEM768 where it is to be had, X25519, P-256, P-384', group: TLS, help: 'for the key exchange, the better first, by colons' },
  'tls-client-ca': { kind: 'list', metavar: 'FILE', group: TLS, help: 'let in only clients with a certificate of these authorities (PEM); several times for several' },
  'tls-client-crl': { kind: 'list', metavar: 'FILE', group: TLS, help: 'what the authorities of clients have revoked (PEM)' },
  'tls-client': { kind: 'choice', metavar: 'HOW', choices: ['require', 'request'], defaultText: 'require', group: TLS, help: 'with request, clients without a good certificate are let in too, and the handler decides' },
} as const satisfies FlagTable;

type TlsFlags = FlagValues<typeof TLS_FLAGS>;

/** @throws UsageError, CommandError for a file that cannot be read */
export function tlsOptions(values: TlsFlags): Pick<ServeOptions, 'tls'> {
  const { 'tls-cert': certs = [], 'tls-key': keys = [], 'tls-ocsp': staples = [] } = values;
  if (certs.length === 0 && keys.length === 0) {
    for (const name of Object.keys(TLS_FLAGS) as (keyof TlsFlags)[])
      if (values[name] !== undefined)
        throw new UsageError(
          `--${name} is for HTTPS, and --tls-cert and --tls-key are given together or not at all`,
        );
    return {};
  }
  if (certs.length === 0 || keys.length === 0)
    throw new UsageError('--tls-cert and --tls-key are given together or not at all');
  if (certs.length !== keys.length)
    throw new UsageError(
      `--tls-cert is given ${times(certs.length)} and --tls-key ${times(keys.length)}: each certificate has its key, in the same order`,
    );
  if (staples.length > certs.length)
    throw new UsageError('--tls-ocsp is given more often than --tls-cert: each is about one certificate');
  const passphrase = passphraseOf(values['tls-passphrase-file']);
  const [first, ...others] = certs.map((cert, index) => ({
    cert: pemOf('--tls-cert', cert),
    key: pemOf('--tls-key', keys[index]!),
    ...passphrase,
    ...(staples[index] === undefined ? {} : { ocsp: staples[index] }),
  }));
  const rules = rulesOf(values);
  return { tls: others.length === 0 ? { ...first!, ...rules } : [{ ...first!, ...rules }, ...others] };
}

function rulesOf(values: TlsFlags): Omit<TlsOptions, 'cert' | 'key'> {
  const authorities = values['tls-client-ca'];
  const revocations = values['tls-client-crl'];
  if (authorities === undefined)
    for (const name of ['tls-client', 'tls-client-crl'] as const)
      if (values[name] !== undefined)
        throw new UsageError(`--${name} is about certificates of clients: give --tls-client-ca too`);
  const { 'tls-min-version': min, 'tls-max-version': max } = values;
  const { 'tls-ciphers': ciphers, 'tls-groups': groups } = values;
  return {
    ...(min === undefined ? {} : { minVersion: `TLSv${min}` as const }),
    ...(max === undefined ? {} : { maxVersion: `TLSv${max}` as const }),
    ...(ciphers === undefined ? {} : { ciphers }),
    ...(groups === undefined ? {} : { groups }),
    ...(authorities === undefined
      ? {}
      : {
          requestCert: true,
          rejectUnauthorized: values['tls-client'] !== 'request',
          ca: authorities.map((file) => pemOf('--tls-client-ca', file)),
          ...(revocations === undefined
            ? {}
            : { crl: revocations.map((file) => pemOf('--tls-client-crl', file)) }),
        }),
  };
}

function passphraseOf(file: string | undefined): { passphrase?: string } {
  if (file === undefined) return {};
  const [passphrase = ''] = readFile('--tls-passphrase-file', file).split(/\r?\n/);
  return { passphrase };
}

/** The path, which the server reads anew when it changes; of a pipe what it holds, which can be read once. */
function pemOf(flag: string, file: string): string {
  const text = readFile(flag, file);
  if (!text.includes('-----BEGIN ')) throw new CommandError(`${flag}: ${file} is no PEM file`);
  return statSync(file).isFile() ? file : text;
}

function readFile(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(`${flag}: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
