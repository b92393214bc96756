/**
 * Which context a client's name leads to: of the certificates that were given, of one that is found when it is first asked for,
 * or the default. Replaced as a whole; connections that stand keep theirs.
 */
import { getRandomValues } from 'node:crypto';
import { SSL_VERIFY_FAIL_IF_NO_PEER_CERT, SSL_VERIFY_NONE, SSL_VERIFY_PEER } from '../../sys/abi/openssl.ts';
import type { OpenSsl } from '../../sys/openssl.ts';
import type { EngineTls } from '../engine.ts';
import { CheckedOpenSsl } from './checked-openssl.ts';
import type { ContextChooser, Handshake } from './handshake.ts';
import { HandshakeCallbacks } from './handshake-callbacks.ts';
import { LateNames } from './late-names.ts';
import type { SecureConnection } from './secure-connection.ts';
import { SecureReader } from './secure-reader.ts';
import { certificateGroups, ServerNames } from './server-names.ts';
import { TicketKeys } from './ticket-keys.ts';
import { TlsContext } from './tls-context.ts';
import { type EngineTlsOptions, TICKET_KEY_BYTES } from './tls-options.ts';

export class ServerContexts implements ContextChooser, EngineTls {
  readonly callbacks: HandshakeCallbacks;
  readonly #checked: CheckedOpenSsl;
  readonly #secureReader: SecureReader;
  readonly #keys: TicketKeys;
  readonly #late: LateNames<TlsContext>;
  #options: EngineTlsOptions;
  #contexts: readonly TlsContext[] = [];
  #isReleased = false;
  #names = new ServerNames<TlsContext>();

  /** @throws UnavailableError where no OpenSSL of servers can be called, or it refuses what is given */
  constructor(ssl: OpenSsl, options: EngineTlsOptions, onError: (error: Error) => void) {
    const checked = new CheckedOpenSsl(ssl);
    this.#checked = checked;
    this.#secureReader = new SecureReader(checked);
    this.#options = options;
    this.#keys = new TicketKeys(ssl, checked.server);
    this.#keys.set(options.ticketKeys ?? [getRandomValues(new Uint8Array(TICKET_KEY_BYTES))]);
    this.callbacks = new HandshakeCallbacks(checked, options.alpn, this.#keys, onError);
    this.callbacks.chooser = this;
    this.#late = new LateNames({
      find: async (name) => this.#options.findCertificate?.(name),
      make: (certificate) => new TlsContext(this.#checked, [certificate], this.#options, this.callbacks),
      drop: (context) => context.release(),
      onError,
    });
    try {
      this.replace(options);
    } catch (error) {
      this.release();
      throw error;
    }
  }

  get first(): TlsContext {
    return this.#contexts[0]!;
  }

  /** What a handshake has come to. */
  secureOf(ssl: number, handshake: Handshake | undefined): SecureConnection {
    return this.#secureReader.read(ssl, handshake!, this.#asksClients);
  }

  /** Whether clients are asked for a certificate. */
  get #asksClients(): boolean {
    return (this.#options.clients ?? 'none') !== 'none';
  }

  get verifyMode(): number {
    const { clients = 'none' } = this.#options;
    if (clients === 'none') return SSL_VERIFY_NONE;
    return clients === 'ask' ? SSL_VERIFY_PEER : SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  }

  get verifyCallback(): number {
    return this.#options.clients === 'ask' ? this.callbacks.acceptAnyClient : 0;
  }

  choose(serverName: string | undefined): TlsContext | undefined {
    if (serverName === undefined) return this.first;
    const given = this.#names.find(serverName);
    if (given !== undefined) return given;
    if (this.#options.findCertificate === undefined) return this.first;
    const known = this.#late.known(serverName);
    return known === undefined ? undefined : (known.context ?? this.first);
  }

  /** Never rejects. @returns whether `choose` now knows */
  ask(serverName: string): Promise<boolean> {
    return this.#late.ask(serverName);
  }

  replace(options: EngineTlsOptions): void {
    if (this.#isReleased) return;
    const contexts: TlsContext[] = [];
    const names = new ServerNames<TlsContext>();
    try {
      for (const group of certificateGroups(options.certificates)) {
        const context = new TlsContext(this.#checked, group.certificates, options, this.callbacks);
        contexts.push(context);
        names.add(group.names, context);
      }
    } catch (error) {
      for (const context of contexts) context.release();
      throw error;
    }
    const old = this.#contexts;
    this.#options = options;
    this.#contexts = contexts;
    this.#names = names;
    this.#late.clear();
    for (const context of old) context.release();
    if (options.ticketKeys !== undefined) this.setTicketKeys(options.ticketKeys);
  }

  setTicketKeys(keys: readonly Uint8Array[]): void {
    if (!this.#isReleased) this.#keys.set(keys);
  }

  /** No connection is left. */
  release(): void {
    this.#isReleased = true;
    this.#late.close();
    for (const context of this.#contexts) context.release();
    this.#contexts = [];
    this.callbacks.release();
    this.#keys.release();
  }
}
