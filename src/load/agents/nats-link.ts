/** The link over a NATS server. What is under way while it cannot be reached is lost. */
import {
  endText,
  type NatsConnection,
  NatsError,
  type NatsErrors,
  openNats,
} from '../../nats/nats-connection.ts';
import type { NatsAddress } from '../../nats/nats-url.ts';
import { type Link, LinkError, type OnMessage } from './link.ts';

interface LinkOptions {
  /** The name under which the server's own tools show this connection. */
  readonly name: string;
  /** A file of NATS credentials (JWT and key). */
  readonly credentialsFile?: string | undefined;
  readonly onState?: (text: string) => void;
}

/** @throws NatsError within a few seconds, when there is no use in going on */
export async function connectNats(address: NatsAddress, options: LinkOptions): Promise<Link> {
  const { connection, errors, follow } = await openNats(address, options);
  const link = new NatsLink(connection, errors);
  const say = (text: string): void => {
    if (!link.isClosed) options.onState?.(text);
  };
  follow({
    lost: () => say('the NATS server is gone; trying to reach it again'),
    back: () => say('the NATS server is there again'),
    failed: (message) => say(`NATS: ${message}`),
  });
  return link;
}

class NatsLink implements Link {
  readonly ended: Promise<Error | undefined>;
  readonly #connection: NatsConnection;
  readonly #errors: NatsErrors;
  #isClosed = false;

  constructor(connection: NatsConnection, known: NatsErrors) {
    this.#connection = connection;
    this.#errors = known;
    this.ended = connection
      .closed()
      .then((error) => (this.#isClosed ? undefined : new NatsError(endText(error))));
  }

  get isClosed(): boolean {
    return this.#isClosed;
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
