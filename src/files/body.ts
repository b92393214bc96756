/**
 * The bytes of an open file as a response body. Nothing is read before it is asked for, one piece at a
 * time, so a reader that pauses for an hour costs one descriptor. The file is closed exactly once: at
 * the end, on cancel, or on the first error.
 */
import type { OpenFile } from './source.ts';

/** One piece: the high-water mark of a connection (64 KiB), so that a slow reader holds one of them. */
export const PIECE_BYTES = 64 * 1024;

/** The file became shorter than the length that was promised: the connection must break, not pad. */
class FileShrankError extends Error {
  override readonly name = 'FileShrankError';
  readonly code = 'HOLDFAST_FILE_SHRANK';
}

/**
 * Bytes `start` to `end` (exclusive) of `file`, which the stream owns from now on. A file that grows
 * meanwhile is sent as long as it was; one that shrinks errors the stream.
 */
export function streamFile(file: OpenFile, start: number, end: number): ReadableStream<Uint8Array> {
  let at = start;
  let reading: Promise<void> | undefined;
  let isClosed = false;
  let isCancelled = false;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    await file.close();
  };
  const readPiece = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
    const piece = new Uint8Array(Math.min(PIECE_BYTES, end - at));
    const count = await file.read(piece, at);
    if (isCancelled) return;
    if (count === 0) throw new FileShrankError(`the file ended at byte ${at}, ${end - at} short`);
    at += count;
    controller.enqueue(count === piece.length ? piece : piece.subarray(0, count));
    if (at < end) return;
    await close();
    controller.close();
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        reading = readPiece(controller);
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
