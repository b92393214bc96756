/**
 * The trailer section of a chunked body, RFC 9112 §7.1.2: the same field lines as in a head, kept as
 * bytes until the message ends, without those that may not come so late. Memory is taken when the
 * first trailer byte comes, which in most messages is never.
 */
import {
  FAULT_TOO_MANY_FIELDS,
  FAULT_TRAILER_FORBIDDEN,
  FAULT_TRAILERS_TOO_LARGE,
  type Fault,
} from '../error.ts';
import type { ChunkedLimits } from '../limits.ts';
import { latin1Text } from '../semantics/octets.ts';
import { FORBIDDEN_TRAILER_BYTES_MAX, isForbiddenTrailer } from '../semantics/trailers.ts';
import { FieldSectionParser, KIND_NONE, STATE_FIELDS } from './field-section.ts';

/** First piece of memory; doubled as needed up to the limit. */
const FIRST_BYTES = 256;

const KIND_FORBIDDEN = 1;

export class TrailerSection extends FieldSectionParser {
  /** The section as it came; `bytes[0..headBytes)` after HEAD_COMPLETE. */
  bytes: Uint8Array = new Uint8Array(0);
  #length = 0;
  readonly #bytesMax: number;

  constructor(limits: ChunkedLimits) {
    super(
      STATE_FIELDS,
      limits.trailerBytesMax,
      limits.trailerCountMax,
      FAULT_TRAILERS_TOO_LARGE,
      FAULT_TOO_MANY_FIELDS,
    );
    this.#bytesMax = limits.trailerBytesMax;
  }

  reset(): void {
    this.restart();
    this.headBytes = 0;
    this.#length = 0;
  }

  /** The lines with their last line end, without the empty line: what `readFields` reads. */
  text(): string {
    return latin1Text(this.bytes, 0, Math.max(this.headBytes - 2, 0));
  }

  /**
   * Takes what belongs to the section from `source[start..end)` and reads on.
   * @returns HEAD_MORE, HEAD_COMPLETE or HEAD_REFUSED; `consumedBytes` says how much of it was the section's
   */
  take(source: Uint8Array, start: number, end: number): number {
    const before = this.#length;
    const count = Math.min(end - start, this.#bytesMax - before);
    this.#grow(before + count);
    for (let i = 0; i < count; i++) this.bytes[before + i] = source[start + i]!;
    this.#length = before + count;
    this.look(this.bytes);
    const status = this.parseFields(this.bytes, 0, this.#length);
    this.consumedBytes = this.headBytes > 0 ? this.headBytes - before : count;
    return status;
  }

  /** What the last `take` consumed. */
  consumedBytes = 0;

  protected override nameKind(bytes: Uint8Array, start: number, end: number): number {
    if (end - start > FORBIDDEN_TRAILER_BYTES_MAX) return KIND_NONE;
    return isForbiddenTrailer(latin1Text(bytes, start, end).toLowerCase()) ? KIND_FORBIDDEN : KIND_NONE;
  }

  protected override fieldLine(): Fault | undefined {
    return FAULT_TRAILER_FORBIDDEN;
  }

  protected override sectionEnd(): Fault | undefined {
    return undefined;
  }

  #grow(length: number): void {
    if (length <= this.bytes.length) return;
    const larger = new Uint8Array(
      Math.min(Math.max(length, this.bytes.length * 2, FIRST_BYTES), Math.max(this.#bytesMax, length)),
    );
    larger.set(this.bytes);
    this.bytes = larger;
  }
}
