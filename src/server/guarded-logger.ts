/**
 * The user's logger, called so that it can fail without harm: what it throws, or rejects with, is told once as
 * a warning of the process, and costs no request and no connection.
 */
import { show } from '../base/errors.ts';
import type { LoggerLike } from './options.ts';

/** One that is guarded already is given back. */
export function guardedLogger(logger: LoggerLike): LoggerLike {
  return logger instanceof GuardedLogger ? logger : new GuardedLogger(logger);
}

class GuardedLogger implements LoggerLike {
  readonly #logger: LoggerLike;
  #hasWarned = false;

  constructor(logger: LoggerLike) {
    this.#logger = logger;
  }

  debug(...args: unknown[]): void {
    this.#call('debug', args);
  }

  info(...args: unknown[]): void {
    this.#call('info', args);
  }

  warn(...args: unknown[]): void {
    this.#call('warn', args);
  }

  error(...args: unknown[]): void {
    this.#call('error', args);
  }

  #call(level: 'debug' | 'info' | 'warn' | 'error', args: unknown[]): void {
    try {
      const result: unknown = this.#logger[level]?.(...args);
      if (typeof result === 'object' && result !== null)
        new Promise((resolve) => resolve(result)).catch((error) => this.#failed(level, error));
    } catch (error) {
      this.#failed(level, error);
    }
  }

  #failed(level: string, error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const text = error instanceof Error ? error.message : show(error);
    process.emitWarning(`logger.${level}() failed, and lines are lost: ${text}`, { code: 'HOLDFAST_LOGGER' });
  }
}
