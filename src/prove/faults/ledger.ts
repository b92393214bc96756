/**
 * What an application has acknowledged, where it keeps notes: one user who writes all the time, and afterwards reads whether
 * each note is what was acknowledged last. What was asked and not answered may have happened or not.
 */
import { Member } from '../sessions/member.ts';
import { USUAL_OPERATIONS } from '../sessions/operations.ts';
import type { Target } from '../target/target.ts';
import type { Visit } from './visitors.ts';

interface Entry {
  /** Undefined while nothing was acknowledged. */
  acknowledged: string | undefined;
  /** Sent since then, and not answered. */
  readonly unknown: Set<string>;
}

interface Loss {
  readonly key: string;
  readonly acknowledged: string;
  readonly read: string;
}

/** Each write has a note of its own for as long as a fault lasts, so that none hides that another was lost. */
const KEYS_MAX = 1000;
const PAUSE_MS = 20;
const READ_TRIES = 20;
const READ_AGAIN_MS = 250;

export class Ledger {
  /** Writes as visits: what was asked when, and whether it was acknowledged. */
  readonly writes: Visit[] = [];
  readonly #member: Member;
  readonly #user: string;
  readonly #entries = new Map<string, Entry>();
  #isOver = false;
  #running: Promise<void> = Promise.resolve();

  private constructor(member: Member, user: string) {
    this.#member = member;
    this.#user = user;
  }

  /** @returns undefined where the application has no notes, or lets nobody in */
  static async open(target: Target, signal: AbortSignal): Promise<Ledger | undefined> {
    const member = new Member(target, target.paths.operations ?? USUAL_OPERATIONS, signal);
    const user = `prove-fault-${Date.now().toString(36)}`;
    const { status, json } = await member.logIn(user);
    if (status !== 200 || json['user'] !== user) {
      member.close();
      return undefined;
    }
    const ledger = new Ledger(member, user);
    ledger.#running = ledger.#write();
    return ledger;
  }

  get acknowledgedCount(): number {
    return this.writes.filter(({ failure }) => failure === undefined).length;
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  /** What was acknowledged and is not there; after `stop`. */
  async losses(): Promise<Loss[]> {
    const losses: Loss[] = [];
    for (const [key, { acknowledged, unknown }] of this.#entries) {
      const read = await this.#read(key);
      if (acknowledged === undefined || read === undefined) continue;
      if (read !== acknowledged && !unknown.has(read)) losses.push({ key, acknowledged, read });
      await this.#member.ask('removeNote', key);
    }
    this.#member.close();
    return losses;
  }

  async #write(): Promise<void> {
    for (let n = 0; !this.#isOver; n++) {
      const key = `ledger-${n % KEYS_MAX}`;
      const entry = this.#entries.get(key) ?? { acknowledged: undefined, unknown: new Set() };
      this.#entries.set(key, entry);
      const value = `${key} ${n}`;
      entry.unknown.add(value);
      const askedAtMs = performance.now();
      const { status, failure } = await this.#member.ask('writeNote', key, { value });
      const isDone = status === 200 || status === 201;
      if (isDone) {
        entry.acknowledged = value;
        entry.unknown.clear();
      } else if (status !== undefined && status < 500) entry.unknown.delete(value);
      // A refusal by rate is no fault of the server.
      if (status !== 429)
        this.writes.push({
          ...{ askedAtMs, endedAtMs: performance.now() },
          failure: isDone ? undefined : (failure ?? `status ${status ?? 'none'}`),
        });
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  /** @returns its value, or 'no note'; undefined where nobody would say, which the writes tell of */
  async #read(key: string): Promise<string | undefined> {
    for (let tries = 0; tries < READ_TRIES; tries++) {
      const { status, json } = await this.#member.ask('readNote', key);
      if (status === 200) return String(json['value']);
      if (status === 404) return 'no note';
      if (status === 401) await this.#member.logIn(this.#user);
      else await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS));
    }
    return undefined;
  }
}
