/** Errors of the server as a whole: what closes, and a worker that never comes to serve. */

/** What was asked of a server is not to be had any more, for it closes or has closed. */
export class ServerClosedError extends Error {
  override readonly name = 'ServerClosedError';
  readonly code = 'HOLDFAST_CLOSED';

  constructor(what: string) {
    super(`${what}: the server is closing or has closed`);
  }
}

/** A worker did not come to serve in its time (`timeouts.start`): its module loads for ever, or too long. */
export class StartTimeoutError extends Error {
  override readonly name = 'StartTimeoutError';
  readonly code = 'HOLDFAST_START_TIMEOUT';

  constructor(worker: number, module: string, waitedMs: number) {
    super(
      `worker ${worker} was given up: after ${Math.round(waitedMs)} ms ${module} had not finished loading (timeouts.start)`,
    );
  }
}
