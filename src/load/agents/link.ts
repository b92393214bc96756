/**
 * What agents and coordinators need of a messaging system: asking somebody, asking everybody, and being
 * asked. Messages may be lost, and nothing is ever delivered later than to whoever listens now (at most
 * once, as NATS has it); whoever asks must be ready to ask again.
 */

type LinkFault = 'nobody' | 'timeout' | 'closed';

/** A question was not answered. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  /** Nobody listens there; no answer in time; this end is closed or cut off. */
  readonly code: LinkFault;

  constructor(code: LinkFault, message: string) {
    super(message);
    this.code = code;
  }
}

/** `reply` does nothing where the sender waits for none. */
export type OnMessage = (message: Uint8Array, reply: (message: Uint8Array) => void) => void;

export interface Link {
  /** What one message may hold. */
  readonly messageBytesMax: number;
  /** @throws LinkError */
  ask(subject: string, message: Uint8Array, timeoutMs: number): Promise<Uint8Array>;
  /** Asks all who listen; the function that comes back stops listening for replies. */
  askAll(subject: string, message: Uint8Array, onReply: (message: Uint8Array) => void): () => void;
  listen(subject: string, onMessage: OnMessage): void;
  /** Resolves when the other end knows all that was said so far, `listen` above all. */
  flush(): Promise<void>;
  /** Once it has ended for good, with why, unless `close` was called. */
  readonly ended: Promise<Error | undefined>;
  close(): Promise<void>;
}

/** Where all agents of a group listen. Groups share a server and do not see each other. */
export function groupSubject(group: string): string {
  return `holdfast.load.${group}.agents`;
}

/** Where one agent listens. */
export function agentSubject(group: string, id: string): string {
  return `holdfast.load.${group}.agent.${id}`;
}
