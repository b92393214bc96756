/**
 * One run on a fleet: the plan is divided, every agent gets ready, all begin at one moment, each in its own
 * clock, and what they count is put together. What goes wrong before that moment breaks the run off, since
 * nothing has been measured; what goes wrong after it is survived, and told.
 */

import { KeptSeconds } from '../measure/kept-seconds.ts';
import type { MachineSummary } from '../measure/load-result.ts';
import type { MachineShare, RunElsewhere } from '../measure/machine-facts.ts';
import type { RunTotals } from '../measure/run-totals.ts';
import { SecondGatherer } from '../measure/second-gatherer.ts';
import { dividePlan, type LoadPlan } from '../plan/load-plan.ts';
import type { RunObserver } from '../run/run-on-threads.ts';
import { AgentsError, type Fleet } from './fleet.ts';
import { encodePlan } from './plan-message.ts';
import type { RemoteAgent, RemoteRun } from './remote-agent.ts';

/** Threads load and make their engines; on a machine that is waking up, or compiling scripts, slowly. */
const READY_MS_MAX = 30_000;
const LEAD_MS = 750;
/** Beyond that, so many round trips. */
const LEAD_DELAYS = 10;
/** An agent that has not confirmed this long before the moment may not begin in time. */
const CONFIRMED_MS = 50;
/** Beyond its last second and the time limit of its requests. */
const NEWS_MS_MAX = 30_000;
/** From being told to stop to its totals: threads are ended by force after two seconds. */
const STOP_MS_MAX = 10_000;
/** Threads of one machine have seeds one after the other. */
const SEEDS_A_MACHINE = 1024;

interface FleetRunOptions {
  /** For each machine. @default each chooses by its connections and cores */
  readonly threads?: number | undefined;
  /** From the word to begin until the moment. @default 750 ms: a NATS server or a machine may stall for less */
  readonly leadMs?: number | undefined;
}

interface Share {
  readonly agent: RemoteAgent;
  readonly run: RemoteRun;
  totals: RunTotals;
  machine: MachineSummary;
  share: MachineShare | undefined;
}

/** What became of a run: the totals of each machine, and what each tells of itself. */
export interface FleetResult {
  readonly parts: readonly RunTotals[];
  readonly elsewhere: RunElsewhere;
  /** Names of the agents that did not see it through. */
  readonly lost: readonly string[];
}

/**
 * @param signal breaks the run off; it resolves all the same, with what there is
 * @throws AgentsError, WireError for plans that do not travel
 */
