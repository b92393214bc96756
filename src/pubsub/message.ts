/**
 * One published message, and what it looks like to each kind of subscriber. A form is made when the first subscriber of
 * its kind asks for it, and lent to all others: publishing to thousands encodes once.
 */

/** What is published. Bytes are copied, so the caller may use its own again. */
export type MessageData = string | ArrayBuffer | ArrayBufferView;

export interface PublishOptions {
  /** By which a reader of server-sent events says later how far it has come. @default the hub's own, where messages are kept for replay */
  readonly id?: string | undefined;
  /** The name of the event, for server-sent events. @default none: `message` to an EventSource */
  readonly event?: string | undefined;
}

/** How one kind of subscriber wants its messages: one object a kind, by which forms are remembered. */
export interface Representation<T> {
  encode(message: Message): T;
}

export class Message {
  readonly topic: string;
  readonly data: string | Uint8Array;
  readonly id: string | undefined;
  readonly event: string | undefined;
  /** How long the data is, in UTF-8. */
  readonly byteLength: number;
  /** Few kinds exist, so a walk is the fastest map. */
  readonly #kinds: Representation<unknown>[] = [];
  readonly #forms: unknown[] = [];

  /** @param data that nobody else changes */
  constructor(
    topic: string,
    data: string | Uint8Array,
    id: string | undefined,
    event: string | undefined,
    byteLength: number,
  ) {
    this.topic = topic;
    this.data = data;
    this.id = id;
    this.event = event;
    this.byteLength = byteLength;
  }

  /** Its form for one kind of subscriber: lent, the same object for all of the kind. @hot */
  as<T>(kind: Representation<T>): T {
    const kinds = this.#kinds;
    for (let i = 0; i < kinds.length; i++) if (kinds[i] === kind) return this.#forms[i] as T; // made by `kind`, below
    const form = kind.encode(this);
    kinds.push(kind);
    this.#forms.push(form);
    return form;
  }
}
