/** What the WebSocket connections of one thread share: memory to unmask into, settings, counters, and how published messages are encoded. */
import { SEND_RESERVE_BYTES_MAX } from '../../engine/engine.ts';
import { Unmasking } from '../../protocol/websocket/unmasking.ts';
import type { Message, Representation } from '../../pubsub/message.ts';
import type { MessageCompressor } from './compressor.ts';
import type { WebSocketCounts } from './counts.ts';
import { EncodedMessage } from './encoded-message.ts';
import type { WebSocketSettings } from './settings.ts';

/** Cryptography that comes from outside: SHA-1 of latin1 text, in base64. */
type Sha1 = (text: string) => string;

/** What nothing in this room can make. */
export interface WebSocketTools {
  readonly sha1: Sha1;
  createCompressor(): MessageCompressor;
}

export class WebSocketThread {
  readonly settings: WebSocketSettings;
  readonly unmasking = new Unmasking();
  #scratch: Uint8Array | undefined = undefined;
  readonly counts: WebSocketCounts;
  readonly sha1: Sha1;
  readonly #createCompressor: () => MessageCompressor;
  #compressor: MessageCompressor | undefined = undefined;
  /** Encodes what is published, once for all of this thread. */
  readonly published: Representation<EncodedMessage> = {
    encode: ({ data }: Message) => new EncodedMessage(data),
  };

  constructor(settings: WebSocketSettings, counts: WebSocketCounts, tools: WebSocketTools) {
    this.settings = settings;
    this.counts = counts;
    this.sha1 = tools.sha1;
    this.#createCompressor = tools.createCompressor;
  }

  /** Where frames for streams of HTTP/2 are put together, between `reserve` and `commit`. */
  get scratch(): Uint8Array {
    return (this.#scratch ??= new Uint8Array(SEND_RESERVE_BYTES_MAX));
  }

  /** Made for the first message that is compressed. */
  get compressor(): MessageCompressor {
    return (this.#compressor ??= this.#createCompressor());
  }

  /** The same with other settings: one compressor serves both. */
  successor(settings: WebSocketSettings): WebSocketThread {
    const { counts, sha1 } = this;
    return new WebSocketThread(settings, counts, { sha1, createCompressor: () => this.compressor });
  }

  /** Nothing is compressed any more. */
  release(): void {
    this.#compressor?.release();
    this.#compressor = undefined;
  }
}
