/**
 * What one machine that made load knows of its own limits, as plain data: what the verdict needs beside
 * the counts. With several machines each tells of itself.
 */
import type { LoadPlan } from './plan.ts';
import type { MachineSummary } from './result.ts';
import type { ServerCpu } from './server-process.ts';
import type { PortFacts } from './source-ports.ts';
import type { RunTotals } from './totals.ts';
import type { NetworkFacts } from './verdict.ts';

export interface MachineFacts {
  /** That the client may use. */
  readonly cores: number;
  /** CPU time of the whole process over the measured part. */
  readonly userMs: number;
  readonly systemMs: number;
  /** When the server runs on this machine and may be looked at. */
  readonly server: ServerCpu | undefined;
  readonly ports: PortFacts | undefined;
  readonly portsMax: number | undefined;
  readonly descriptorsMax: number | undefined;
  readonly network: NetworkFacts | undefined;
}

/** What ran on other machines. */
export interface RunElsewhere {
  readonly machines: readonly MachineSummary[];
  /** Of the machines that could tell in the end. */
  readonly shares: readonly MachineShare[];
}

export interface MachineShare {
  /** The machine's name. */
  readonly name: string;
  readonly plan: LoadPlan;
  readonly totals: RunTotals;
  readonly facts: MachineFacts;
}
