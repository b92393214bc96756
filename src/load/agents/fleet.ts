/**
 * Agents that one coordinator has to itself: found, reserved, kept in touch with over one run or several,
 * and given back. It knows agents and no plan.
 */

import { type MachineKind, readMachineKind } from './facts-message.ts';
import { WireError } from './frame.ts';
import { agentSubject, groupSubject, type Link } from './link.ts';
import { MessageTransport, RefusedError } from './message-transport.ts';
import { RemoteAgent } from './remote-agent.ts';

/** Agents on the same network answer far sooner than that. */
const FIND_MS = 1000;
/** For `--agent-count`: machines that are just being started. */
const FIND_COUNT_MS = 30_000;
const ASK_AGAIN_MS = 500;
/** Two who want the same agents try again at different moments. */
const AGAIN_MS = 100;
const SILENCE_MS = 5000;
const AGENTS_MAX = 1000;

/** The agents cannot make this run: too few, too late, not allowed, or lost before it began. */
export class AgentsError extends Error {
  override readonly name = 'AgentsError';
}

export interface FleetOptions {
  readonly link: Link;
  /** The server, as people know it. */
  readonly shown: string;
  readonly group: string;
  /** The name by which agents tell others who asks: `host:pid`. */
  readonly name: string;
  /** Exactly so many, waited for. @default all that answer and are free */
  readonly count?: number | undefined;
  /** How long to look for agents. @default 1 s; with a count 30 s */
  readonly waitMs?: number | undefined;
  /** How long an agent may be silent until it is lost, and this side until agents stop. @default 5 s */
  readonly silenceMs?: number | undefined;
  readonly nowMs: () => number;
  readonly newId: () => string;
  /** Agents that are there and cannot take part, and why. */
  readonly onWarning: (text: string) => void;
}

interface Found {
  readonly id: string;
  readonly name: string;
  readonly machine: MachineKind;
  readonly busyWith: string | undefined;
}

export class Fleet {
  /** By name. */
  readonly agents: readonly RemoteAgent[];
  readonly nowMs: () => number;
  readonly warn: (text: string) => void;
  runCount = 0;

  private constructor(agents: readonly RemoteAgent[], options: FleetOptions) {
    this.agents = agents;
    this.nowMs = options.nowMs;
    this.warn = options.onWarning;
  }

  /** @throws AgentsError, LinkError */
  static async gather(options: FleetOptions, signal?: AbortSignal): Promise<Fleet> {
    const search = new Search(options);
    const untilMs =
      options.nowMs() + (options.waitMs ?? (options.count === undefined ? FIND_MS : FIND_COUNT_MS));
    for (;;) {
      const found = await search.look(untilMs, signal);
      const agents = await reserveAll(found, options);
      const isEnough = options.count === undefined ? agents.length > 0 : agents.length === options.count;
      if (isEnough && signal?.aborted !== true) {
        search.tell(agents);
        return new Fleet(agents, options);
      }
      await Promise.all(agents.map((agent) => agent.close()));
      // Somebody else was quicker: perhaps it needs them for a moment only.
      if (options.nowMs() >= untilMs || signal?.aborted === true || options.count === undefined)
        throw search.failure();
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS * (1 + Math.random())));
    }
  }

  /** Gives all back. Bounded. */
  async close(): Promise<void> {
    await Promise.all(this.agents.map((agent) => agent.close()));
  }
}

/** Asks around until there are enough agents, or it is late. */
class Search {
  readonly #options: FleetOptions;
  readonly #transport: MessageTransport;
  readonly #found = new Map<string, Found>();
  readonly #strangers = new Set<string>();

  constructor(options: FleetOptions) {
    this.#options = options;
    this.#transport = new MessageTransport(options.link, options.name, options.newId);
  }

