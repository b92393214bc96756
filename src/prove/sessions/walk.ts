/**
 * One client's walk over an application: what it does next depends on what it did last (a Markov chain). Every answer is held
 * against what was described, and against the register that its note is, together with what all who share its login did.
 */
import type { SeededRandom } from '../../base/random.ts';
import type { Sighting, SliceContext } from '../slices/slice.ts';
import type { Member, Reply } from './member.ts';
import type { Notebook } from './notebook.ts';
import type { OperationName } from './operations.ts';
import { type Action, GONE, readOutcome } from './register.ts';

type Step = OperationName;

/** Weights in hundredths. */
const NEXT: Readonly<Record<Step, readonly (readonly [step: Step, weight: number])[]>> = {
  login: [
    ['writeNote', 50],
    ['readNote', 30],
    ['listNotes', 20],
  ],
  writeNote: [
    ['readNote', 50],
    ['writeNote', 28],
    ['removeNote', 10],
    ['listNotes', 9],
    ['logout', 3],
  ],
  readNote: [
    ['writeNote', 45],
    ['readNote', 30],
    ['removeNote', 10],
    ['listNotes', 12],
    ['logout', 3],
  ],
  listNotes: [
    ['readNote', 50],
    ['writeNote', 47],
    ['logout', 3],
  ],
  removeNote: [
    ['writeNote', 45],
    ['readNote', 40],
    ['listNotes', 12],
    ['logout', 3],
  ],
  logout: [['login', 100]],
};
const FILLING_TIMES_MAX = 40;
const FILLINGS = ['tea', 'two words', '"quoted" \\ \n', 'ü€😀', '<b>&amp;</b>'];
const PAUSE_MS_MAX = 8;

export class Walk {
  readonly #context: SliceContext;
  readonly #member: Member;
  readonly #book: Notebook;
  readonly #random: SeededRandom;
  #last: Step = 'logout';

  constructor(context: SliceContext, member: Member, book: Notebook) {
    this.#context = context;
    this.#member = member;
    this.#book = book;
    this.#random = context.random.fork();
  }

