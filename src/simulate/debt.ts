/** What a server owes "at once": before it returns, or else before the clock moves. One thing at a time. */
const NEVER = Number.POSITIVE_INFINITY;

export class Debt {
  #sinceMs = NEVER;
  #what = '';

  /** What is owed already stays. */
  owe(what: string, nowMs: number): void {
    if (this.#sinceMs !== NEVER) return;
    this.#sinceMs = nowMs;
    this.#what = what;
  }

  settle(): void {
    this.#sinceMs = NEVER;
  }

  /** @returns what has not come in time: said once */
  overdue(nowMs: number): string | undefined {
    if (nowMs <= this.#sinceMs) return undefined;
    this.settle();
    return `${this.#what} has not come`;
  }
}
