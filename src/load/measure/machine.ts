/** What this machine is, as a result tells it. */
import { arch, availableParallelism, cpus, release, totalmem, type } from 'node:os';
import type { MachineSummary } from './load-result.ts';

export function describeMachine(name: string, answered: number): MachineSummary {
  return {
    name,
    os: `${type()} ${release()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.versions.node,
    answered,
  };
}
