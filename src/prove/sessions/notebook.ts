/** The notes of one user as those who share the login see them: a register each, and what was last done to it, to be told of. */
import { GONE, Register } from './register.ts';

interface Note {
  readonly register: Register;
  /** The newest that a write was answered with, and GONE behind a removal: it says in which way a read was wrong. */
  newest: { readonly version: number; readonly value: string } | typeof GONE;
  readonly recent: string[];
  /** Its history is wrong already, and says nothing of what comes. */
  isBroken: boolean;
}

const RECENT_MAX = 16;
const SHARED_KEYS = ['shared-a', 'shared-b', 'shared-c'];

export class Notebook {
  readonly user: string;
  /** Some are called as those of other users are, to be taken for them by a server that mixes users; one is not. */
  readonly keys: readonly string[];
  readonly #notes = new Map<string, Note>();
  #written = 0;

  constructor(user: string) {
    this.user = user;
    this.keys = [...SHARED_KEYS, `of-${user}`];
    for (const key of this.keys)
      this.#notes.set(key, { register: new Register(), newest: GONE, recent: [], isBroken: false });
  }

  /** Those whose history can still be judged. */
  get judged(): readonly string[] {
    return this.keys.filter((key) => !this.note(key).isBroken && !this.note(key).register.isGivenUp);
  }

  note(key: string): Note {
    return this.#notes.get(key)!;
  }

  /** Never written before, by anybody. */
  nextValue(key: string, filling: string): string {
    return `${this.user}/${key}/${++this.#written} ${filling}`;
  }

  isOwn(key: string, value: string): boolean {
    return value.startsWith(`${this.user}/${key}/`);
  }

  remember(key: string, what: string): void {
    const { recent } = this.note(key);
    if (recent.push(what.slice(0, 80)) > RECENT_MAX) recent.shift();
  }
}
