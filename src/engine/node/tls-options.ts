/** What every engine takes for TLS, in the words of node:tls. */
import { getRandomValues } from 'node:crypto';
import {
  createSecureContext,
  type SecureContextOptions,
  type TlsOptions,
  type Server as TlsServer,
} from 'node:tls';
import { certificateGroups } from '../tls/server-names.ts';
import { sessionIdContext } from '../tls/session-id.ts';
import {
  DEFAULT_CIPHER_SUITES,
  DEFAULT_CIPHERS,
  DEFAULT_GROUPS,
  type EngineTlsOptions,
  SESSION_SECONDS,
  type TlsCertificate,
} from '../tls/tls-options.ts';

/** A name and two keys of 16 bytes: what `tls.createServer` takes of a ticket's keys. */
const TICKET_KEY_BYTES = 48;
const PART_BYTES = 16;
/** What a callback for tickets answers: SSL_CTX_set_tlsext_ticket_key_cb(3). */
const NOT_OURS = 0;
const MADE = 1;
const GOOD_BUT_RENEW = 2;

export function nodeTicketKeys(key: Uint8Array): Buffer {
  return Buffer.from(key.subarray(0, TICKET_KEY_BYTES));
}

/** For a context of certificates for the same names. */
export function nodeSecureOptions(
  options: EngineTlsOptions,
  certificates: readonly TlsCertificate[],
): SecureContextOptions {
  const {
    minVersion = 'TLSv1.2',
    maxVersion = 'TLSv1.3',
    ciphers = DEFAULT_CIPHERS,
    cipherSuites = DEFAULT_CIPHER_SUITES,
    groups,
    clients = 'none',
    ca,
    crl,
  } = options;
  return {
    cert: certificates.map(({ cert }) => cert),
    key: certificates.map(({ key: pem, passphrase }) =>
      passphrase === undefined ? { pem } : { pem, passphrase },
    ),
    minVersion,
    maxVersion,
    ciphers: `${cipherSuites}:${ciphers}`,
    ecdhCurve: groups ?? defaultGroups(),
    honorCipherOrder: false,
    sessionTimeout: SESSION_SECONDS,
    // Text, and at most 32 bytes of it.
    sessionIdContext: Buffer.from(sessionIdContext(clients, ca ?? '', crl ?? ''))
      .toString('hex')
      .slice(0, 32),
    // Without a list Node trusts all that browsers trust.
    ...(clients === 'none' ? {} : { ca: ca === undefined ? [] : [ca] }),
    ...(crl === undefined
      ? {}
      : { crl: crl.match(/-----BEGIN X509 CRL-----[\s\S]*?-----END X509 CRL-----/g) ?? [] }),
  };
}

export function nodeServerOptions(options: EngineTlsOptions): TlsOptions {
  const { clients = 'none', alpn, ticketKeys } = options;
  const [first] = certificateGroups(options.certificates);
  return {
    ...nodeSecureOptions(options, first!.certificates),
    ALPNProtocols: [...alpn],
    requestCert: clients !== 'none',
    rejectUnauthorized: clients === 'require',
    ...(ticketKeys === undefined ? {} : { ticketKeys: nodeTicketKeys(ticketKeys[0]!) }),
  };
}

function defaultGroups(): string {
  const [better, others] = DEFAULT_GROUPS;
  try {
    createSecureContext({ ecdhCurve: better });
    return better;
  } catch {
    return others;
  }
}

/** What node:tls calls for each ticket, undocumented. It ends the process where the answer is not as it likes: a place for everything. */
interface TicketContext {
  onticketkeycallback?: (name: Buffer, iv: Buffer, encrypts: boolean) => unknown[];
  enableTicketKeyCallback?: () => void;
  readonly constructor: Readonly<Record<string, unknown>>;
}

/** The same in all releases from 20 to this one. */
const NODE_MAJOR_MAX = 26;
/** Where each part of an answer stands. */
const PLACES = ['Return', 'HMAC', 'AES', 'Name', 'IV'].map((part) => `kTicketKey${part}Index`);

function takesTicketKeys(context: TicketContext | undefined): context is Required<TicketContext> {
  return (
    typeof context?.enableTicketKeyCallback === 'function' &&
    Number.parseInt(process.versions.node, 10) <= NODE_MAJOR_MAX &&
    PLACES.every((name, place) => context.constructor[name] === place)
  );
}

/**
 * Lets a server open tickets of older keys too. Where a release of Node cannot, a new key ends what was made with the old one, and
 * its clients make a full handshake.
 */
export function openTickets(server: TlsServer, keys: readonly Uint8Array[]): void {
  const { context } = (server as { _sharedCreds?: { context?: TicketContext } })._sharedCreds ?? {};
  if (!takesTicketKeys(context)) return;
  const parts = keys.map((key) => {
    const bytes = nodeTicketKeys(key);
    const part = (index: number) => bytes.subarray(index * PART_BYTES, (index + 1) * PART_BYTES);
    return { name: part(0), hmac: part(1), aes: part(2) };
  });
  context.onticketkeycallback = (name, _iv, encrypts) => {
    const key = encrypts ? parts[0] : parts.find((each) => each.name.equals(name));
    const { hmac, aes } = key ?? parts[0]!;
    const iv = Buffer.from(getRandomValues(new Uint8Array(PART_BYTES)));
    const answer = key === undefined ? NOT_OURS : encrypts ? MADE : GOOD_BUT_RENEW;
    return [answer, hmac, aes, parts[0]!.name, iv];
  };
  context.enableTicketKeyCallback();
}