  async until(endMs: number): Promise<void> {
    const { signal } = this.#context;
    while (performance.now() < endMs && !signal.aborted && this.#book.judged.length > 0) {
      const step = this.#next();
      // Whoever was not let in tries again.
      if (await this.#take(step)) this.#last = step;
      if (this.#random.chance(0.3)) await pause(this.#random.int(PAUSE_MS_MAX));
    }
  }

  /** Nothing is left of who has walked. */
  async tidy(): Promise<void> {
    if (!(await this.#logIn())) return;
    for (const key of this.#book.keys) await this.#remove(key);
    await this.#logOut();
  }

  #next(): Step {
    let left = this.#random.int(100);
    for (const [step, weight] of NEXT[this.#last]) {
      if (left < weight) return step;
      left -= weight;
    }
    return 'login';
  }

  async #take(step: Step): Promise<boolean> {
    this.#context.count(step);
    if (step === 'login') return this.#logIn();
    if (step === 'logout') return this.#logOut();
    const key = this.#random.pick(this.#book.judged);
    if (step === 'listNotes') await this.#list();
    else if (step === 'readNote') await this.#read(key);
    else if (step === 'removeNote') await this.#remove(key);
    else await this.#write(key);
    return true;
  }

  async #logIn(): Promise<boolean> {
    const reply = await this.#member.logIn(this.#book.user);
    if (reply.status === 429 || reply.status === undefined || reply.status >= 500) {
      await this.#tellFailure('login', reply);
      await pause(reply.retryAfterMs);
      return false;
    }
    if (reply.status === 200 && reply.json['user'] === this.#book.user) return true;
    await this.#wrong('login', reply, 'one who logs in is answered 200 with the name given');
    return false;
  }

  async #logOut(): Promise<boolean> {
    const reply = await this.#member.ask('logout');
    if (await this.#tellFailure('logout', reply)) return false;
    if (reply.status !== 204) await this.#wrong('logout', reply, 'one who logs out is answered 204');
    const after = await this.#member.ask('listNotes');
    if (after.status === 200)
      await this.#report({
        ...{
          id: 'outlives-logout',
          rule: 'who has logged out is nobody',
          figures: { user: this.#book.user },
        },
        title: 'A cookie or token with which somebody had logged out was still good for reading notes.',
        meaning: 'Whoever has got hold of one keeps it, whatever its owner does.',
      });
    else await this.#tellFailure('listNotes', after);
    this.#member.forget();
    return true;
  }

  async #read(key: string): Promise<void> {
    const done = this.#begin(key, { kind: 'read' });
    const reply = await this.#member.ask('readNote', key);
    if (await this.#unjudged('readNote', reply, done)) return;
    if (reply.status === 404) return this.#judgeRead(key, done, GONE);
    const { value, version } = reply.json;
    if (
      reply.status !== 200 ||
      reply.json['key'] !== key ||
      typeof value !== 'string' ||
      typeof version !== 'number'
    ) {
      done.lost();
      return this.#wrong('readNote', reply, 'a note is answered 200 with key, value and version, or 404');
    }
    if (this.#book.isOwn(key, value)) return this.#judgeRead(key, done, readOutcome(version, value));
    done.lost();
    await this.#foreign(key, value);
  }

  async #list(): Promise<void> {
    const looks = this.#book.judged.map((key) => ({ key, done: this.#begin(key, { kind: 'look' }) }));
    const reply = await this.#member.ask('listNotes');
    const { keys } = reply.json;
    const isJudged = !(await this.#tellFailure('listNotes', reply));
    if (!isJudged || reply.status !== 200 || !Array.isArray(keys)) {
      for (const { done } of looks) done.lost();
      if (isJudged) await this.#wrong('listNotes', reply, 'a list is answered 200 with keys');
      return;
    }
    const foreign = keys.find((key) => !this.#book.keys.includes(key));
    if (foreign !== undefined) await this.#foreign('the list', String(foreign));
    for (const { key, done } of looks) await this.#judgeRead(key, done, keys.includes(key) ? 'there' : GONE);
  }

  async #write(key: string): Promise<void> {
    const filling = this.#random.pick(FILLINGS).repeat(this.#random.int(FILLING_TIMES_MAX));
    const value = this.#book.nextValue(key, filling);
    const done = this.#begin(key, { kind: 'write', value });
    const reply = await this.#member.ask('writeNote', key, { value });
    if (await this.#unjudged('writeNote', reply, done)) return;
    const { version } = reply.json;
    const isRight = (reply.status === 200 || reply.status === 201) && reply.json['key'] === key;
    if (!isRight || reply.json['value'] !== value || typeof version !== 'number') {
      done.lost();
      return this.#wrong('writeNote', reply, 'a write is answered 200 or 201 with key, value and version');
    }
    const note = this.#book.note(key);
    const before = note.newest;
    if (before === GONE || version > before.version) note.newest = { version, value };
    if (done.answered(String(version))) return;
    const isTwice = before !== GONE && version <= before.version;
    await this.#broken(key, isTwice ? 'lost-write' : 'wrong-version', {
      title: isTwice
        ? `A write was answered with version ${version}, which an earlier write had been answered with.`
        : `A write was answered with version ${version}, and no order of the writes explains that: each counts one on.`,
      meaning: isTwice
        ? 'One of the two was told that it had been written, and was not.'
        : 'Something was written that nobody asked for, or a write was counted twice.',
    });
  }

  async #remove(key: string): Promise<void> {
    const done = this.#begin(key, { kind: 'remove' });
    const reply = await this.#member.ask('removeNote', key);
    if (await this.#unjudged('removeNote', reply, done)) return;
    if (reply.status !== 204 && reply.status !== 404) {
      done.lost();
      return this.#wrong('removeNote', reply, 'a removal is answered 204, or 404 where there is no note');
    }
    const isThere = reply.status === 204;
    if (isThere) this.#book.note(key).newest = GONE;
    await this.#judgeRead(key, done, isThere ? 'there' : GONE);
  }

  /** A wrong read is asked once more: what is right then was old, and what is not has not been written. */
  async #judgeRead(key: string, done: Asked, outcome: string): Promise<void> {
    const note = this.#book.note(key);
    if (done.answered(outcome) || note.isBroken) return;
    note.isBroken = true;
    const { status, json } = await this.#member.ask('readNote', key);
    const { newest } = note;
    const isThere =
      newest !== GONE && (json['value'] === newest.value || Number(json['version']) > newest.version);
    const isStale = newest === GONE ? status === 404 : status === 200 && isThere;
    const seen = outcome.slice(0, 80);
    await this.#broken(key, isStale ? 'stale-read' : 'lost-write', {
      title: isStale
        ? `A note was answered as "${seen}" when that was no longer true.`
        : `A note was answered as "${seen}", which no order of all that was written and removed explains.`,
      meaning: isStale
        ? 'Clients act on what has been changed already.'
        : 'What a client was told to be done is not, or not as it was told: data is lost.',
    });
  }

