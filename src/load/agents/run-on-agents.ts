/**
 * The door to agents for a command: connects to NATS, gathers agents, and gives what `coordinateRun` takes in
 * place of threads of this machine. Several runs may follow each other on the same agents.
 */
import { hostname } from 'node:os';
import { parseNatsUrl } from '../../nats/nats-url.ts';
import type { RunElsewhere } from '../measure/machine-facts.ts';
import { monotonicMs } from '../run/monotonic-clock.ts';
import type { runOnThreads } from '../run/run-on-threads.ts';
import { AgentsError, Fleet } from './fleet.ts';
import { runOnFleet } from './fleet-run.ts';
import type { Link } from './link.ts';
import { connectNats } from './nats-link.ts';

interface AgentsOptions {
  /** `nats://host:4222`, see `parseNatsUrl`. */
  readonly natsUrl: string;
  /** @default 'default' */
  readonly group?: string | undefined;
  readonly credentialsFile?: string | undefined;
  /** See FleetOptions. */
  readonly count?: number | undefined;
  readonly waitMs?: number | undefined;
  readonly silenceMs?: number | undefined;
  /** The number on each machine. @default each chooses by its connections and cores */
  readonly threads?: number | undefined;
  readonly onWarning: (text: string) => void;
}

export const DEFAULT_GROUP = 'default';

export class Agents {
  /** Whether one of them did not see a run through. */
  hasLost = false;
  readonly #link: Link;
  readonly #fleet: Fleet;
  readonly #options: AgentsOptions;
  #elsewhere: RunElsewhere = { machines: [], shares: [] };

  private constructor(link: Link, fleet: Fleet, options: AgentsOptions) {
    this.#link = link;
    this.#fleet = fleet;
    this.#options = options;
  }

  /**
   * Finds agents and reserves them.
   * @throws OptionError for a wrong URL, NatsError without the server, AgentsError without agents
   */
  static async open(options: AgentsOptions, signal?: AbortSignal): Promise<Agents> {
    const address = parseNatsUrl('--agents', options.natsUrl);
    const name = coordinatorName();
    const link = await connectNats(address, {
      name: `holdfast load ${name}`,
      credentialsFile: options.credentialsFile,
      onState: options.onWarning,
    });
    try {
      const fleet = await Fleet.gather(
        {
          link,
          name,
          shown: address.shown,
          group: options.group ?? DEFAULT_GROUP,
          count: options.count,
          waitMs: options.waitMs,
          silenceMs: options.silenceMs,
          nowMs: monotonicMs,
          newId: () => crypto.randomUUID(),
          onWarning: options.onWarning,
        },
        signal,
      );
      return new Agents(link, fleet, options);
    } catch (error) {
      await link.close();
      throw error;
    }
  }

  get names(): readonly string[] {
    return this.#fleet.agents.map(({ kind }) => kind.name);
  }

  /** In place of `runOnThreads`; its options are for threads of this machine and of no use here. */
  readonly run: typeof runOnThreads = async (plan, observer, signal) => {
    const gone = this.#fleet.agents.find(({ lost }) => lost !== undefined);
    if (gone !== undefined)
      throw new AgentsError(`agent ${gone.kind.name} is lost (${gone.lost}); the next run was not begun`);
    const { threads } = this.#options;
    const { parts, elsewhere, lost } = await runOnFleet(this.#fleet, plan, { threads }, observer, signal);
    this.#elsewhere = elsewhere;
    if (lost.length > 0) this.hasLost = true;
    return [...parts];
  };

  /** Says what the last run's machines told. */
  elsewhere(): RunElsewhere {
    return this.#elsewhere;
  }

  /** Gives the agents back. Bounded. */
  async close(): Promise<void> {
    await this.#fleet.close();
    await this.#link.close();
  }
}

function coordinatorName(): string {
  return `${plainName(hostname())}:${process.pid}`;
}

/** A host's name as messages can carry it. */
export function plainName(text: string): string {
  return text.replace(/[^\w.-]/g, '-').slice(0, 60) || 'unnamed';
}
