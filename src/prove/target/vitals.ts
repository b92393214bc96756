/**
 * What can be seen of a server's processes from outside (Linux, and processes that are ours to look at): memory and
 * descriptors. And of a server of ours, what its admin port tells.
 */
import { PROC_FILES } from '../../load/measure/proc-files.ts';
import type { Target } from './target.ts';

export interface Vitals {
  /** All its processes together; undefined where nothing is seen. */
  readonly residentBytes: number | undefined;
  readonly descriptors: number | undefined;
}

export interface VitalsSample extends Vitals {
  /** Since the run against this target began. */
  readonly atMs: number;
}

const ADMIN_TIMEOUT_MS = 3000;

export function readVitals(pids: readonly number[]): Vitals {
  let residentBytes: number | undefined;
  let descriptors: number | undefined;
  for (const pid of pids) {
    const kib = /^VmRSS:\s+(\d+)/m.exec(PROC_FILES.text(`/proc/${pid}/status`) ?? '')?.[1];
    if (kib !== undefined) residentBytes = (residentBytes ?? 0) + Number(kib) * 1024;
    const open = PROC_FILES.list(`/proc/${pid}/fd`).length;
    if (open > 0) descriptors = (descriptors ?? 0) + open;
  }
  return { residentBytes, descriptors };
}

/** The server's own account of itself, of which these numbers are looked at; the whole of it goes into capsules. */
export interface OwnAccount {
  readonly engine: { readonly accepted: number; readonly closed: number; readonly open: number };
  readonly requests: number;
  readonly states: Readonly<Record<string, number>>;
  readonly statusClasses: Readonly<Record<string, number>>;
}

/** @returns undefined where the target has no admin port of ours, or that does not answer */
export async function ownAccount(target: Target): Promise<OwnAccount | undefined> {
  if (target.adminUrl === undefined) return undefined;
  try {
    const response = await fetch(`${target.adminUrl}/stats`, {
      signal: AbortSignal.timeout(ADMIN_TIMEOUT_MS),
    });
    return response.ok ? ((await response.json()) as OwnAccount) : undefined;
  } catch {
    return undefined; // It is dead or busy: liveness tells of it.
  }
}
