/** How the simulated kernel takes a file: window by window, after the disk's time, as much as there is room for. */
import type { EngineCloseReason } from '../engine.ts';
import type { FileProgress } from '../file-progress.ts';
import type { SendQueue } from './send-queue.ts';
import type { SimWorld } from './world.ts';

const DISK_MS_MAX = 20;

interface FileSender {
  readonly unsent: SendQueue;
  breakOff(reason: EngineCloseReason, code: string): void;
}

/**
 * @param isTold the disk has answered, or the file is given up
 * @returns the bytes that are to be sent now, at most `sizeMax`; undefined when there are none yet, or never will be
 */
export function fileBytes(
  world: SimWorld,
  conn: FileSender,
  file: FileProgress,
  sizeMax: number,
  isTold: () => void,
): Uint8Array | undefined {
  if (file.isReading) return undefined;
  const content = world.files.at(file.fd);
  if (content === undefined) {
    conn.breakOff('file-failed', 'EBADF');
    return undefined;
  }
  if (file.at === file.openEnd) {
    const { windowEnd } = file;
    if (content.isCold && file.readEnd < windowEnd) {
      file.isReading = true;
      world.after(world.random.nextUnit() * DISK_MS_MAX, () => {
        file.readEnd = windowEnd;
        file.readEnded();
        isTold();
      });
      return undefined;
    }
    if (!file.isUnchanged()) {
      conn.breakOff('file-changed', '');
      return undefined;
    }
    file.openEnd = windowEnd;
  }
  const end = Math.min(file.at + sizeMax, file.openEnd, content.bytes.length, content.brokenAt);
  if (end > file.at) return content.bytes.slice(file.at, end);
  if (file.at >= content.brokenAt) conn.breakOff('file-failed', 'EIO');
  else conn.breakOff('file-short', '');
  return undefined;
}
