/** Errors that handlers see: why a body could not be read, why a signal aborted. */
import type { Fault } from '../protocol/error.ts';

/** The client went away before the last byte was handed over; the reason of `request.signal` then. */
export class ClientGoneError extends Error {
  override readonly name = 'AbortError';
  readonly code = 'HOLDFAST_CLIENT_GONE';
  /** How the connection ended, in the word of the metrics. */
  readonly reason: string;

  constructor(closeReason: string) {
    super(`the client went away before the answer was complete (${closeReason})`);
    this.reason = closeReason;
  }
}

/**
 * The same without a stack, which would only name files of ours: to find it out takes half of the time that a reset costs, and
 * clients may reset as fast as they can.
 */
export function clientGone(closeReason: string): ClientGoneError {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return new ClientGoneError(closeReason);
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** The server has begun to drain; the reason of `context.closing` then. */
export class ServerClosingError extends Error {
  override readonly name = 'AbortError';
  readonly code = 'HOLDFAST_CLOSING';

  constructor() {
    super('the server is closing: what is under way may be finished, and should be soon');
  }
}

/** What was still wanted of the request's body when its answer was complete; the connection ends then. */
export class RequestOverError extends Error {
  override readonly name = 'RequestOverError';
  readonly code = 'HOLDFAST_REQUEST_OVER';

  constructor() {
    super('the answer was complete before all of the request body had come: the rest is not received');
  }
}

/** An answer to a request that was answered already; the reason that its stream is cancelled with. */
export class LateAnswerError extends Error {
  override readonly name = 'LateAnswerError';
  readonly code = 'HOLDFAST_LATE_ANSWER';

  constructor() {
    super('the answer came after the request had been answered');
  }
}

/** The request's body broke a rule or a limit; `status` is what the client is answered. */
export class RequestFaultError extends Error {
  override readonly name = 'RequestFaultError';
  readonly code: string;
  readonly status: number;

  constructor(fault: Fault) {
    super(`${fault.sentence} (${fault.section})`);
    this.code = `HOLDFAST_${fault.code.toUpperCase().replaceAll('-', '_')}`;
    this.status = fault.status;
  }
}

/** The handler's deadline (`timeouts.handler`) passed; the reason of `request.signal` then. */
export class HandlerTimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'HOLDFAST_HANDLER_TIMEOUT';

  constructor(timeoutMs: number) {
    super(`the handler did not answer within ${timeoutMs} ms`);
  }
}

/** A streamed answer did not keep to its own Content-Length. */
export class ResponseLengthError extends Error {
  override readonly name = 'ResponseLengthError';
  readonly code = 'HOLDFAST_RESPONSE_LENGTH';

  constructor(declared: number, problem: string) {
    super(`the response declared ${declared} bytes and its body ${problem}`);
  }
}

/** A piece of a streamed answer is no longer what it was when it was given. */
export class ResponsePieceError extends Error {
  override readonly name = 'ResponsePieceError';
  readonly code = 'HOLDFAST_RESPONSE_PIECE';

  constructor(given: number, left: number) {
    super(
      `a piece of the response body had ${given} bytes when it was given and has ${left} now: its memory was ` +
        'transferred or resized before it was sent',
    );
  }
}

const FILE_SENTENCES: Readonly<Record<string, string>> = {
  'file-short': 'the file ended before its length',
  'file-changed': 'the file has changed while it was sent',
  'file-failed': 'the file could not be read',
};

/** Whether an answer broke for the file that it was to be. */
export function isOfFile(reason: string): boolean {
  return reason in FILE_SENTENCES;
}

/** For the log: why the engine broke off the file that was an answer. */
export class FileAnswerError extends Error {
  override readonly name = 'FileAnswerError';
  readonly code: string;

  /** @param errorCode an errno name, or empty */
  constructor(reason: string, errorCode: string) {
    super(`${FILE_SENTENCES[reason]}${errorCode === '' ? '' : ` (${errorCode})`}`);
    this.code = `HOLDFAST_${reason.toUpperCase().replaceAll('-', '_')}`;
  }
}
