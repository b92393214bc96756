/**
 * A note is a register, and this is who judges its history: whether there is an order of all that was asked, each within the
 * time between its request and its answer, in which every answer is right (Wing and Gong, Testing and Verifying Concurrent
 * Objects, 1993: linearizability). It judges while the history grows: it keeps every state in which the register may be, and
 * with it what the requests under way would then have to be answered.
 */

export type Action =
  | { readonly kind: 'read' }
  | { readonly kind: 'write'; readonly value: string }
  | { readonly kind: 'remove' }
  /** Whether it is in the list. */
  | { readonly kind: 'look' };

interface State {
  /** Undefined while there is no note. */
  readonly value: string | undefined;
  /** Of the last write, though it may have been removed since. */
  readonly version: number;
}

/** One state in which the register may be, and the answers of those requests under way that have taken effect in it. */
interface Possible {
  readonly state: State;
  readonly foretold: ReadonlyMap<number, string>;
}

/** Six requests under way have 1,957 orders of some of them; who would keep more has lost too many answers to be judged. */
const POSSIBLE_MAX = 2000;

export const GONE = 'no note';

export class Register {
  #possible: Possible[] = [{ state: { value: undefined, version: 0 }, foretold: new Map() }];
  readonly #underWay = new Map<number, Action>();
  #lastId = 0;
  #isGivenUp = false;

  /** Too many answers were lost to say anything of it. */
  get isGivenUp(): boolean {
    return this.#isGivenUp;
  }

  /** @returns what `answered` and the two others call it by */
  asked(action: Action): number {
    this.#underWay.set(++this.#lastId, action);
    return this.#lastId;
  }

  /**
   * @param outcome as `readOutcome`, a version, or GONE; of a look and a removal 'there' or GONE
   * @returns whether there is an order in which this and all before it is right
   */
  answered(id: number, outcome: string): boolean {
    if (this.#isGivenUp) return true;
    const right = this.#reached(id).filter(({ foretold }) => foretold.get(id) === outcome);
    this.#possible = right.map(({ state, foretold }) => ({ state, foretold: without(foretold, id) }));
    this.#underWay.delete(id);
    return this.#isGivenUp || this.#possible.length > 0;
  }

  /** No answer came: it may have taken effect, may yet, or never will. What changes nothing is forgotten. */
  lost(id: number): void {
    const kind = this.#underWay.get(id)?.kind;
    if (kind !== 'read' && kind !== 'look') return;
    this.#underWay.delete(id);
    this.#possible = this.#possible.map(({ state, foretold }) => ({
      state,
      foretold: without(foretold, id),
    }));
  }

  /** The server said that it did nothing. */
  refused(id: number): void {
    this.#underWay.delete(id);
    this.#possible = this.#possible.filter(({ foretold }) => !foretold.has(id));
  }

  /** Everything that may be once `id` has taken effect. */
  #reached(id: number): Possible[] {
    const seen = new Set<string>();
    const reached: Possible[] = [];
    const left = [...this.#possible];
    for (let here = left.pop(); here !== undefined; here = left.pop()) {
      const name = nameOf(here);
      if (seen.has(name)) continue;
      seen.add(name);
      if (seen.size > POSSIBLE_MAX) {
        this.#isGivenUp = true;
        return [];
      }
      // What takes effect after `id` can do so later as well, which the next answer looks at.
      if (here.foretold.has(id)) reached.push(here);
      else for (const [other, action] of this.#underWay) left.push(...after(here, other, action));
    }
    return reached;
  }
}

export function readOutcome(version: number, value: string): string {
  return `${version} ${value}`;
}

function after({ state, foretold }: Possible, id: number, action: Action): Possible[] {
  if (foretold.has(id)) return [];
  return outcomesOf(state, action).map(([outcome, next]) => ({
    state: next,
    foretold: new Map(foretold).set(id, outcome),
  }));
}

function outcomesOf(state: State, action: Action): [outcome: string, next: State][] {
  const { value, version } = state;
  const isThere = value !== undefined;
  switch (action.kind) {
    case 'read':
      return [[isThere ? readOutcome(version, value) : GONE, state]];
    case 'look':
      return [[isThere ? 'there' : GONE, state]];
    case 'remove':
      return [[isThere ? 'there' : GONE, { value: undefined, version }]];
    case 'write': {
      // A note that was removed may begin anew, or go on counting.
      const versions = isThere || version === 0 ? [version + 1] : [1, version + 1];
      return versions.map((next) => [String(next), { value: action.value, version: next }]);
    }
  }
}

function without(foretold: ReadonlyMap<number, string>, id: number): ReadonlyMap<number, string> {
  const rest = new Map(foretold);
  rest.delete(id);
  return rest;
}

function nameOf({ state, foretold }: Possible): string {
  return JSON.stringify([state.value ?? null, state.version, [...foretold].sort(([a], [b]) => a - b)]);
}
