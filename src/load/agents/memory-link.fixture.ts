/**
 * A link within one process, for tests: messages are copied and delivered a turn later, may be lost by
 * rule, and ends may fall silent as a machine does that has lost its power.
 */
import { type Link, LinkError, type OnMessage } from './link.ts';

export class MemoryNetwork {
  readonly ends = new Set<MemoryLink>();
  /** Small, so that long messages are cut. */
  messageBytesMax = 16_384;
  /** Says which messages are lost on their way; `isReply` tells the way back. */
  loses: (subject: string, isReply: boolean) => boolean = () => false;

  link(): MemoryLink {
    const link = new MemoryLink(this);
    this.ends.add(link);
    return link;
  }
}

export class MemoryLink implements Link {
  readonly ended: Promise<Error | undefined> = new Promise(() => {});
  /** Neither hears nor says anything, and the other side is not told. */
  isSilent = false;
  readonly #network: MemoryNetwork;
  readonly #listeners = new Map<string, OnMessage>();

  constructor(network: MemoryNetwork) {
    this.#network = network;
  }

  get messageBytesMax(): number {
    return this.#network.messageBytesMax;
  }

  ask(subject: string, message: Uint8Array, timeoutMs: number): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new LinkError('timeout', 'no answer in time')), timeoutMs);
      const isHeard = this.#send(subject, message, (reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
      if (isHeard) return;
      clearTimeout(timer);
      reject(new LinkError('nobody', 'nobody listens'));
    });
  }

  askAll(subject: string, message: Uint8Array, onReply: (message: Uint8Array) => void): () => void {
    let isOver = false;
    this.#send(subject, message, (reply) => {
      if (!isOver) onReply(reply);
    });
    return () => (isOver = true);
  }

  listen(subject: string, onMessage: OnMessage): void {
    this.#listeners.set(subject, onMessage);
  }

  async flush(): Promise<void> {}

  async close(): Promise<void> {
    this.#network.ends.delete(this);
  }

  /** @returns whether anybody listens there */
  #send(subject: string, message: Uint8Array, onReply: (message: Uint8Array) => void): boolean {
    const listening = [...this.#network.ends].filter((end) => end.#listeners.has(subject));
    for (const end of listening) {
      const isLost = this.isSilent || end.isSilent || this.#network.loses(subject, false);
      if (isLost) continue;
      const copy = Uint8Array.from(message);
      setImmediate(() => {
        end.#listeners.get(subject)?.(copy, (reply) => {
          if (end.isSilent || this.isSilent || this.#network.loses(subject, true)) return;
          const back = Uint8Array.from(reply);
          setImmediate(() => onReply(back));
        });
      });
    }
    return listening.length > 0;
  }
}
