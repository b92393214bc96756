/** Waiting for what comes about by itself: tests say what, and are told that when it does not. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Polls until `isSo`. @throws when `timeoutMs` have passed before */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 5000,
): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() >= endMs) throw new Error(`${what} did not come about in ${timeoutMs} ms`);
    await sleep(5);
  }
}
