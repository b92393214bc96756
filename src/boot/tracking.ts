/** One answer with an artifact in it, followed from its head to its end for the machine's record. */
import type { RequestContext } from '../web/context.ts';
import type { Response } from '../web/response.ts';
import type { KnownMachines } from './known-machines.ts';
import { machineKey, readFacts } from './machine-facts.ts';
import type { MachineRecords } from './machine-records.ts';

export type TrackedContext = Pick<RequestContext, 'ip' | 'completed' | 'responseBytes' | 'pace'>;

interface Tracking {
  readonly records: MachineRecords;
  readonly machines: KnownMachines;
}

/**
 * @param answer to a GET; anything but content is none of its business
 * @param query of the request, where a machine may say who it is: several behind one address look alike else
 */
export function trackAnswer(
  { records, machines }: Tracking,
  artifact: string,
  query: URLSearchParams,
  answer: Response,
  context: TrackedContext,
  source: 'folder' | 'upstream',
): void {
  if (answer.status !== 200 && answer.status !== 206) return;
  const address = context.ip ?? '';
  const known = { ...machines.at(address), ...readFacts(query) };
  const length = answer.headers.get('content-length');
  const end = records.begin(machineKey(known) ?? address, {
    artifact,
    address,
    firstByte: firstByteOf(answer),
    totalBytes: length === null ? null : Number(length),
    source,
    progress: () => context.responseBytes,
  });
  context.completed.then(
    () => end('completed', null),
    (error: Error & { reason?: string }) =>
      end(error.reason === 'response-failed' ? 'failed' : 'aborted', error.reason ?? error.message),
  );
}

/** Of several ranges in one answer, who can say; they are not a start. */
function firstByteOf(answer: Response): number {
  if (answer.status === 200) return 0;
  return Number(/^bytes (\d+)-/.exec(answer.headers.get('content-range') ?? '')?.[1] ?? 1);
}
