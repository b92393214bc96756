/** The connections for which all has been sent, and who are to be told of it behind all that was to be sent for others. */
import { moveWithin } from '../../base/move-within.ts';
import { CLOSED, CLOSING, type DescriptorConnection } from '../descriptor/connection.ts';
import type { TurnTime } from '../descriptor/turn-time.ts';
import type { EngineHandler } from '../engine.ts';
import { DRAIN_UNTOLD } from './connection.ts';

export class Drained<C extends DescriptorConnection> {
  count = 0;
  readonly #list: C[] = [];

  /** @hot */
  add(conn: C): void {
    conn.flags |= DRAIN_UNTOLD;
    this.#list[this.count++] = conn;
  }

  /** A handler may have much to do: the rest waits when the turn has had its time. @hot */
  tell(handler: EngineHandler<C>, time: TurnTime): void {
    const { count } = this;
    let at = 0;
    try {
      while (at < count) {
        const conn = this.#list[at++]!;
        conn.flags &= ~DRAIN_UNTOLD;
        // What has been written since is sent, and told of, later.
        if ((conn.flags & (CLOSING | CLOSED)) === 0 && conn.unsentBytes === 0) handler.onDrained(conn);
        if (time.isSpent()) break;
      }
    } finally {
      moveWithin(this.#list, 0, at, this.count);
      this.count -= at;
    }
  }
}
