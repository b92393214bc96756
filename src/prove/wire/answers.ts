/** The answers that come on one connection, told apart and checked as RFC 9112 has it; it knows no socket. */
import { ResponseReader, type ResponseSink } from './response-reader.ts';

interface Answer {
  readonly status: number;
  readonly minor: number;
  readonly fields: ReadonlyMap<string, string>;
  /** When its head was read, by the clock of whoever fed it. */
  readonly atMs: number;
  bodyBytes: number;
  /** FNV-1a of the content. */
  bodyHash: number;
  isWhole: boolean;
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class AnswerList implements ResponseSink {
  /** Final ones. */
  readonly all: Answer[] = [];
  interimCount = 0;
  /** What was no HTTP/1.1. */
  nonsense: string | undefined;
  /** No script asks by HEAD, whose answers have a length and no content. */
  readonly answersHead = false;
  readonly #reader = new ResponseReader(this);
  #nowMs = 0;

  feed(bytes: Uint8Array, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#reader.feed(bytes, 0, bytes.length);
  }

  /** The connection has ended in order: content without a length ends there. */
  finish(): void {
    this.#reader.finish();
  }

  get wholeCount(): number {
    const last = this.all.at(-1);
    return last === undefined || last.isWhole ? this.all.length : this.all.length - 1;
  }

  onHead(status: number, minor: number, fields: ReadonlyMap<string, string>): void {
    if (status < 200) this.interimCount++;
    else
      this.all.push({
        ...{ status, minor, fields, atMs: this.#nowMs },
        ...{ bodyBytes: 0, bodyHash: FNV_OFFSET, isWhole: false },
      });
  }

  onBody(bytes: Uint8Array, start: number, end: number): void {
    const answer = this.all.at(-1)!;
    answer.bodyBytes += end - start;
    let hash = answer.bodyHash;
    for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, FNV_PRIME);
    answer.bodyHash = hash;
  }

  onEnd(): void {
    const answer = this.all.at(-1);
    if (answer !== undefined) answer.isWhole = true;
  }

  onNonsense(what: string): void {
    this.nonsense ??= what;
  }
}
