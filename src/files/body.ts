/**
 * The bytes of an open file as a response body. Nothing is read before it is asked for, one piece at a
 * time, so a reader that pauses for an hour costs one descriptor. The file is closed exactly once: at
 * the end, on cancel, or on the first error.
 *
 * What is sent belongs to one version: before the bytes of a window leave, the file is looked at again, and one that has
 * changed breaks the answer, which its client sees by the missing end.
 */
import type { Segment } from './multipart-ranges.ts';
import type { OpenFile } from './source.ts';

/** One piece: the high-water mark of a connection (64 KiB), so that a slow reader holds one of them. */
export const PIECE_BYTES = 64 * 1024;

/** Read between two looks at the file: a look is a call of the system through the thread pool, 1 to 2 % of reading this much. */
const WINDOW_BYTES = 256 * 1024;

/** The file became shorter than the length that was promised: the connection must break, not pad. */
class FileShrankError extends Error {
  override readonly name = 'FileShrankError';
  readonly code = 'HOLDFAST_FILE_SHRANK';
}

/** The file has another version than the one whose entity tag was told. */
class FileChangedError extends Error {
  override readonly name = 'FileChangedError';
  readonly code = 'HOLDFAST_FILE_CHANGED';
}

/**
 * Bytes of `file`, which the stream owns from now on, and what stands between them. A file that shrinks or changes
 * meanwhile errors the stream.
 */
export function streamFile(file: OpenFile, segments: readonly Segment[]): ReadableStream<Uint8Array> {
  let next = 0;
  let at = 0;
  let end = 0;
  let unseenBytes = 0;
  let reading: Promise<void> | undefined;
  let isClosed = false;
  let isCancelled = false;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    await file.close();
  };
  /** @returns undefined at the end */
  const readPiece = async (): Promise<Uint8Array | undefined> => {
    if (at === end) {
      const segment = segments[next++];
      if (segment === undefined || segment instanceof Uint8Array) return segment;
      at = segment.start;
      end = segment.end;
    }
    const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at));
    const count = await file.read(piece, at);
    if (count === 0) throw new FileShrankError(`the file ended at byte ${at}, ${end - at} short`);
    at += count;
    unseenBytes += count;
    if (unseenBytes >= WINDOW_BYTES || at === end) {
      unseenBytes = 0;
      if (!(await file.isUnchanged())) throw new FileChangedError('the file changed while it was sent');
    }
    return count === piece.length ? piece : piece.subarray(0, count);
  };
  const give = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const piece = await readPiece();
    if (isCancelled) return;
    if (piece !== undefined) controller.enqueue(piece);
    if (piece !== undefined && (at < end || next < segments.length)) return;
    await close();
    controller.close();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        reading = give(controller);
        try {
          await reading;
        } catch (error) {
          await close();
          throw error;
        } finally {
          reading = undefined;
        }
      },
      async cancel() {
        isCancelled = true;
        // A descriptor must not be closed under a read that the thread pool is doing right now: the
        // number could be given to another file before the read happens.
        await reading?.catch(() => {});
        await close();
      },
    },
    { highWaterMark: 0 },
  );
}
