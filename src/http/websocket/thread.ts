/** What the WebSocket connections of one thread share: memory to unmask into, settings, counters, and how published messages are encoded. */
import { Unmasking } from '../../protocol/websocket/unmasking.ts';
import type { Message, Representation } from '../../pubsub/message.ts';
import type { WebSocketCounts } from './counts.ts';
import { EncodedMessage } from './encoded-message.ts';
import type { WebSocketSettings } from './settings.ts';

/** Cryptography that comes from outside: SHA-1 of latin1 text, in base64. */
type Sha1 = (text: string) => string;

export class WebSocketThread {
  readonly settings: WebSocketSettings;
  readonly unmasking = new Unmasking();
  readonly counts: WebSocketCounts;
  readonly sha1: Sha1;
  /** Encodes what is published, once for all of this thread. */
  readonly published: Representation<EncodedMessage> = {
    encode: ({ data }: Message) => new EncodedMessage(data),
  };

  constructor(settings: WebSocketSettings, counts: WebSocketCounts, sha1: Sha1) {
    this.settings = settings;
    this.counts = counts;
    this.sha1 = sha1;
  }
}