export async function runOnFleet(
  fleet: Fleet,
  plan: LoadPlan,
  options: FleetRunOptions,
  observer: RunObserver,
  signal?: AbortSignal,
): Promise<FleetResult> {
  const run = new FleetRun(fleet, plan, observer);
  const stop = () => run.stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const begun = signal?.aborted !== true && (await run.begin(options));
    return begun ? await run.finish() : NOTHING;
  } catch (error) {
    if (signal?.aborted === true) return NOTHING;
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

const NOTHING: FleetResult = { parts: [], elsewhere: { machines: [], shares: [] }, lost: [] };

class FleetRun {
  readonly #fleet: Fleet;
  readonly #observer: RunObserver;
  readonly #shares: readonly { readonly agent: RemoteAgent; readonly run: RemoteRun }[];
  readonly #gatherer: SecondGatherer;
  #isStopped = false;
  #startMs = 0;

  constructor(fleet: Fleet, plan: LoadPlan, observer: RunObserver) {
    this.#fleet = fleet;
    this.#observer = observer;
    const parts = divide(plan, fleet.agents.length);
    fleet.runCount++;
    this.#gatherer = new SecondGatherer(parts.length, (report) => observer.onSecond?.(report));
    this.#shares = parts.map((part, index) => ({
      agent: fleet.agents[index]!, // divide makes no more parts than there are agents
      run: newRun(fleet.runCount, part, (report) => this.#gatherer.add(index, report)),
    }));
    for (const { kind } of fleet.agents.slice(parts.length))
      fleet.warn(`agent ${kind.name} is left out: there is no connection, or no request, for it`);
  }

  /** @returns false when it was stopped before it began */
  async begin({ threads, leadMs }: FleetRunOptions): Promise<boolean> {
    const plans = this.#shares.map(({ run }) => encodePlan(run.plan));
    await this.#each('could not be asked for its clock', (agent) => agent.measureClock());
    await this.#each('cannot take its share', (agent, index) =>
      agent.prepare(this.#shares[index]!.run, plans[index]!, threads),
    );
    await this.#allReady();
    if (this.#isStopped) return false;
    const { run } = this.#shares[0]!; // a plan has a connection, so there is a part
    this.#observer.onReady?.(run.engine, run.reason);
    await this.#startTogether(leadMs ?? LEAD_MS);
    await sleep(this.#startMs - this.#fleet.nowMs());
    this.#observer.onStart?.();
    return true;
  }

  stop(): void {
    this.#isStopped = true;
    for (const { agent } of this.#shares) agent.stop();
  }

  async finish(): Promise<FleetResult> {
    const shares = await Promise.all(this.#shares.map((each, index) => this.#finishOne(each, index)));
    return {
      parts: shares.map(({ totals }) => totals),
      elsewhere: {
        machines: shares.map(({ machine }) => machine),
        shares: shares.flatMap(({ share }) => (share === undefined ? [] : [share])),
      },
      lost: shares.flatMap(({ machine }) => (machine.lost === undefined ? [] : [machine.name])),
    };
  }

  /** Does something with every agent at once; the first failure ends the run for all. */
  async #each(what: string, act: (agent: RemoteAgent, index: number) => Promise<void>): Promise<void> {
    const tries = this.#shares.map(async ({ agent }, index) => {
      if (agent.lost === undefined) {
        try {
          await act(agent, index);
        } catch (error) {
          throw this.#failure(agent, what, (error as Error).message);
        }
      }
      if (agent.lost !== undefined) throw this.#failure(agent, 'is lost', agent.lost);
    });
    const [failed] = (await Promise.allSettled(tries)).filter((each) => each.status === 'rejected');
    if (failed === undefined) return;
    this.stop();
    throw failed.reason;
  }

  #failure(agent: RemoteAgent, what: string, why: string): AgentsError {
    return new AgentsError(`agent ${agent.kind.name} ${what}: ${why}; the run was not begun`);
  }

  async #allReady(): Promise<void> {
    const late = new Promise<void>((resolve) => setTimeout(resolve, READY_MS_MAX).unref());
    await this.#each('is not ready', async (agent) => {
      const { run } = agent;
      await Promise.race([agent.until(() => run?.state !== 'idle' && run?.state !== 'preparing'), late]);
      if (agent.lost !== undefined || this.#isStopped) return;
      if (agent.leaving !== undefined) throw new Error(`it is being ended (${agent.leaving})`);
      if (run?.state !== 'ready')
        throw new Error(run?.failure?.message ?? `it took more than ${READY_MS_MAX / 1000} s`);
    });
  }

  /** All confirm before the moment, or none begins. */
  async #startTogether(leastMs: number): Promise<void> {
    const delayMs = Math.max(...this.#shares.map(({ agent }) => agent.clock.delayMs));
    const leadMs = leastMs + LEAD_DELAYS * delayMs;
    this.#startMs = this.#fleet.nowMs() + leadMs;
    await this.#each('cannot begin with the others', (agent) =>
      agent.start(this.#startMs, this.#startMs - CONFIRMED_MS),
    );
  }

  async #finishOne({ agent, run }: { agent: RemoteAgent; run: RemoteRun }, index: number): Promise<Share> {
    const watch = setInterval(() => this.#watch(agent, run), 1000);
    let result: Awaited<ReturnType<RemoteAgent['fetch']>> | undefined;
    try {
      await agent.until(() => run.state === 'done' || run.state === 'failed');
      clearInterval(watch);
      if (agent.lost === undefined && run.state === 'done') result = await agent.fetch();
    } catch (error) {
      if (agent.lost === undefined) agent.lose(`its totals could not be had: ${(error as Error).message}`);
    } finally {
      clearInterval(watch);
      this.#gatherer.end(index);
    }
    const totals = result?.totals ?? run.kept.totals(run.engine);
    const { counters } = totals;
    const why = this.#lossOf(agent, run, result !== undefined);
    if (why !== undefined) this.#fleet.warn(`agent ${agent.kind.name} was lost ${why}`);
    return {
      agent,
      run,
      totals,
      machine: {
        ...agent.kind.machine,
        name: agent.kind.name,
        answered: counters.answered + counters.answeredLate,
        startUncertaintyMs: agent.clock.uncertaintyMs,
        ...(why === undefined ? {} : { lost: why }),
      },
      share:
        result === undefined
          ? undefined
          : { name: agent.kind.name, plan: run.plan, totals, facts: result.facts },
    };
  }

  /** Threads that hang send no seconds, though the agent answers. */
  #watch(agent: RemoteAgent, run: RemoteRun): void {
    const { timeoutMs } = run.plan;
    const sinceMs = this.#fleet.nowMs() - Math.max(run.newsMs, this.#startMs);
    const limitMs = NEWS_MS_MAX + timeoutMs;
    if (sinceMs > limitMs) agent.stop();
    const isOverdue = sinceMs > limitMs + STOP_MS_MAX;
    const isDeaf = run.stoppedMs !== undefined && this.#fleet.nowMs() - run.stoppedMs > STOP_MS_MAX;
    if (isOverdue || isDeaf) agent.lose('its threads neither counted nor ended');
  }

  /** @returns what to say of a machine that did not see it through */
  #lossOf(agent: RemoteAgent, run: RemoteRun, hasTotals: boolean): string | undefined {
    const reason =
      agent.lost ??
      run.failure?.message ??
      (agent.leaving === undefined ? undefined : `ended by its operator (${agent.leaving})`);
    if (reason === undefined) return undefined;
    const until = run.kept.count === 0 ? 'before its first second was over' : `after ${run.kept.count} s`;
    return hasTotals
      ? `${until}: ${reason}; what it had counted until then is included`
      : `${until}: ${reason}; what it had reported until then is included, without statuses; the rest of its share is missing`;
  }
}

function newRun(number: number, plan: LoadPlan, onSecond: RemoteRun['onSecond']): RemoteRun {
  return {
    number,
    plan,
    kept: new KeptSeconds(),
    onSecond,
    state: 'idle',
    engine: '',
    reason: '',
    failure: undefined,
    seen: 0,
    newsMs: 0,
    stoppedMs: undefined,
  };
}

/** Divides a plan as it is divided among threads, with seeds far enough apart for the threads of each machine. */
function divide(plan: LoadPlan, machineCount: number): LoadPlan[] {
  return dividePlan(plan, machineCount).map((part, index) => ({
    ...part,
    seed: plan.seed + index * SEEDS_A_MACHINE,
  }));
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
