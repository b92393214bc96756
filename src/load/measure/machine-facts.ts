/**
 * What one machine that made load knows of its own limits, as plain data: what the verdict needs beside
 * the counts. With several machines each tells of itself.
 */
import type { LoadPlan } from '../plan/load-plan.ts';
import type { MachineSummary } from './load-result.ts';
import type { NetworkFacts } from './network-facts.ts';
import type { RunTotals } from './run-totals.ts';
import type { ServerCpu } from './server-process.ts';
import type { PortFacts } from './source-ports.ts';

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
  /** Only machines are here that could tell in the end. */
  readonly shares: readonly MachineShare[];
}

export interface MachineShare {
  /** The machine's name. */
  readonly name: string;
  readonly plan: LoadPlan;
  readonly totals: RunTotals;
  readonly facts: MachineFacts;
}

/** Sums over the machines that made the load, where there are such; the server may be on any, or here. */
export function mergeFacts(here: MachineFacts, shares: readonly MachineShare[] | undefined): MachineFacts {
  if (shares === undefined) return here;
  const all = shares.map(({ facts }) => facts);
  const fullest = all.reduce<MachineFacts | undefined>(
    (most, facts) => ((facts.portsMax ?? -1) > (most?.portsMax ?? -1) ? facts : most),
    undefined,
  );
  return {
    cores: all.reduce((sum, { cores }) => sum + cores, 0),
    userMs: all.reduce((sum, { userMs }) => sum + userMs, 0),
    systemMs: all.reduce((sum, { systemMs }) => sum + systemMs, 0),
    server: here.server ?? all.find(({ server }) => server !== undefined)?.server,
    ports: fullest?.ports,
    portsMax: fullest?.portsMax,
    descriptorsMax: undefined,
    network: undefined,
  };
}
