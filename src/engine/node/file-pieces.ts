/** A file piece by piece, read by libuv's pool of threads, for engines that cannot leave it to the kernel. */
import { read } from 'node:fs';
import type { EngineCloseReason } from '../engine.ts';
import type { FileProgress } from '../file-progress.ts';
import { memoryOf } from './send-arena.ts';

/** One piece is what a reader who has stopped holds, beside what is unsent. */
const PIECE_BYTES = 64 * 1024;

/** Whom a piece, or what is wrong with the file, is told: once, and never from within the call. */
export interface PieceTaker {
  /** Memory of its own. */
  pieceCame(piece: Buffer): void;
  /** @param code an errno name, or empty */
  pieceFailed(reason: EngineCloseReason, code: string): void;
}

/** Nothing is told once the file is given up. */
export function readPiece(file: FileProgress, taker: PieceTaker): void {
  file.isReading = true;
  const isFirst = file.at === file.openEnd;
  const { windowEnd } = file;
  const piece = memoryOf(Math.min(PIECE_BYTES, windowEnd - file.at));
  read(file.fd, piece, 0, piece.length, file.at, (error, count) => {
    const { isGivenUp } = file;
    file.readEnded();
    if (isGivenUp) return;
    if (error !== null) taker.pieceFailed('file-failed', error.code ?? '');
    else if (count === 0) taker.pieceFailed('file-short', '');
    else if (isFirst && !file.isUnchanged()) taker.pieceFailed('file-changed', '');
    else {
      file.openEnd = windowEnd;
      taker.pieceCame(count === piece.length ? piece : piece.subarray(0, count));
    }
  });
}