  #begin(key: string, action: Action): Asked {
    const { register } = this.#book.note(key);
    const id = register.asked(action);
    return {
      answered: (outcome) => {
        this.#book.remember(
          key,
          `${action.kind}${action.kind === 'write' ? ` ${action.value}` : ''}: ${outcome}`,
        );
        return register.answered(id, outcome) || this.#book.note(key).isBroken;
      },
      lost: () => register.lost(id),
      refused: () => register.refused(id),
    };
  }

  /** @returns whether the answer says nothing of the note */
  async #unjudged(name: OperationName, reply: Reply, done: Asked): Promise<boolean> {
    if (reply.status === 429) done.refused();
    else if (reply.status === undefined || reply.status >= 500) done.lost();
    return this.#tellFailure(name, reply);
  }

  async #tellFailure(name: OperationName, { status, failure }: Reply): Promise<boolean> {
    const figures = { request: name, answer: status ?? failure ?? 'none' };
    if (status === 429) this.#context.count('refused by rate');
    else if (status === undefined) this.#context.count('without an answer');
    if (status !== undefined && status >= 500)
      await this.#report({
        ...{ id: 'server-error', figures, rule: 'RFC 9110 §15.6' },
        title: `${name} was answered with ${status}.`,
        meaning: 'A good client gets an error that is not its own, and does not know whether it was heard.',
      });
    if (status === undefined && failure !== undefined && !this.#context.signal.aborted)
      await this.#report({
        ...{ id: 'unanswered', severity: 'medium', figures, rule: 'RFC 9110 §3.4' },
        title: `${name} was not answered: ${failure}.`,
        meaning: 'A good client does not know whether it was heard.',
      });
    return status === undefined || status >= 500 || status === 429;
  }

  #wrong(name: OperationName, { status, json }: Reply, described: string): Promise<void> {
    return this.#report({
      ...{ id: 'wrong-answer', rule: `as described: ${described}` },
      figures: { request: name, status: status ?? 0, content: JSON.stringify(json).slice(0, 200) },
      title: `${name} of one who is logged in was answered with ${status}, or with content that is not as described.`,
      meaning: 'A good client gets an answer that it cannot use.',
    });
  }

  #foreign(key: string, seen: string): Promise<void> {
    return this.#report({
      ...{ id: 'another-users-data', rule: 'what one user has is shown to no other' },
      figures: { user: this.#book.user, key, seen: seen.slice(0, 120) },
      title: `A user was shown "${seen.slice(0, 60)}", which is another's.`,
      meaning: 'Data of one user leaks to others.',
    });
  }

  #broken(key: string, id: string, words: Pick<Sighting, 'title' | 'meaning'>): Promise<void> {
    const note = this.#book.note(key);
    note.isBroken = true;
    const figures = { user: this.#book.user, key, history: note.recent.join(' | ') };
    return this.#report({ id, figures, rule: 'a note is a register: its history is linearizable', ...words });
  }

  #report(sighting: Omit<Sighting, 'severity'> & Partial<Pick<Sighting, 'severity'>>): Promise<void> {
    return this.#context.report({ severity: 'high', ...sighting });
  }
}

interface Asked {
  answered(outcome: string): boolean;
  lost(): void;
  refused(): void;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
