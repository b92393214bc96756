/**
 * TLS of worker threads: material comes to them by messages, and what they do not know they ask the thread that started them,
 * where the functions of the program are.
 */
import { ANSWER_MS } from '../engine/tls/late-names.ts';
import type { TlsCertificate } from '../engine/tls/tls-options.ts';
import type { ThreadTls, TlsMaterial } from './tls-material.ts';
import { errorData, errorFromData, type FromWorker, type ToWorker } from './worker-messages.ts';

type Told<T extends ToWorker['type']> = Extract<ToWorker, { type: T }>;
type Said<T extends FromWorker['type']> = Extract<FromWorker, { type: T }>;

/** In a worker: what stands for the keeper. */
export class RemoteTls implements ThreadTls {
  readonly material: TlsMaterial;
  readonly #tell: (message: FromWorker) => void;
  /** How many there are is bounded by who asks (late-names.ts). */
  readonly #asked = new Map<number, (answer: Told<'certificate'>) => void>();
  #id = 0;

  constructor(material: TlsMaterial, tell: (message: FromWorker) => void) {
    this.material = material;
    this.#tell = tell;
  }

  readonly find = (serverName: string): Promise<TlsCertificate | undefined> => {
    const id = ++this.#id;
    return new Promise((resolve, reject) => {
      // Whoever asks has given up before.
      const forgotten = setTimeout(() => this.#asked.delete(id), ANSWER_MS);
      forgotten.unref();
      this.#asked.set(id, ({ certificate, error }) => {
        clearTimeout(forgotten);
        this.#asked.delete(id);
        if (error === undefined) resolve(certificate);
        else reject(errorFromData(error));
      });
      this.#tell({ type: 'name', id, serverName });
    });
  };

  answered(message: Told<'certificate'>): void {
    this.#asked.get(message.id)?.(message);
  }
}

/** In the thread that has started a worker: what that one is told and asks of TLS. */
export class WorkerTls {
  readonly #tls: ThreadTls | undefined;
  readonly #tell: (message: ToWorker) => void;
  readonly #waiting = new Map<number, (error: Error | undefined) => void>();
  #id = 0;

  constructor(tls: ThreadTls | undefined, tell: (message: ToWorker) => void) {
    this.#tls = tls;
    this.#tell = tell;
  }

  /** Resolves when it is used, or the thread has ended. */
  take(material: TlsMaterial): Promise<void> {
    const id = ++this.#id;
    this.#tell({ type: 'tls', id, material });
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  taken({ id, error }: Said<'tls-taken'>): void {
    this.#waiting.get(id)?.(error && errorFromData(error));
    this.#waiting.delete(id);
  }

  async asked({ id, serverName }: Said<'name'>): Promise<void> {
    const answer = { type: 'certificate', id, certificate: undefined, error: undefined } as const;
    try {
      this.#tell({ ...answer, certificate: await this.#tls?.find(serverName) });
    } catch (error) {
      this.#tell({ ...answer, error: errorData(error) });
    }
  }

  ended(): void {
    for (const settle of this.#waiting.values()) settle(undefined);
    this.#waiting.clear();
  }
}
