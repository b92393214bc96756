/**
 * An agent: makes load for whoever asks over the link, for one coordinator at a time. A coordinator first
 * reserves it, for a session of one or more runs, and must be heard from while the session lasts: one that
 * falls silent is taken for dead, its run is stopped, and the agent is free again.
 */
import { availableParallelism } from 'node:os';
import { grouped } from '../measure/number-text.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import { AgentRun } from './agent-run.ts';
import type { MachineKind } from './facts-message.ts';
import type { Fields } from './fields.ts';
import { agentSubject, groupSubject, type Link } from './link.ts';
import { answerAt, type Question, RefusedError } from './message-transport.ts';
import { readPlan } from './plan-message.ts';
import type { RunShare } from './run-share.ts';
import type { TargetRules } from './target-rules.ts';

/** What a coordinator may ask for; it says how long it can be silent, within these. */
const SILENCE_MS_MIN = 500;
const SILENCE_MS_MAX = 60_000;
const CHECK_MS = 100;
/** Silence counts only when this process has looked that often: it may have been held up itself. */
const CHECKS_MIN = 4;
/** A session that is left at the end gets this long to fetch what there is. */
const LEAVE_MS = 5000;
/** One thread keeps this many connections busy. */
const CONNECTIONS_A_THREAD = 16;
const THREADS_AUTO_MAX = 4;
/** What cannot be read is told of so often, and then only counted. */
const REFUSALS_LOGGED = 20;

interface AgentParts {
  readonly link: Link;
  readonly group: string;
  /** No other agent has the same. */
  readonly id: string;
  readonly name: string;
  readonly holdfastVersion: string;
  readonly machine: MachineKind;
  /** In place of what the coordinator asks for. */
  readonly engine?: LoadPlan['engine'] | undefined;
  readonly threads?: number | undefined;
  readonly rules: TargetRules;
  readonly runShare: RunShare;
  /** `monotonicMs`: the clock that threads are started by. */
  readonly nowMs: () => number;
  readonly newId: () => string;
  readonly log: { info(text: string): void; warn(text: string): void };
}

interface Session {
  readonly id: string;
  /** The coordinator, by the name it gave. */
  readonly owner: string;
  readonly silenceMs: number;
  heardMs: number;
  checksSince: number;
  run: AgentRun | undefined;
  /** No more is taken from it; it lasts until its run's threads are gone. */
  isEnding: boolean;
}

export class LoadAgent {
  readonly #parts: AgentParts;
  #session: Session | undefined;
  #leaving: string | undefined;
  #onFree: () => void = () => {};
  #refusals = 0;
  readonly #timer: NodeJS.Timeout;

  /** Listens at once. */
  constructor(parts: AgentParts) {
    this.#parts = parts;
    const answerer = {
      name: parts.name,
      newId: parts.newId,
      nowMs: parts.nowMs,
      answer: (question: Question) => this.#answer(question),
      onRefused: (error: Error, from: string | undefined) => this.#logRefusal(error, from),
    };
    answerAt(parts.link, groupSubject(parts.group), answerer);
    answerAt(parts.link, agentSubject(parts.group, parts.id), answerer);
    this.#timer = setInterval(() => this.#check(), CHECK_MS);
  }

  /** The name of the machine that it works for now. */
  get busyWith(): string | undefined {
    return this.#session?.owner;
  }

