/**
 * A connection to a NATS server, by its own client library, which is loaded when the first is made so that nobody else pays for
 * it. It reconnects by itself, for ever; what was under way meanwhile is lost, and its owner is told.
 */
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions, errors, NatsConnection } from '@nats-io/transport-node';
import type { NatsAddress } from './nats-url.ts';

const CONNECT_TIMEOUT_MS = 5000;
/** A server that has vanished without a word is noticed after three of these. */
const PING_MS = 10_000;
const BACKOFF_MS_FIRST = 100;
/** Through the first minute: an agent must be back before its silence counts. */
const BACKOFF_MS_MAX = 1000;
const BACKOFF_MS_LATER = 10_000;
const ATTEMPTS_QUICK = 60;

/** The NATS server cannot be used: not there, not NATS, or not for us. */
export class NatsError extends Error {
  override readonly name = 'NatsError';
}

interface NatsOptions {
  /** The name under which the server's own tools show this connection. */
  readonly name: string;
  /** A file of NATS credentials (JWT and key). */
  readonly credentialsFile?: string | undefined;
  /** What we publish does not come back to us. @default false */
  readonly noEcho?: boolean;
}

/** What becomes of a connection. */
interface NatsEvents {
  lost(): void;
  back(): void;
  failed(message: string): void;
}

export type { NatsConnection } from '@nats-io/transport-node';
export type NatsErrors = typeof errors;

/** Connects, and reconnects. @throws NatsError within a few seconds, when there is no use in going on */
export async function openNats(
  address: NatsAddress,
  options: NatsOptions,
): Promise<{ connection: NatsConnection; errors: NatsErrors; follow(events: NatsEvents): void }> {
  const library = await import('@nats-io/transport-node');
  const backoff = new Backoff();
  const authentication: Partial<ConnectionOptions> = {
    ...(address.user === undefined ? {} : { user: address.user, pass: address.password ?? '' }),
    ...(address.token === undefined ? {} : { token: address.token }),
    ...(address.isTls ? { tls: {} } : {}),
  };
  if (options.credentialsFile !== undefined)
    authentication.authenticator = library.credsAuthenticator(await readCredentials(options.credentialsFile));
  try {
    const connection = await library.connect({
      ...authentication,
      servers: [...address.servers],
      name: options.name,
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: PING_MS,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => backoff.delayMs,
      noAsyncTraces: true,
      noEcho: options.noEcho === true,
    });
    return {
      connection,
      errors: library.errors,
      follow: (events) => void follow(connection, backoff, events),
    };
  } catch (error) {
    throw new NatsError(connectFailure(address.shown, error));
  }
}

async function follow(connection: NatsConnection, backoff: Backoff, events: NatsEvents): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type === 'reconnecting') backoff.attempted();
    else if (status.type === 'reconnect') backoff.reset();
    if (status.type === 'disconnect') events.lost();
    else if (status.type === 'reconnect') events.back();
    else if (status.type === 'error') events.failed(status.error.message);
  }
}

async function readCredentials(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new NatsError(`credentials ${file}: cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function connectFailure(shown: string, error: unknown): string {
  const { name, message, code, cause } = (error ?? {}) as NodeJS.ErrnoException; // any of the library's, or of node:net
  const system = code ?? (cause as NodeJS.ErrnoException | undefined)?.code;
  if (name === 'AuthorizationError' || name === 'UserAuthenticationExpiredError')
    return `${shown}: the NATS server does not let us in (${message}); credentials go into the URL: nats://user:password@host`;
  if (system === 'ECONNREFUSED' || message === 'connection refused')
    return `${shown}: no NATS server listens there (ECONNREFUSED); start one with: nats-server`;
  if (system === 'ENOTFOUND' || system === 'EAI_AGAIN')
    return `${shown}: the name cannot be looked up (${system})`;
  if (name === 'TimeoutError')
    return `${shown}: no NATS server answers there within ${CONNECT_TIMEOUT_MS / 1000} s`;
  if (message === 'unexpected response from server') return `${shown}: what listens there is no NATS server`;
  return `${shown}: cannot be connected to (${message ?? 'the connection ended'})`;
}

/** How long to wait before the next attempt to reconnect. The library asks several times for each. */
class Backoff {
  #attempts = 0;
  delayMs = BACKOFF_MS_FIRST;

  attempted(): void {
    this.#attempts++;
    const max = this.#attempts < ATTEMPTS_QUICK ? BACKOFF_MS_MAX : BACKOFF_MS_LATER;
    // Up to half as much again by chance, so that agents do not all come at once.
    this.delayMs =
      Math.min(max, BACKOFF_MS_FIRST * 2 ** Math.min(this.#attempts, 16)) * (1 + Math.random() / 2);
  }

  reset(): void {
    this.#attempts = 0;
    this.delayMs = BACKOFF_MS_FIRST;
  }
}

export function endText(error: unknown): string {
  return `the connection to NATS has ended${error instanceof Error ? ` (${error.message})` : ''}`;
}
