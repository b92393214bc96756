/**
 * A part of an open file as the body of a Response. A server whose engine sends files by itself takes the file; whoever else reads,
 * `text()`, `body`, HTTP/2, gets pieces. It owns the descriptor: closed once, at the end, on cancel, or by whoever took it.
 *
 * It opens nothing and reads nothing itself: how is the caller's to give.
 */
import type { OpenFilePart } from './open-file-part.ts';
import type { OutgoingBody } from './pieces.ts';

/** One piece: what a connection has unsent at most. */
const PIECE_BYTES = 64 * 1024;
const VERIFIED_BYTES = 1024 * 1024;

/** The file is not what was promised: the answer has to break, not to be padded. */
class FileBrokenError extends Error {
  override readonly name = 'FileBrokenError';
  readonly code: 'HOLDFAST_FILE_SHRANK' | 'HOLDFAST_FILE_CHANGED';

  constructor(code: FileBrokenError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export class FileBody implements OutgoingBody {
  readonly contentLength: number;
  readonly givesPieces = true;
  readonly #part: OpenFilePart;
  #at: number;
  readonly #end: number;
  #verifiedEnd: number;
  #isReading = false;
  #isOver = false;

  constructor(part: OpenFilePart) {
    this.#part = part;
    this.contentLength = part.length;
    this.#at = part.offset;
    this.#end = part.offset + part.length;
    this.#verifiedEnd = part.offset;
  }

  get paceBytesPerSecond(): number | undefined {
    return this.#part.paceBytesPerSecond;
  }

  /** The file itself, before anything was read: whoever takes it closes it. */
  takeFile(): OpenFilePart {
    this.#isOver = true;
    return this.#part;
  }

  async read(): Promise<Uint8Array | undefined> {
    if (this.#isOver) return undefined;
    try {
      if (this.#at === this.#end) {
        this.#close();
        return undefined;
      }
      this.#verify();
      const piece = new Uint8Array(Math.min(PIECE_BYTES, this.#end - this.#at));
      this.#isReading = true;
      const count = await this.#part.read(piece, this.#at);
      this.#isReading = false;
      if (this.#isOver) return this.#closeCancelled();
      if (count === 0)
        throw new FileBrokenError(
          'HOLDFAST_FILE_SHRANK',
          `the file ended ${this.#end - this.#at} bytes short`,
        );
      this.#at += count;
      return count === piece.length ? piece : piece.slice(0, count);
    } catch (error) {
      this.#isReading = false;
      if (this.#isOver) return this.#closeCancelled();
      this.#close();
      throw error;
    }
  }

  /** It was cancelled under a read, which has ended: only now can the descriptor be closed. */
  #closeCancelled(): undefined {
    this.#part.close();
  }

  #verify(): void {
    if (this.#at < this.#verifiedEnd) return;
    let isSame = true;
    try {
      isSame = this.#part.verify?.() !== false;
    } catch {
      isSame = false;
    }
    if (!isSame) throw new FileBrokenError('HOLDFAST_FILE_CHANGED', 'the file has changed while it was sent');
    this.#verifiedEnd = this.#at + VERIFIED_BYTES;
  }

  cancel(): void {
    if (this.#isReading) this.#isOver = true;
    else this.#close();
  }

  #close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#part.close();
  }
}
