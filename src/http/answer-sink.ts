/**
 * How the answer to one exchange is written: HTTP/1 and HTTP/2 implement it, and a recorder for tests. What is written
 * has been decided by the plan; a sink adds what its protocol needs, and never decides.
 */
import type { FileRange } from '../engine/engine.ts';
import type { Fault } from '../protocol/error.ts';
import type { AnswerPlan } from './answer-plan.ts';
import type { Trailers } from './trailers.ts';

/** Unsent bytes above which nothing is pulled from a source, nor a further request read. */
export const RESPONSE_HIGH_WATER_BYTES = 64 * 1024;

/** Where a writer that frames its answers itself puts them, head and all: what HTTP/1 is in bytes. */
export interface FramedSink {
  /** The answer that is begun now is the last of its connection, and has to say so. */
  readonly isLastAnswer: boolean;
  /** Nothing is read behind it. */
  last(): void;
  /** Writes bytes of the answer, copying them. */
  framed(bytes: Uint8Array): void;
  /** Writes text of the answer, in UTF-8 or latin1. @returns its bytes */
  framedText(text: string, isLatin1: boolean): number;
}

export interface AnswerSink {
  /** Absent where only the protocol can frame. */
  readonly framing?: FramedSink;
  /**
   * Writes the commonest answer whole: a short ASCII text with at most a content type.
   * @returns false when it is not ASCII, or the type cannot be sent or is too long: nothing is written then
   */
  shortText(status: number, contentType: string | undefined, text: string): boolean;
  /**
   * Writes the head, and the bytes of the plan with it where they fit.
   * @returns whether the answer is whole; else its content is to be written, and `end` called
   * @throws TypeError, RangeError when a field cannot be sent; nothing is written then
   */
  begin(plan: AnswerPlan): boolean;
  /** Writes a short answer of our own, the last of its connection or stream. @returns its bytes */
  fault(fault: Fault, withContent: boolean): number;
  /** How many bytes of content may be written now: 0 while the reader has to catch up. `drained` follows then. */
  readonly room: number;
  /** Bytes that were written and have not left. */
  readonly unsentBytes: number;
  /** Whether what is written now will be sent. False once the connection has failed or was told to end. */
  readonly takesBytes: boolean;
  /** Writes content of bytes[start..end), copying it. @returns the position behind what was taken, at least one byte */
  write(bytes: Uint8Array, start: number, end: number): number;
  /**
   * Does what `write` does, but of much nothing is copied that the kernel takes at once. `drained` follows in any case, and is
   * to be waited for where something is left unsent, and now and then so that others have their turns. Absent where everything is copied.
   */
  lend?(bytes: Uint8Array, start: number, end: number): number;
  /** Whether `drained` follows the last call of `lend` in any case. */
  readonly isLending?: boolean;
  /** Whether an answer may be 101, and another session take the connection over. Absent where it never may. */
  readonly mayChangeProtocol?: boolean;
  /** The protocol is spoken in this stream then, and not on the connection: RFC 8441. */
  readonly opensTunnel?: boolean;
  /** Whether `file` may be called for this answer. Absent where files are always written piece by piece. */
  readonly takesFile?: boolean;
  /** A part of a file is the content, all of it; `drained` follows when it has left. */
  file?(file: FileRange): void;
  /** So much leaves in a second at most, as long as this answer is sent; Infinity for no limit. */
  pace?(bytesPerSecond: number): void;
  /** The content is whole. @param trailers to end with, where the protocol and the client have such */
  end(trailers: Trailers | undefined): void;
  /**
   * Writes an interim answer, if the client understands such.
   * @throws TypeError when a field cannot be sent
   */
  interim(status: number, fields: readonly (readonly [string, string])[]): void;
  /** `100 Continue`. RFC 9110 §15.2.1 */
  continue(): void;
  /** Asks for `drained` when what is unsent has left, so that others have their turn. Only while something is unsent. */
  yields(): void;
  /** No request is read behind this answer, if the protocol has requests behind each other. */
  last(): void;
}
