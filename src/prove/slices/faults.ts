/**
 * What happens to servers from outside: stopped and continued, told to reload, a worker that ends, a disk that is full, a
 * database that is gone, a clock that jumps, a link that is down. Each strikes a server of its own, some at the same time, so
 * only servers that this run can start are struck.
 */
import { clockJump } from '../faults/clock-jump.ts';
import { diskFull } from '../faults/disk-full.ts';
import { runLinkDown } from '../faults/link-down.ts';
import { runFault } from '../faults/run-fault.ts';
import { longStop, reload, shortStop } from '../faults/signals.ts';
import { upstreamFaults } from '../faults/upstream-gone.ts';
import { workerEnd } from '../faults/worker-end.ts';
import { inLanes, type Slice } from './slice.ts';

/** They mostly wait; more would wait for each other. */
const LANES = 3;

export const faults: Slice = {
  name: 'faults',
  does: 'stops it, reloads it, ends its workers, fills its disk, takes its database, moves its clock, cuts its link',
  version: 'h1',
  mustBeZero: 'an acknowledged request lost; a request failed that need not; no recovery in the time stated',
  async run(context) {
    const { order, signal } = context;
    if (order === undefined) return 'only servers that prove starts itself are stopped and struck';
    const one = [shortStop, longStop, reload, workerEnd, diskFull, clockJump, ...upstreamFaults(order)];
    const works = [
      () => runLinkDown(order, context),
      ...one.map((fault) => () => runFault(fault, order, context)),
    ];
    await inLanes(works, LANES, signal, (work) => work());
    return undefined;
  },
};
