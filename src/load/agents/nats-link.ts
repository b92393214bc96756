/**
 * The link over a NATS server, by its own client library, which is loaded when the first link is made so
 * that no other command pays for it. It reconnects by itself; what was under way meanwhile is lost.
 */
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions, errors, NatsConnection } from '@nats-io/transport-node';
import { OptionError } from '../../base/errors.ts';
import { type Link, LinkError, type OnMessage } from './link.ts';

const DEFAULT_PORT = 4222;
const CONNECT_TIMEOUT_MS = 5000;
/** A server that has vanished without a word is noticed after three of these. */
const PING_MS = 10_000;
const BACKOFF_MS_FIRST = 100;
/** Through the first minute: an agent must be back before its silence counts. */
const BACKOFF_MS_MAX = 1000;
const BACKOFF_MS_LATER = 10_000;
const ATTEMPTS_QUICK = 60;

/** The NATS server cannot be used: not there, not NATS, or not for us. */
class NatsError extends Error {
  override readonly name = 'NatsError';
}

interface NatsAddress {
  /** `host:port` of each server of a cluster. */
  readonly servers: readonly string[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly token: string | undefined;
  readonly isTls: boolean;
  /** Without the credentials, for messages. */
  readonly shown: string;
}

interface NatsOptions {
  /** The name under which the server's own tools show this connection. */
  readonly name: string;
  /** A file of NATS credentials (JWT and key). */
  readonly credentialsFile?: string | undefined;
  readonly onState?: (text: string) => void;
}

/**
 * @param text `nats://[user:password@ or token@]host[:port]`, several with commas between for a cluster
 * @throws OptionError
 */
export function parseNatsUrl(option: string, text: string): NatsAddress {
  const urls = text.split(',').map((each) => parseOne(option, each.trim()));
  const [first] = urls;
  const { username, password } = first!; // split always gives one
  const [user, secret] = [decoded(option, username), decoded(option, password)];
  return {
    servers: urls.map(hostOf),
    user: secret === '' ? undefined : user,
    password: secret === '' ? undefined : secret,
    token: secret === '' && user !== '' ? user : undefined,
    isTls: first!.protocol === 'tls:',
    shown: urls.map((url) => `${url.protocol}//${hostOf(url)}`).join(','),
  };
}

function parseOne(option: string, text: string): URL {
  const allowed = 'a NATS server is a URL such as nats://127.0.0.1:4222 or nats://user:password@host';
  const spelled = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `nats://${text}`;
  let url: URL;
  try {
    url = new URL(spelled);
  } catch {
    throw new OptionError(option, withoutSecrets(text), allowed);
  }
  const isPlain = url.pathname === '' || url.pathname === '/';
  if ((url.protocol !== 'nats:' && url.protocol !== 'tls:') || url.hostname === '' || !isPlain || url.search)
    throw new OptionError(option, withoutSecrets(text), allowed);
  return url;
}

function withoutSecrets(text: string): string {
  return text.replace(/\/\/.*@/, '//');
}

function hostOf({ hostname, port }: URL): string {
  return `${hostname}:${port === '' ? DEFAULT_PORT : port}`;
}

function decoded(option: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new OptionError(option, 'credentials', 'a % in them is written as %25');
  }
}

/** @throws NatsError within a few seconds, when there is no use in going on */
export async function connectNats(address: NatsAddress, options: NatsOptions): Promise<Link> {
  const library = await import('@nats-io/transport-node');
  const backoff = new Backoff();
  const authentication: Partial<ConnectionOptions> = {
    ...(address.user === undefined ? {} : { user: address.user, pass: address.password ?? '' }),
    ...(address.token === undefined ? {} : { token: address.token }),
    ...(address.isTls ? { tls: {} } : {}),
  };
  if (options.credentialsFile !== undefined)
    authentication.authenticator = library.credsAuthenticator(await readCredentials(options.credentialsFile));
  let connection: NatsConnection;
  try {
    connection = await library.connect({
      ...authentication,
      servers: [...address.servers],
      name: options.name,
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: PING_MS,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => backoff.delayMs,
      noAsyncTraces: true,
    });
  } catch (error) {
    throw new NatsError(connectFailure(address.shown, error));
  }
  return new NatsLink(connection, library.errors, backoff, options.onState ?? (() => {}));
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

type NatsErrors = typeof errors;

class NatsLink implements Link {
  readonly ended: Promise<Error | undefined>;
  readonly #connection: NatsConnection;
  readonly #errors: NatsErrors;
  #isClosed = false;

  constructor(
    connection: NatsConnection,
    known: NatsErrors,
    backoff: Backoff,
    onState: (text: string) => void,
  ) {
    this.#connection = connection;
    this.#errors = known;
    this.ended = connection
      .closed()
      .then((error) => (this.#isClosed ? undefined : new NatsError(endText(error))));
    void this.#follow(backoff, onState);
  }

  get messageBytesMax(): number {
    // What NATS has by default, while there is no connection to ask.
    return this.#connection.info?.max_payload ?? 1024 * 1024;
  }

  async ask(subject: string, message: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    try {
      return (await this.#connection.request(subject, message, { timeout: Math.max(1, timeoutMs) })).data;
    } catch (error) {
      throw linkError(error, this.#errors);
    }
  }

  askAll(subject: string, message: Uint8Array, onReply: (message: Uint8Array) => void): () => void {
    const inbox = `_INBOX.${crypto.randomUUID()}`;
    try {
      const subscription = this.#connection.subscribe(inbox, {
        callback: (error, { data, headers }) => {
          // A reply without data and with this status is the server's: nobody listens.
          if (error === null && headers?.code !== 503) onReply(data);
        },
      });
      this.#connection.publish(subject, message, { reply: inbox });
      return () => subscription.unsubscribe();
    } catch (error) {
      throw linkError(error, this.#errors);
    }
  }

  listen(subject: string, onMessage: OnMessage): void {
    this.#connection.subscribe(subject, {
      callback: (error, received) => {
        if (error !== null) return;
        onMessage(received.data, (message) => {
          try {
            received.respond(message);
          } catch {
            // Cut off, or closing: whoever asked will ask again.
          }
        });
      },
    });
  }

  flush(): Promise<void> {
    return this.#connection.flush();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#connection.close();
  }

  async #follow(backoff: Backoff, onState: (text: string) => void): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === 'reconnecting') backoff.attempted();
      else if (status.type === 'reconnect') backoff.reset();
      if (this.#isClosed) continue;
      if (status.type === 'disconnect') onState('the NATS server is gone; trying to reach it again');
      else if (status.type === 'reconnect') onState('the NATS server is there again');
      else if (status.type === 'error') onState(`NATS: ${status.error.message}`);
    }
  }
}

function endText(error: unknown): string {
  return `the connection to NATS has ended${error instanceof Error ? ` (${error.message})` : ''}`;
}

/** The library wraps what it tells in an error of its own. */
function linkError(error: unknown, { NoRespondersError, TimeoutError }: NatsErrors): LinkError {
  const causes = [error, (error as Error | undefined)?.cause];
  if (causes.some((each) => each instanceof NoRespondersError))
    return new LinkError('nobody', 'nobody listens');
  if (causes.some((each) => each instanceof TimeoutError))
    return new LinkError('timeout', 'no answer in time');
  return new LinkError('closed', error instanceof Error ? error.message : String(error));
}
