/**
 * Cancelling a stream that the platform may have made of a Readable of Node's or of a generator, as
 * `new Response(readable)` does. Two faults of its own end the process there, without which a cancel would do:
 *
 * - Cancelled before its iterator has begun, the Readable is never reached: its file stays open, and its error is
 *   nobody's (Node 20 to 24).
 * - When the iterator comes to its end after the cancel, the stream is closed once more in a microtask, where
 *   nobody can catch what that throws (undici's ReadableStreamFrom, Node 20 to 24).
 */

/*
 * A Readable that waits for its data hears of the cancel when that comes, and not before: the platform keeps it in a
 * closure of the stream's source, where nobody reaches it, and gives it only `return` of its async generator, which
 * the language queues behind the `next` that waits (ECMA-262 §27.6.3.8). Ours keeps the Readable, and destroys it.
 */

/** For one that nobody has read. Reading once begins the iterator; what comes is dropped. */
export function cancelUnread(stream: ReadableStream, reason: unknown): void {
  if (!isByteStream(stream)) {
    stream.cancel(reason).catch(ignore);
    return;
  }
  const reader = stream.getReader();
  reader.read().catch(ignore);
  cancelSoon(stream, reader, reason);
}

/** For one that is being read. @param isFirst nothing has come of the first read yet */
export function cancelRead(
  stream: ReadableStream,
  reader: ReadableStreamDefaultReader<unknown>,
  isFirst: boolean,
  reason: unknown,
): void {
  const controller = byteControllerOf(stream);
  if (controller !== undefined && isFirst) {
    cancelSoon(stream, reader, reason);
    return;
  }
  if (controller !== undefined) tolerateClose(controller);
  reader.cancel(reason).catch(ignore);
}

/** Not at once: such a stream begins to read in a microtask of its own, if it has not been cancelled. */
function cancelSoon(
  stream: ReadableStream,
  reader: ReadableStreamDefaultReader<unknown>,
  reason: unknown,
): void {
  setImmediate(() => {
    const controller = byteControllerOf(stream);
    if (controller !== undefined) tolerateClose(controller);
    reader.cancel(reason).catch(ignore);
  });
}

/** The platform's own are of this kind, and few others. A stream that is locked is taken for none. */
export function isByteStream(stream: ReadableStream): boolean {
  try {
    stream.getReader({ mode: 'byob' }).releaseLock();
    return true;
  } catch {
    return false;
  }
}

/** Node keeps it under a symbol. @returns undefined where it does not, and for streams of other kinds */
function byteControllerOf(stream: ReadableStream): ReadableByteStreamController | undefined {
  for (const slot of Object.getOwnPropertySymbols(stream)) {
    if (slot.description !== 'kState') continue;
    const state: unknown = Reflect.get(stream, slot);
    const controller = (state as { controller?: unknown } | undefined)?.controller;
    return controller instanceof ReadableByteStreamController ? controller : undefined;
  }
  return undefined;
}

/** From now on, closing what is closed is no error. */
function tolerateClose(controller: ReadableByteStreamController): void {
  Object.defineProperty(controller, 'close', {
    configurable: true,
    value: () => {
      try {
        ReadableByteStreamController.prototype.close.call(controller);
      } catch {
        // It has been cancelled, which closed it.
      }
    },
  });
}

function ignore(): void {}
