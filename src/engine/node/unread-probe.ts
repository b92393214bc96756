/**
 * Finds out who has reset, or has sent FIN, while nothing is read of him: libuv takes a socket that is neither read nor written
 * out of its poll, and a reset behind bytes it tells as FIN. So sockets that stay unread get an empty write now
 * and then, which sends nothing and fails where the kernel knows of a reset (tcp_sendmsg looks first). FIN shows
 * itself to a read alone, so a little is read ahead.
 *
 * It costs a system call each PROBE_EVERY_MS for a connection that is paused, or half closed and not answered,
 * and nothing for one that is only idle.
 */
import type { NodeConnection } from './connection.ts';

/** Also how late a reset is noticed. */
const PROBE_EVERY_MS = 500;

export class UnreadProbe {
  #listed: NodeConnection[] = [];
  #timer: NodeJS.Timeout | undefined = undefined;

  /** Reading of `conn` has been paused or has ended. Whoever is listed already is not to be added again. */
  add(conn: NodeConnection): void {
    conn.isProbed = true;
    this.#listed.push(conn);
    this.#timer ??= this.#schedule();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#listed = [];
  }

  /** Sockets are the reason that a process stays alive, not this. */
  #schedule(): NodeJS.Timeout {
    return setTimeout(() => this.#probe(), PROBE_EVERY_MS).unref();
  }

  #probe(): void {
    const listed = this.#listed;
    this.#listed = [];
    for (const conn of listed) {
      if (conn.isUnread) {
        this.#listed.push(conn);
        conn.probe();
      } else conn.isProbed = false;
    }
    this.#timer = this.#listed.length > 0 ? this.#schedule() : undefined;
  }
}
