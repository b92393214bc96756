/** What the verdict asks of a run, gathered from its plan, its totals and what was seen of the machine. */

import { asksForClose } from '../client/h1-request-encoder.ts';
import type { VerdictInput } from '../judge/verdict.ts';
import { meanUs, percentileUs } from '../measure/latency-counts.ts';
import type { SecondSample } from '../measure/load-result.ts';
import type { MachineFacts, MachineShare } from '../measure/machine-facts.ts';
import { endedCount, type RunTotals } from '../measure/run-totals.ts';
import type { LoadPlan } from '../plan/load-plan.ts';
import { Schedule } from '../plan/rate-schedule.ts';

/** @param series seconds whose marks are evidence */
export function verdictInput(
  plan: LoadPlan,
  totals: RunTotals,
  facts: MachineFacts,
  series: readonly SecondSample[],
): VerdictInput {
  const { counters } = totals;
  const service = plan.ratePerSecond === undefined ? totals.latency : totals.serviceTime;
  return {
    measuredMs: totals.measuredMs,
    connections: plan.connections,
    pipeline: plan.pipeline,
    newConnection: plan.newConnection,
    hasSourceAddresses: plan.sourceAddresses.length > 0,
    serverCloses: plan.requests.every(({ bytes }) => asksForClose(bytes)),
    ratePerSecond: plan.ratePerSecond,
    dueCount: dueCount(plan, totals.measuredMs),
    thinkMs: (plan.thinkMinMs + plan.thinkMaxMs) / 2,
    requestCount: plan.requestCount,
    answered: counters.answered,
    ended: endedCount(counters),
    failedWithoutAnswer: counters.failed + counters.notSent,
    refused: counters.refused + counters.checkFailed,
    notRepeated: counters.notRepeated,
    statuses: totals.statuses,
    errors: totals.errors,
    meanServiceMs: meanUs(service) / 1000,
    connectionsOpened: counters.opened,
    closedHere: counters.closedHere,
    threads: totals.threads,
    cores: facts.cores,
    server: facts.server,
    ports: facts.ports,
    portsMax: facts.portsMax,
    descriptorsMax: facts.descriptorsMax,
    network: facts.network,
    series,
    sendDelayP99Ms: percentileUs(totals.sendDelay, 99) / 1000,
  };
}

/** How many requests were due in the measured part; the schedule begins with the warm-up. */
function dueCount(plan: LoadPlan, measuredMs: number): number | undefined {
  if (plan.ratePerSecond === undefined) return undefined;
  const schedule = new Schedule(0, plan.ratePerSecond, 0, plan.rampMs);
  const lengthMs = Math.min(measuredMs, plan.durationMs ?? Number.POSITIVE_INFINITY);
  const due = schedule.countBefore(plan.warmupMs + lengthMs) - schedule.countBefore(plan.warmupMs);
  return Math.min(due, plan.requestCount ?? Number.POSITIVE_INFINITY);
}

/** The same for one machine of several; the server may run on any of them. */
export function shareInput({ plan, totals, facts }: MachineShare, merged: MachineFacts): VerdictInput {
  return verdictInput(plan, totals, { ...facts, server: merged.server }, []);
}
