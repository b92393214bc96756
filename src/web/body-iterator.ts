/**
 * `for await` over a body's stream of ours: most uploads are read so. The pieces come from what lies behind the stream, past
 * its queue, its transfers and its five promises a piece, which cost as much as the kernel's share of an upload. To
 * everybody else the stream looks as if its own iterator read it: locked meanwhile, disturbed and closed or errored after.
 */

/** What lies behind: pieces that are given away, of which `aloneInMemory` has to be made; undefined at the end. */
export interface IteratedSource {
  /** Never throws: it rejects. */
  readPiece(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** The body is used from now on, though nothing has been read from the stream itself. */
  begin(): void;
  /** The stream is to show that all has been read, or that reading failed. */
  end(): void;
  fail(error: unknown): void;
}

type Result = IteratorResult<Uint8Array<ArrayBuffer>, unknown>;

export class BodyIterator implements AsyncIterableIterator<Uint8Array<ArrayBuffer>, unknown> {
  readonly #stream: ReadableStream;
  readonly #source: IteratedSource;
  readonly #lock: ReadableStreamDefaultReader;
  #isOver = false;
  /** The last of the calls that wait for each other, while there is one. */
  #last: Promise<unknown> | undefined;
  #waiting = 0;

  /** @throws TypeError when the stream is locked */
  constructor(stream: ReadableStream, source: IteratedSource) {
    this.#stream = stream;
    this.#source = source;
    this.#lock = stream.getReader();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    return this.#inTurn(this.#read);
  }

  return(value?: unknown): Promise<Result> {
    return this.#inTurn(() => this.#leave(value));
  }

  /** Keeps the standard's order: one call after the other, whatever became of those before. */
  #inTurn(call: () => Promise<Result>): Promise<Result> {
    const result = this.#waiting === 0 ? call() : this.#last!.then(call, call);
    this.#waiting++;
    this.#last = result;
    result.then(this.#settled, this.#settled);
    return result;
  }

  readonly #settled = (): void => {
    if (--this.#waiting === 0) this.#last = undefined;
  };

  readonly #read = (): Promise<Result> => {
    if (this.#isOver) return Promise.resolve({ done: true, value: undefined });
    this.#source.begin();
    return this.#source.readPiece().then(this.#came, this.#failed);
  };

  readonly #came = (piece: Uint8Array<ArrayBuffer> | undefined): Result => {
    if (piece !== undefined) return { done: false, value: aloneInMemory(piece) };
    this.#end();
    this.#source.end();
    this.#disturb();
    return { done: true, value: undefined };
  };

  readonly #failed = (error: unknown): never => {
    this.#end();
    this.#source.fail(error);
    this.#disturb();
    throw error;
  };

  async #leave(value: unknown): Promise<Result> {
    if (!this.#isOver) {
      const cancelling = this.#lock.cancel(value);
      this.#end();
      await cancelling;
    }
    return { done: true, value };
  }

  #end(): void {
    this.#isOver = true;
    this.#lock.releaseLock();
  }

  /** Nothing is left to cancel; what has failed says so once more. */
  #disturb(): void {
    this.#stream.cancel().catch(ignore);
  }
}

/** A piece whose memory may be taken away: a view of something larger is copied, which is somebody else's too. */
export function aloneInMemory(piece: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return piece.byteLength === piece.buffer.byteLength ? piece : new Uint8Array(piece);
}

function ignore(): void {}