  /**
   * Stops what is under way, lets the coordinator fetch it, and ends. Bounded.
   * @param why told to the coordinator
   */
  async leave(why: string): Promise<void> {
    this.#leaving = why;
    this.#session?.run?.stop();
    if (this.#session !== undefined) {
      const free = new Promise<void>((resolve) => (this.#onFree = resolve));
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([free, new Promise((resolve) => (timer = setTimeout(resolve, LEAVE_MS)))]);
      clearTimeout(timer);
    }
    clearInterval(this.#timer);
  }

  #answer(question: Question): object | undefined | Promise<object | undefined> {
    const { fields, from } = question;
    switch (fields.text('type', 40)) {
      case 'discover':
        return this.#leaving === undefined ? this.#hello() : undefined;
      case 'clock':
        return { type: 'time', receivedMs: question.receivedMs, repliedMs: this.#parts.nowMs() };
      case 'reserve':
        return this.#reserve(fields, from);
      case 'prepare':
        return this.#prepare(fields);
      case 'start':
        this.#run(fields).start(fields.number('atMs', 0, Number.MAX_SAFE_INTEGER), this.#parts.nowMs());
        return { type: 'started' };
      case 'poll':
        return this.#poll(fields);
      case 'fetch':
        return { type: 'totals', ...this.#run(fields).totals() };
      case 'release':
        return this.#release(fields);
      default:
        throw new RefusedError('malformed', 'a question that nobody here knows');
    }
  }

  #hello(): object {
    const { id, holdfastVersion, machine } = this.#parts;
    return { type: 'hello', id, holdfastVersion, machine, busyWith: this.busyWith };
  }

  #reserve(fields: Fields, from: string): object {
    const id = fields.text('session', 100);
    const silenceMs = fields.number('silenceMs', SILENCE_MS_MIN, SILENCE_MS_MAX);
    if (this.#leaving !== undefined) throw new RefusedError('leaving', `it is ending (${this.#leaving})`);
    if (this.#session !== undefined && this.#session.id !== id)
      throw new RefusedError('busy', `it is busy with the run of ${this.#session.owner}`);
    this.#session ??= {
      id,
      owner: from,
      silenceMs,
      heardMs: this.#parts.nowMs(),
      checksSince: 0,
      run: undefined,
      isEnding: false,
    };
    return { type: 'reserved' };
  }

  async #prepare(fields: Fields): Promise<object> {
    const session = this.#heard(fields);
    const number = fields.integer('run', 1, 1e9);
    if (session.run?.number === number) return { type: 'prepared' }; // Asked again.
    const asked = readPlan(fields.object('plan'));
    const plan = {
      ...asked,
      engine: this.#parts.engine ?? asked.engine,
      threads: this.#parts.threads ?? (fields.has('threads') ? asked.threads : autoThreads(asked)),
    };
    for (const { connects, origin } of plan.targets)
      for (const connect of connects)
        if ('unix' in connect || !(await this.#parts.rules.allows(connect)))
          throw new RefusedError('target', `it is not allowed to load ${origin} (--allow-target)`);
    // Names were looked up meanwhile: all may have changed.
    if (this.#session !== session || session.isEnding || this.#leaving !== undefined)
      throw new RefusedError('session', 'the session has ended');
    if (session.run?.number === number) return { type: 'prepared' };
    if (session.run !== undefined && session.run.state !== 'done' && session.run.state !== 'failed')
      throw new RefusedError('state', 'the run before has not ended');
    session.run = this.#begin(number, plan, session);
    return { type: 'prepared' };
  }

  #begin(number: number, plan: LoadPlan, session: Session): AgentRun {
    const { log } = this.#parts;
    const what = `run ${number} of ${session.owner}`;
    log.info(`${what}: ${describe(plan)}`);
    const run = new AgentRun(number, plan, this.#parts.runShare);
    void run.ended.then(() => {
      if (run.failureMessage !== undefined) log.warn(`${what}: ${run.failureMessage}`);
      else log.info(`${what} has ended: ${grouped(run.answered)} answered`);
      if (session.isEnding) this.#free(session);
    });
    return run;
  }

  #poll(fields: Fields): object {
    const session = this.#heard(fields);
    const number = fields.integer('run', 0, 1e9);
    const seen = fields.integer('seen', 0, Number.MAX_SAFE_INTEGER);
    const { run } = session;
    if (fields.flag('stop')) run?.stop();
    const status = run !== undefined && run.number === number ? run.status(seen) : { state: 'idle' };
    return { type: 'status', ...status, leaving: this.#leaving };
  }

  #release(fields: Fields): object {
    const id = fields.text('session', 100);
    if (this.#session?.id === id) this.#end(this.#session);
    return { type: 'released' };
  }

  #run(fields: Fields): AgentRun {
    const { run } = this.#heard(fields);
    if (run === undefined || run.number !== fields.integer('run', 1, 1e9))
      throw new RefusedError('state', 'it has no such run');
    return run;
  }

  /** @throws RefusedError when the session is not this one */
  #heard(fields: Fields): Session {
    const session = this.#session;
    if (session === undefined || session.isEnding || session.id !== fields.text('session', 100))
      throw new RefusedError('session', 'it has no such session: it may have heard nothing for too long');
    session.heardMs = this.#parts.nowMs();
    session.checksSince = 0;
    return session;
  }

  #check(): void {
    const session = this.#session;
    if (session === undefined || session.isEnding) return;
    session.checksSince++;
    const silentMs = this.#parts.nowMs() - session.heardMs;
    if (session.checksSince < CHECKS_MIN || silentMs <= session.silenceMs) return;
    this.#parts.log.warn(
      `nothing heard from ${session.owner} for ${(silentMs / 1000).toFixed(1)} s: its run is over, and this agent free again`,
    );
    this.#end(session);
  }

  #end(session: Session): void {
    session.isEnding = true;
    const { run } = session;
    if (run === undefined || run.state === 'done' || run.state === 'failed') this.#free(session);
    else run.stop();
  }

  #free(session: Session): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    this.#onFree();
  }

  #logRefusal(error: Error, from: string | undefined): void {
    this.#refusals++;
    if (this.#refusals > REFUSALS_LOGGED) return;
    const more = this.#refusals === REFUSALS_LOGGED ? ' (and no more of these will be told)' : '';
    this.#parts.log.warn(`refused ${from ?? 'somebody'}: ${error.message}${more}`);
  }
}

/** The server is elsewhere, so unlike a run on one machine this may take all cores. */
function autoThreads({ connections }: LoadPlan): number {
  return Math.min(THREADS_AUTO_MAX, availableParallelism(), Math.ceil(connections / CONNECTIONS_A_THREAD));
}

function describe({
  targets,
  connections,
  threads,
  ratePerSecond,
  durationMs,
  requestCount,
}: LoadPlan): string {
  const rate = ratePerSecond === undefined ? '' : `, ${grouped(ratePerSecond)} requests/s`;
  const count = requestCount === undefined ? '' : `, ${grouped(requestCount)} requests`;
  const time = durationMs === undefined ? '' : `, for ${(durationMs / 1000).toFixed(1)} s`;
  const where = targets.map(({ origin }) => origin).join(' ');
  return `${where.slice(0, 200)}, ${grouped(connections)} connections on ${threads} ${threads === 1 ? 'thread' : 'threads'}${rate}${count}${time}`;
}
