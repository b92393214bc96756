// What a thread has waited for a core, in milliseconds: the neighbours' doing, and no fault of what it runs.
import { readFileSync } from 'node:fs';

/** @param task a folder of /proc, of a thread */
export function coreWaitMs(task) {
  try {
    return Number(readFileSync(`${task}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
