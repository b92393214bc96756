/** What a thread counts of TLS: how handshakes came to their end, and what broke them and connections, by name. */
import type { TlsEvent } from '../engine/engine.ts';

export interface TlsNumbers {
  readonly events: Readonly<Record<TlsEvent, number>>;
  /** By the name of the error, as ERR_SSL_UNSUPPORTED_PROTOCOL; an alert of the peer's has its name in it. */
  readonly errors: Readonly<Record<string, number>>;
}

/** OpenSSL has some 400 reasons, of which a server meets fewer; a series in Prometheus each. */
const NAMES_MAX = 100;

export class TlsCounts {
  readonly #events = noEvents();
  readonly #errors = new Map<string, number>();

  note(event: TlsEvent, code: string): void {
    this.#events[event]++;
    if (code === '') return;
    const name = this.#errors.size < NAMES_MAX || this.#errors.has(code) ? code : 'other';
    this.#errors.set(name, (this.#errors.get(name) ?? 0) + 1);
  }

  snapshot(): TlsNumbers {
    return { events: { ...this.#events }, errors: Object.fromEntries(this.#errors) };
  }
}

function noEvents(): Record<TlsEvent, number> {
  return { full: 0, resumed: 0, failed: 0, late: 0, refused: 0, broken: 0, truncated: 0 };
}

export function noTls(): { events: Record<TlsEvent, number>; errors: Record<string, number> } {
  return { events: noEvents(), errors: {} };
}
