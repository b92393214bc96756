/** What the flags of a load say of TLS: files read and looked at, before anything is connected to. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { OptionError } from '../base/errors.ts';
import type { LoadPlan, PlannedTls } from '../load/plan/load-plan.ts';
import { UsageError } from './failure.ts';

interface TlsFlags {
  readonly insecure: boolean | undefined;
  readonly cacert: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly 'server-name': string | undefined;
  readonly 'no-resume': boolean | undefined;
  readonly alpn?: boolean | undefined;
}

const NAMES = ['insecure', 'cacert', 'cert', 'key', 'server-name', 'no-resume', 'alpn'] as const;
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
/** Labels as SNI takes them, or an address. RFC 6066 §3 */
const SERVER_NAME = /^[\w.:-]{1,253}$/;

interface ReadTls {
  readonly tls: PlannedTls;
  /** In place of the URL's host. */
  readonly serverName: string | undefined;
}

/** @throws UsageError and OptionError for flags and files that are wrong */
export async function readTlsFlags(flags: TlsFlags): Promise<ReadTls> {
  const { insecure, cacert, cert, key } = flags;
  if ((cert === undefined) !== (key === undefined))
    throw new UsageError('--cert and --key are given together: a certificate and its private key');
  if (insecure === true && cacert !== undefined)
    throw new UsageError('--insecure and --cacert are not given together: nothing would be checked');
  const serverName = flags['server-name'];
  if (serverName !== undefined && !SERVER_NAME.test(serverName))
    throw new OptionError('--server-name', serverName, 'a host name, or an address');
  const own = cert === undefined || key === undefined ? undefined : await readIdentity(cert, key);
  return {
    serverName,
    tls: {
      insecure: insecure === true,
      ca: cacert === undefined ? [] : await readRoots(cacert),
      cert: own?.cert,
      key: own?.key,
      resume: flags['no-resume'] !== true,
    },
  };
}

/** @throws UsageError for flags of TLS where there is none */
export function checkTlsFlags(flags: TlsFlags, plan: LoadPlan): void {
  if (plan.tls !== undefined) return;
  const stray = NAMES.find((name) => flags[name] !== undefined && flags[name] !== false);
  if (stray !== undefined) throw new UsageError(`--${stray} goes with https targets`);
}

async function readRoots(file: string): Promise<string[]> {
  const found = (await readText('--cacert', file)).match(PEM_CERTIFICATE) ?? [];
  if (found.length === 0)
    throw new OptionError('--cacert', file, 'a file with certificates in PEM (BEGIN CERTIFICATE)');
  try {
    for (const pem of found) new X509Certificate(pem);
  } catch (error) {
    throw new OptionError('--cacert', file, `certificates in PEM; one in it is broken (${wordsOf(error)})`);
  }
  return found;
}

async function readIdentity(certFile: string, keyFile: string): Promise<{ cert: string; key: string }> {
  const [cert, key] = await Promise.all([readText('--cert', certFile), readText('--key', keyFile)]);
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(key))
    throw new OptionError('--key', keyFile, 'a key without a passphrase (openssl pkey -in FILE -out PLAIN)');
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new OptionError(
      '--cert',
      certFile,
      `a certificate in PEM, and its key in ${keyFile} (${wordsOf(error)})`,
    );
  }
  return { cert, key };
}

async function readText(flag: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'latin1');
  } catch (error) {
    throw new OptionError(flag, file, `a file that can be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
