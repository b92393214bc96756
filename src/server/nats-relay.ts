/**
 * Takes messages to the other machines of a server, and theirs to ours, by a NATS server. One subject carries all topics, so all
 * machines see what one of them publishes in its order.
 *
 * At most once, as NATS itself: what is under way when a connection breaks is lost. What is published while the NATS server is away
 * waits here, within bounds, and is sent when it is back.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { endText, type NatsConnection, openNats } from '../nats/nats-connection.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import type { Hub, Relay } from '../pubsub/hub.ts';
import type { Message } from '../pubsub/message.ts';
import type { NatsSettings } from './pubsub-options.ts';
import { decodeWire, encodeWire } from './pubsub-wire.ts';

/** What waits while the NATS server is away: some seconds of a busy server. Beyond, the oldest go. */
const WAITING_BYTES_MAX = 8 * 1024 * 1024;
/** What a NATS server that has stopped reading may leave unconfirmed in our memory. */
const UNCONFIRMED_BYTES_MAX = 16 * 1024 * 1024;
/** So often it is asked whether it has read what it was sent. */
const CONFIRM_BYTES = 1024 * 1024;
/** What NATS allows by default, where it has not said. */
const PAYLOAD_BYTES_MAX = 1024 * 1024;
/** Where no server was there at the start. */
const RETRY_MS = 1000;
/** A `server.close()` does not wait for a NATS server that hangs. */
const CLOSE_MS = 1000;

export class NatsRelay implements Relay {
  readonly #hub: Hub;
  readonly #settings: NatsSettings;
  readonly #logger: LoggerLike;
  #connection: NatsConnection | undefined;
  #isUp = false;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #unconfirmedBytes = 0;
  #isConfirming = false;
  /** Since it was last told. */
  #lost = 0;
  /** What is told once, however often it happens. */
  readonly #told = new Set<string>();
  #isClosed = false;
  readonly #closing = new AbortController();

  constructor(hub: Hub, settings: NatsSettings, logger: LoggerLike) {
    this.#hub = hub;
    this.#settings = settings;
    this.#logger = logger;
    hub.connect(this);
  }

  /** Resolves when it is connected, or when it has failed once and goes on trying. */
  async start(): Promise<void> {
    try {
      await this.#connect();
    } catch (error) {
      this.#logger.warn(
        `pubsub: ${(error as Error).message}; messages stay on this machine until it is there`,
      );
      void this.#retry((error as Error).message);
    }
  }

  async #retry(told: string): Promise<void> {
    let last = told;
    while (!this.#isClosed && this.#connection === undefined) {
      try {
        await pause(RETRY_MS, undefined, { signal: this.#closing.signal, ref: false });
        await this.#connect();
      } catch (error) {
        if (this.#isClosed) return;
        const { message } = error as Error;
        if (message !== last) this.#logger.warn(`pubsub: ${message}`);
        last = message;
      }
    }
  }

  async #connect(): Promise<void> {
    const { address, subject } = this.#settings;
    const { connection, follow } = await openNats(address, { name: 'holdfast pubsub', noEcho: true });
    if (this.#isClosed) {
      await connection.close();
      return;
    }
    this.#connection = connection;
    connection.subscribe(subject, {
      callback: (error, { data }) => {
        if (error === null) this.#arrived(data);
        else this.#logger.warn(`pubsub: NATS: ${error.message}`);
      },
    });
    follow({
      lost: () => this.#lostServer(),
      back: () => this.#backAgain(),
      failed: (message) => this.#logger.warn(`pubsub: NATS: ${message}`),
    });
    void connection.closed().then((error) => {
      this.#isUp = false;
      if (!this.#isClosed) this.#logger.error(`pubsub: ${endText(error)}`);
    });
    // The subscription is the server's before anything that follows it.
    await connection.flush();
    this.#backAgain();
  }

  #lostServer(): void {
    if (!this.#isUp) return;
    this.#isUp = false;
    this.#unconfirmedBytes = 0;
    if (!this.#isClosed) this.#logger.warn('pubsub: the NATS server is gone; trying to reach it again');
  }

  #backAgain(): void {
    if (this.#isClosed) return;
    this.#isUp = true;
    const count = this.#waiting.length;
    const waiting = this.#waiting.splice(0);
    this.#waitingBytes = 0;
    for (const bytes of waiting) this.#publish(bytes);
    this.#logger.info(
      `pubsub: the NATS server is there; ${count} messages waited for it, and ${this.#lost} were dropped`,
    );
    this.#lost = 0;
  }

  send(message: Message): void {
    const bytes = encodeWire(message);
    const bytesMax = this.#connection?.info?.max_payload ?? PAYLOAD_BYTES_MAX;
    if (bytes.length > bytesMax) {
      this.#tellOnce(
        'long',
        `messages of over ${bytesMax} bytes stay on this machine, for the NATS server takes no longer ones (max_payload)`,
      );
      return;
    }
    if (this.#isUp) this.#publish(bytes);
    else this.#keep(bytes);
  }

  #keep(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    while (this.#waitingBytes > WAITING_BYTES_MAX) {
      this.#waitingBytes -= this.#waiting.shift()!.length;
      this.#lose();
    }
  }

  #publish(bytes: Uint8Array): void {
    if (this.#unconfirmedBytes > UNCONFIRMED_BYTES_MAX) {
      if (this.#lost === 0)
        this.#logger.warn('pubsub: the NATS server does not read; messages to other machines are dropped');
      this.#lose();
      return;
    }
    try {
      this.#connection!.publish(this.#settings.subject, bytes);
    } catch {
      // It has closed in this moment.
      this.#lose();
      return;
    }
    this.#unconfirmedBytes += bytes.length;
    if (this.#unconfirmedBytes > CONFIRM_BYTES) this.#confirm();
  }

  #lose(): void {
    this.#lost++;
    this.#hub.dropped.machine++;
  }

  #confirm(): void {
    if (this.#isConfirming) return;
    this.#isConfirming = true;
    const sentBytes = this.#unconfirmedBytes;
    this.#connection!.flush()
      .then(() => {
        this.#unconfirmedBytes = Math.max(0, this.#unconfirmedBytes - sentBytes);
      })
      .catch(() => {})
      .finally(() => (this.#isConfirming = false));
  }

  #arrived(data: Uint8Array): void {
    const message = decodeWire(data);
    if (message === undefined)
      this.#tellOnce('foreign', `somebody publishes on ${this.#settings.subject} what is no message of ours`);
    else this.#hub.receive(message, this);
  }

  #tellOnce(what: string, text: string): void {
    if (this.#told.has(what)) return;
    this.#told.add(what);
    this.#logger.warn(`pubsub: ${text}`);
  }

  /** What has been published leaves first, as far as the NATS server takes it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closing.abort();
    this.#hub.disconnect(this);
    if (this.#connection === undefined) return;
    const patience = pause(CLOSE_MS, undefined, { ref: false });
    if (this.#isUp) await Promise.race([this.#connection.flush().catch(() => {}), patience]);
    await this.#connection.close();
  }
}
