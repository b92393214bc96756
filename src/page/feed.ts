/**
 * The link to the server: listens to `/events`, says how it stands, and begins again by itself when it breaks. It keeps
 * nothing of what it hears.
 */
import type { Status } from '../observe/status.ts';
import { EventStreamReader } from './event-stream.ts';

export type Link =
  | 'connecting'
  | 'live'
  /** The server is there and does not serve yet. */
  | 'starting'
  /** Nobody answers, or not as an admin port does. */
  | 'away'
  /** The token is missing or wrong. */
  | 'locked'
  | 'paused';

interface FeedEvents {
  status(status: Status): void;
  /** @param why for people, where there is something to say */
  link(link: Link, why: string): void;
}

const RETRY_MS = 1000;
const RETRY_MS_MAX = 10_000;
/** A status comes each second; a worker that blocks holds it up for one more. */
const SILENT_MS = 5000;

export class Feed {
  readonly #events: FeedEvents;
  readonly #token: () => string | undefined;
  #abort: AbortController | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  constructor(events: FeedEvents, token: () => string | undefined) {
    this.#events = events;
    this.#token = token;
  }

  start(): void {
    this.#stop();
    this.#events.link('connecting', '');
    void this.#listen();
  }

  pause(): void {
    this.#stop();
    this.#events.link('paused', '');
  }

  #stop(): void {
    clearTimeout(this.#retry);
    this.#abort?.abort();
    this.#abort = undefined;
  }

  async #listen(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    let silence = setTimeout(() => abort.abort(), SILENT_MS);
    const heard = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort(), SILENT_MS);
    };
    let end: readonly [Link, string];
    try {
      end = await this.#hear(abort.signal, heard);
    } catch (error) {
      end = ['away', abort.signal.aborted ? 'no answer' : error instanceof Error ? error.message : ''];
    }
    clearTimeout(silence);
    // Stopped, or another one listens already.
    if (this.#abort !== abort) return;
    abort.abort();
    this.#events.link(...end);
    if (end[0] === 'locked') return;
    const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** this.#failures++);
    this.#retry = setTimeout(() => void this.#listen(), end[0] === 'starting' ? RETRY_MS : waitMs);
  }

  /** @returns how the link stands when nothing is heard any more */
  async #hear(signal: AbortSignal, heard: () => void): Promise<readonly [Link, string]> {
    const token = this.#token();
    const headers: HeadersInit = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch('/events', { headers, signal, cache: 'no-store' });
    if (response.status === 401) return ['locked', token === undefined ? '' : 'That is not the token.'];
    if (!response.ok || response.body === null) {
      const why = (await response.text()).trim();
      return why === 'starting' ? ['starting', ''] : ['away', `${response.status} ${why}`];
    }
    const events = new EventStreamReader();
    const text = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return ['away', 'the server has ended the connection'];
      for (const event of events.read(text.decode(value, { stream: true }))) {
        if (event.name !== 'status' || signal.aborted) continue;
        heard();
        this.#failures = 0;
        this.#events.link('live', '');
        this.#events.status(JSON.parse(event.data) as Status);
      }
    }
  }
}
