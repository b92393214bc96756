/**
 * TLS on connections that the node engine makes: a TLS socket over the TCP one. Owns the context and the session that each
 * server gave last; whether a connection stands, or has failed, it tells the connection.
 */
import { isIP, type Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { ConnectTarget } from '../engine.ts';
import { SecureConnection } from '../tls/secure-connection.ts';
import type { EngineTlsClientOptions, TlsVersion } from '../tls/tls-options.ts';
import type { NodeConnection } from './connection.ts';
import type { Connector } from './options.ts';
import { resetTls } from './socket-endings.ts';
import { onConnect } from './socket-events.ts';

/** A session is kept for so many servers; a load has one or a few. */
const SESSIONS_MAX = 1000;

export class TlsConnector implements Connector {
  readonly reset = resetTls;
  readonly #options: EngineTlsClientOptions;
  readonly #context: SecureContext;
  readonly #sessions = new Map<string, Buffer>();

  constructor(options: EngineTlsClientOptions) {
    this.#options = options;
    const { ca, cert, key } = options;
    this.#context = createSecureContext({
      ca: [...ca],
      minVersion: 'TLSv1.2',
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    });
  }

  over(tcp: Socket, target: ConnectTarget): TLSSocket {
    const name = target.serverName ?? '';
    const key = 'unix' in target ? name : `${name}:${target.port}`;
    const session = this.#sessions.get(key);
    const socket = connect({
      socket: tcp,
      // An address is no name for SNI (RFC 6066 §3), but is checked.
      host: name,
      servername: isIP(name) === 0 ? name : '',
      secureContext: this.#context,
      rejectUnauthorized: this.#options.insecure !== true,
      ALPNProtocols: [...this.#options.alpn],
      ...(session === undefined ? {} : { session }),
    });
    if (this.#options.resume)
      socket.on('session', (given) => {
        if (this.#sessions.has(key) || this.#sessions.size < SESSIONS_MAX) this.#sessions.set(key, given);
      });
    return socket;
  }

  watch(socket: Socket, tcp: Socket, conn: NodeConnection): void {
    const tls = socket as TLSSocket; // `over` has made it
    let beganMs: number | undefined;
    tcp.once('connect', () => {
      beganMs = performance.now();
    });
    tcp.once('error', (error) => socket.destroy(error));
    // Before its handshake is complete the engine knows of no failure but of TCP's.
    socket.prependListener('error', (error: NodeJS.ErrnoException) => {
      if (beganMs !== undefined && conn.isConnecting) conn.failed('tls-error', error.code ?? '');
    });
    socket.once('secureConnect', () => {
      conn.secure = new SecureConnection({
        version: tls.getProtocol() as TlsVersion, // `minVersion` allows no other
        cipher: tls.getCipher().name,
        serverName: undefined,
        alpnProtocol: tls.alpnProtocol || undefined,
        resumed: tls.isSessionReused(),
        peerCertificate: undefined,
        authorizationError: undefined,
      });
      conn.handshakeMs = performance.now() - (beganMs ?? performance.now());
      onConnect.call(socket);
    });
  }
}
