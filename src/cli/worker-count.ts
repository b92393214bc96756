/** How many worker threads `auto` means: one a core, and no more than the control group gives time to. */
import { whyListenersCannotBeShared } from '../engine/descriptor/listening-socket.ts';
import { readHostCores } from '../sys/host.ts';

export function autoWorkerCount(): number {
  if (!canShareListeners()) return 1;
  const { cores, quotaCores } = readHostCores();
  // Rounded up: with 1.5 cores, a second thread has half a core to use.
  return Math.max(1, Math.min(cores, Math.ceil(quotaCores ?? cores)));
}

/** Elsewhere, and where koffi is not installed, one thread serves. */
export function canShareListeners(): boolean {
  return whyListenersCannotBeShared() === undefined;
}
