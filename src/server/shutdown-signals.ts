/**
 * SIGTERM and SIGINT as the end of a server: the first closes it, a second SIGINT waits for nothing. A supervisor may
 * ask twice for a drain; only a person at the keyboard means now. The process then ends by itself, when nothing else
 * in it is open: it may have a database to close.
 */
import { parsePause } from '../base/units.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import { SHUTDOWN_IDLE_GRACE_MS } from './close-plan.ts';
import type { ServeOptions } from './options.ts';
import type { Server } from './server.ts';

/** npm hands on the SIGINT that the terminal has sent to the whole group already: one Ctrl-C comes twice. */
const SAME_KEYSTROKE_MS = 10;

/** 128 + SIGINT, as shells have it. */
const EXIT_INTERRUPTED = 130;

interface ShutdownCalls {
  /** The first signal. */
  begin(signal: NodeJS.Signals): void;
  /** A second SIGINT, and every later one. */
  force(): void;
}

/** @returns a function that gives the signals back */
export function onShutdownSignals(calls: ShutdownCalls): () => void {
  let begunMs: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now();
    if (begunMs === undefined) {
      begunMs = nowMs;
      calls.begin(signal);
    } else if (signal === 'SIGINT' && nowMs - begunMs > SAME_KEYSTROKE_MS) calls.force();
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  return () => {
    process.off('SIGTERM', onSignal);
    process.off('SIGINT', onSignal);
  };
}

/** Closes `server` on signals, as `gracefulShutdown` says. */
export function closeOnSignals(
  server: Pick<Server, 'close' | 'finished'>,
  options: Pick<ServeOptions, 'gracefulShutdown'>,
  logger: LoggerLike,
): void {
  const { gracefulShutdown = false } = options;
  if (gracefulShutdown === false) return;
  const { delay, timeout } = gracefulShutdown === true ? {} : gracefulShutdown;
  const delayMs = parsePause('gracefulShutdown.delay', delay);
  const stop = onShutdownSignals({
    begin(signal) {
      logger.info(
        delayMs > 0
          ? `${signal}: not ready any more; in ${delayMs} ms finishing what is under way`
          : `${signal}: finishing what is under way`,
      );
      void server.close({
        delay: delayMs,
        idleGraceMs: SHUTDOWN_IDLE_GRACE_MS,
        ...(timeout === undefined ? {} : { timeout }),
      });
    },
    force() {
      process.exitCode = EXIT_INTERRUPTED;
      void server.close(true);
    },
  });
  void server.finished.then(stop);
}
