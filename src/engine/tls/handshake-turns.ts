/**
 * Whose handshake is computed when. One costs a third of a millisecond (P-256) to several (RSA of 4096 bits), a request some
 * microseconds: a hundred clients that begin at once would keep all others waiting for their sum. So what has been computed
 * is measured, and behind BUDGET_MS of it the rest waits in the order of arrival, until libuv has made a round: what
 * established connections have sent meanwhile comes first. The loop is never held by more than BUDGET_MS and one handshake.
 */
import type { TlsConnection } from './tls-connection.ts';
import type { TlsTiming } from './tls-timing.ts';

/** What an engine's turn keeps others waiting for (turn-time.ts); the ends of handshakes, which cost 50 us, are several to it. */
const BUDGET_MS = 0.25;

export class HandshakeTurns {
  readonly #goOn: (conn: TlsConnection) => void;
  readonly #timing: TlsTiming;
  readonly #queue: TlsConnection[] = [];
  #head = 0;
  #spentMs = 0;
  #isScheduled = false;

  /** @param goOn computes what was held; one that has gone is known by its `ssl` */
  constructor(goOn: (conn: TlsConnection) => void, timing: TlsTiming) {
    this.#goOn = goOn;
    this.#timing = timing;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#queue.length - this.#head;
  }

  /** Nobody waits, and there is time. */
  get isFree(): boolean {
    return this.#spentMs < BUDGET_MS && this.#queue.length === 0;
  }

  spent(ms: number): void {
    this.#spentMs += ms;
  }

  /** Established connections have had their turn, and have theirs again before more than one handshake. */
  othersServed(): void {
    this.#spentMs = 0;
  }

  /** Comes to `conn` when it is its turn. */
  hold(conn: TlsConnection): void {
    this.#queue.push(conn);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#timing.later(this.#run);
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    this.#spentMs = 0;
    try {
      while (this.#head < this.#queue.length && this.#spentMs < BUDGET_MS) {
        const conn = this.#queue[this.#head++]!;
        if (conn.ssl !== 0) this.#goOn(conn);
      }
    } finally {
      // Those that have been served are half of the list at most.
      if (this.#head * 2 > this.#queue.length) {
        this.#queue.splice(0, this.#head);
        this.#head = 0;
      }
      if (this.#queue.length > 0) this.#schedule();
    }
  };
}