  /** @returns agents that are free, by name; as many as are wanted, if there are */
  async look(untilMs: number, signal: AbortSignal | undefined): Promise<Found[]> {
    const { count, nowMs, group } = this.#options;
    this.#found.clear();
    while (nowMs() < untilMs && signal?.aborted !== true) {
      let onNews = () => {};
      const stop = this.#transport.askAll(
        groupSubject(group),
        { type: 'discover' },
        (answer) => {
          this.#take(answer.from, answer.fields);
          onNews();
        },
        (error) => this.#note(error),
      );
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, Math.min(ASK_AGAIN_MS, Math.max(0, untilMs - nowMs())));
        onNews = () => {
          if (count === undefined || this.#free().length < count) return;
          clearTimeout(timer);
          resolve();
        };
      });
      stop();
      if (count !== undefined && this.#free().length >= count) break;
    }
    return this.#free().slice(0, count ?? AGENTS_MAX);
  }

  #take(from: string, fields: Parameters<typeof readMachineKind>[0]): void {
    try {
      if (fields.text('type', 40) !== 'hello' || this.#found.size >= AGENTS_MAX) return;
      const id = fields.text('id', 100);
      if (!/^[\w-]+$/.test(id)) return;
      const busyWith = fields.maybe('busyWith', (name) => fields.text(name, 100));
      this.#found.set(id, { id, name: from, machine: readMachineKind(fields.object('machine')), busyWith });
    } catch (error) {
      this.#note(error);
    }
  }

  #note(error: unknown): void {
    if (error instanceof WireError || error instanceof RefusedError) this.#strangers.add(error.message);
  }

  #free(): Found[] {
    return withOwnNames([...this.#found.values()]).filter(({ busyWith }) => busyWith === undefined);
  }

  /** Warns of agents that answered and were not taken. */
  tell(agents: readonly RemoteAgent[]): void {
    const taken = new Set(agents.map(({ kind }) => kind.id));
    for (const { id, name, busyWith } of this.#found.values())
      if (!taken.has(id) && busyWith !== undefined)
        this.#options.onWarning(`agent ${name} is left out: it is busy with the run of ${busyWith}`);
    for (const message of this.#strangers) this.#options.onWarning(`an agent is left out: ${message}`);
  }

  failure(): AgentsError {
    const { shown, group, count } = this.#options;
    const all = withOwnNames([...this.#found.values()]);
    const busy = all.filter(({ busyWith }) => busyWith !== undefined);
    const where = `at ${shown}${group === 'default' ? '' : ` in group ${group}`}`;
    const notes = [
      ...busy.map(({ name, busyWith }) => `${name} is busy with the run of ${busyWith}`),
      ...this.#strangers,
    ];
    const start = `start one on each machine: holdfast load-agent ${shown}${group === 'default' ? '' : ` --group ${group}`}`;
    if (count === undefined && all.length === 0)
      return new AgentsError(
        [`no agent answers ${where}`, ...notes, notes.length === 0 ? start : ''].filter(Boolean).join('; '),
      );
    if (count === undefined) return new AgentsError([`no agent is free ${where}`, ...notes].join('; '));
    const free = all.length - busy.length;
    return new AgentsError(
      [
        `${count} agents are wanted, and ${free} ${free === 1 ? 'is' : 'are'} free ${where}`,
        ...notes,
        start,
      ].join('; '),
    );
  }
}

/** By name; agents of the same name are told apart by a number. */
function withOwnNames(found: readonly Found[]): Found[] {
  const sorted = [...found].sort((a, b) => compare(a.name, b.name) || compare(a.id, b.id));
  const counts = new Map<string, number>();
  return sorted.map((each) => {
    const count = (counts.get(each.name) ?? 0) + 1;
    counts.set(each.name, count);
    return count === 1 ? each : { ...each, name: `${each.name}#${count}` };
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** @returns those that could be had: another coordinator may have been quicker */
async function reserveAll(found: readonly Found[], options: FleetOptions): Promise<RemoteAgent[]> {
  const parts = {
    transport: new MessageTransport(options.link, options.name, options.newId),
    session: options.newId(),
    silenceMs: options.silenceMs ?? SILENCE_MS,
    nowMs: options.nowMs,
  };
  const agents = await Promise.all(
    found.map(async ({ id, name, machine }) => {
      const agent = new RemoteAgent({ id, name, machine, subject: agentSubject(options.group, id) }, parts);
      try {
        await agent.reserve();
        return agent;
      } catch (error) {
        options.onWarning(`agent ${name} is left out: ${(error as Error).message}`);
        return undefined;
      }
    }),
  );
  return agents.filter((agent) => agent !== undefined);
}
