/**
 * The requests under way in one thread, as rows for whoever looks. Nothing is kept for those at which nobody has looked,
 * and what is kept goes with them. A look walks the connections, some 0.2 µs each, and asks the kernel about those alone
 * that it shows.
 */
import type { Session } from '../http/session.ts';
import {
  type CarryingConnection,
  committedOf,
  newLook,
  type OpenExchange,
  phaseOf,
  type TransferLook,
  transferRow,
} from '../http/transfers.ts';
import { mostTelling, type TransferRow } from '../observe/transfer-row.ts';

/** What is over sooner is a request among many, and of no interest by itself. */
const SHOWN_AFTER_MS = 1000;

export interface Transfers {
  /** Under way for a second or longer. */
  readonly open: number;
  readonly rows: readonly TransferRow[];
}

interface Candidate {
  readonly exchange: OpenExchange;
  readonly connection: CarryingConnection;
  readonly ageMs: number;
  readonly bytes: number;
}

export class TransferTable {
  readonly #looks = new WeakMap<OpenExchange, TransferLook>();
  #lastId = 0;

  look(sessions: Iterable<Session>, nowMs: number, countMax: number): Transfers {
    const candidates: Candidate[] = [];
    const visit = (exchange: OpenExchange, connection: CarryingConnection): void => {
      const ageMs = nowMs - exchange.startedAtMs;
      if (ageMs < SHOWN_AFTER_MS) return;
      const bytes = phaseOf(exchange) === 'sending' ? committedOf(exchange) : exchange.bodyBytes;
      candidates.push({ exchange, connection, ageMs, bytes });
    };
    for (const session of sessions) session.visitExchanges(visit);
    const rows = mostTelling(candidates, countMax).map(({ exchange, connection }) =>
      transferRow(exchange, connection, this.#lookAt(exchange), nowMs),
    );
    return { open: candidates.length, rows };
  }

  #lookAt(exchange: OpenExchange): TransferLook {
    let look = this.#looks.get(exchange);
    if (look === undefined) {
      look = newLook(++this.#lastId, exchange);
      this.#looks.set(exchange, look);
    }
    return look;
  }
}
