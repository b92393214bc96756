/**
 * TLS for the node engine: servers of node:tls with the options that all engines take, which can be replaced while they
 * listen. A connection is accepted, as the layer above sees it, when its handshake is complete; until then handshakes.ts
 * looks after it.
 */
import { X509Certificate } from 'node:crypto';
import type { Server, ServerOpts, Socket } from 'node:net';
import {
  createSecureContext,
  createServer,
  type SecureContext,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import { UnavailableError } from '../../base/errors.ts';
import { LateNames } from '../tls/late-names.ts';
import { SecureConnection } from '../tls/secure-connection.ts';
import { type CertificateGroup, certificateGroups, ServerNames, serverNameOf } from '../tls/server-names.ts';
import type { EngineTlsOptions } from '../tls/tls-options.ts';
import { resetTls } from './socket-endings.ts';
import { nodeSecureOptions, nodeServerOptions, nodeTicketKeys, openTickets } from './tls-options.ts';

/** Node's own is begun anew by each byte: it would let a handshake drip for ever. Ours is absolute. */
const HANDSHAKE_TIMEOUT_MS = 2 ** 31 - 1;
/** Answers of OCSP about certificates that were found late. */
const LATE_STAPLES_MAX = 1000;

type AnswerName = (error: Error | null, context?: SecureContext) => void;

/** What tls.Server keeps, undocumented, the same in all releases from 20 to 26: tests hold that. */
interface ServerInside {
  requestCert: boolean;
  rejectUnauthorized: boolean;
}

export class NodeTls {
  readonly resetSocket = resetTls;
  readonly #servers = new Set<TlsServer>();
  readonly #late: LateNames<SecureContext>;
  #options!: EngineTlsOptions;
  #names!: ServerNames<SecureContext | undefined>;
  /** Answers of OCSP by what each certificate is in DER. */
  #staples = new Map<string, Uint8Array>();
  #lateStaples = new Map<string, Uint8Array>();
  #ticketKeys: readonly Uint8Array[] | undefined;

  /** @throws UnavailableError where OpenSSL refuses what is given */
  constructor(options: EngineTlsOptions, onError: (error: Error) => void) {
    this.#late = new LateNames({
      find: async (name) => this.#options.findCertificate?.(name),
      make: (certificate) => {
        const { cert, ocsp, keyType } = certificate;
        needOneKeyType([...this.#options.certificates.map((given) => given.keyType), keyType]);
        if (this.#lateStaples.size >= LATE_STAPLES_MAX) this.#lateStaples.clear();
        if (ocsp !== undefined) this.#lateStaples.set(idOf(cert), ocsp);
        return createSecureContext(nodeSecureOptions(this.#options, [certificate]));
      },
      onError,
    });
    this.#use(options);
  }

  readonly makeServer = (options: ServerOpts): Server => {
    const server = createServer({
      ...nodeServerOptions(this.#options),
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      SNICallback: (name: string, answer: AnswerName) => this.#choose(name, answer),
      ...options,
    });
    this.#servers.add(server);
    server.once('close', () => this.#servers.delete(server));
    server.on(
      'OCSPRequest',
      (certificate: Buffer, _issuer: Buffer, answer: (e: null, ocsp: Buffer | null) => void) =>
        answer(null, this.#stapleFor(certificate)),
    );
    if (this.#ticketKeys !== undefined) openTickets(server, this.#ticketKeys);
    return server;
  };

  /** For connections that begin from now on. @throws UnavailableError where OpenSSL refuses it; then all stays as it was */
  replace(options: EngineTlsOptions): void {
    this.#use(options);
    for (const server of this.#servers) {
      const settings = nodeServerOptions(options);
      server.setSecureContext(settings);
      const inside = server as unknown as ServerInside;
      inside.requestCert = settings.requestCert === true;
      inside.rejectUnauthorized = settings.rejectUnauthorized !== false;
    }
    if (this.#ticketKeys !== undefined) this.setTicketKeys(this.#ticketKeys);
  }

  /** @param keys the newest first */
  setTicketKeys(keys: readonly Uint8Array[]): void {
    this.#ticketKeys = keys;
    for (const server of this.#servers) {
      server.setTicketKeys(nodeTicketKeys(keys[0]!));
      openTickets(server, keys);
    }
  }

  /** What the handshake of a socket has agreed on. */
  secureOf(accepted: Socket): SecureConnection {
    const socket = accepted as TLSSocket;
    const { servername, alpnProtocol } = socket as unknown as { servername: unknown; alpnProtocol: unknown };
    const asks = (this.#options.clients ?? 'none') !== 'none';
    const peerCertificate = asks ? socket.getPeerX509Certificate()?.raw : undefined;
    return new SecureConnection({
      version: socket.getProtocol() === 'TLSv1.2' ? 'TLSv1.2' : 'TLSv1.3',
      cipher: socket.getCipher()?.name ?? '',
      serverName: typeof servername === 'string' ? serverNameOf(servername) : undefined,
      alpnProtocol: typeof alpnProtocol === 'string' && alpnProtocol !== '' ? alpnProtocol : undefined,
      resumed: socket.isSessionReused(),
      peerCertificate,
      authorizationError: socket.authorized ? undefined : String(socket.authorizationError ?? 'UNSPECIFIED'),
    });
  }

  #use(options: EngineTlsOptions): void {
    const names = new ServerNames<SecureContext | undefined>();
    const staples = new Map<string, Uint8Array>();
    const groups = certificateGroups(options.certificates);
    if (groups.length > 1) needOneKeyType(options.certificates.map(({ keyType }) => keyType));
    try {
      groups.forEach((group, index) => {
        const context = createSecureContext(nodeSecureOptions(options, group.certificates));
        // The first is the server's own.
        names.add(group.names, index === 0 ? undefined : context);
        addStaple(staples, group);
      });
    } catch (cause) {
      throw new UnavailableError(`OpenSSL refuses certificate or rules: ${(cause as Error).message}`, {
        cause,
      });
    }
    this.#options = options;
    this.#names = names;
    this.#staples = staples;
    this.#lateStaples = new Map();
    this.#late.clear();
    this.#ticketKeys = options.ticketKeys ?? this.#ticketKeys;
  }

  #choose(text: string, answer: AnswerName): void {
    const name = serverNameOf(text);
    if (name === undefined || this.#names.has(name) || this.#options.findCertificate === undefined) {
      answer(null, name === undefined ? undefined : this.#names.find(name));
      return;
    }
    const known = this.#late.known(name);
    if (known !== undefined) {
      answer(null, known.context);
      return;
    }
    void this.#late.ask(name).then((isKnown) => {
      if (isKnown) this.#choose(name, answer);
      else answer(new Error(`no certificate for ${name}`));
    });
  }

  #stapleFor(certificate: Buffer | null): Buffer | null {
    if (certificate === null) return null;
    const id = certificate.toString('base64');
    const staple = this.#staples.get(id) ?? this.#lateStaples.get(id);
    return staple === undefined ? null : Buffer.from(staple);
  }
}

/**
 * What node:tls does for a name puts its certificate beside the default's, of which a client takes what it likes better: it would
 * be sent that of another name.
 */
function needOneKeyType(keyTypes: readonly string[]): void {
  const kinds = [...new Set(keyTypes)].sort();
  if (kinds.length > 1)
    throw new UnavailableError(
      `the node engine cannot serve several names with several kinds of keys (${kinds.join(', ')}); the engines iouring and epoll can`,
    );
}

/** Of two certificates for the same names it is not told which one the client has taken: none is answered for. */
function addStaple(staples: Map<string, Uint8Array>, { certificates }: CertificateGroup): void {
  const [only, ...others] = certificates;
  if (only?.ocsp !== undefined && others.length === 0) staples.set(idOf(only.cert), only.ocsp);
}

function idOf(pem: string): string {
  return new X509Certificate(pem).raw.toString('base64');
}
