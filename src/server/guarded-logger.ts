/**
 * The user's logger, called in its own manner and so that it can fail without harm. The server says a message
 * and, where there is one, the error; pino and bunyan want the error first, in an object, console takes the
 * message for a format, and everybody else is called with (message, error). What a logger throws, or rejects with,
 * is told once as a warning of the process, and costs no request and no connection.
 */
import { show } from '../base/errors.ts';
import type { LoggerLike } from '../observe/logger-like.ts';

/** One that is guarded already is given back. */
export function guardedLogger(logger: LoggerLike): LoggerLike {
  return logger instanceof GuardedLogger ? logger : new GuardedLogger(logger);
}

type Manner = 'fields first' | 'format' | 'plain';

function mannerOf(logger: LoggerLike): Manner {
  try {
    if (logger instanceof console.Console) return 'format';
    const { child, bindings, addStream } = logger as {
      child?: unknown;
      bindings?: unknown;
      addStream?: unknown;
    };
    // `bindings` is pino's, `addStream` bunyan's; winston has `child` too, and takes the message first.
    if (typeof child === 'function' && (typeof bindings === 'function' || typeof addStream === 'function'))
      return 'fields first';
  } catch {
    // A proxy with its own mind: it is called plainly.
  }
  return 'plain';
}

/** A message and an error, in the order and shape that the logger understands. */
function inManner(manner: Manner, args: unknown[]): unknown[] {
  if (args.length !== 2) return args;
  const [message, error] = args;
  // `err` is the name under which the serializers of both write the stack.
  if (manner === 'fields first') return [{ err: error }, message];
  // A target may hold `%c` or `%s`, which would swallow the error.
  if (manner === 'format' && typeof message === 'string') return [message.replaceAll('%', '%%'), error];
  return args;
}

class GuardedLogger implements LoggerLike {
  readonly #logger: LoggerLike;
  readonly #manner: Manner;
  #hasWarned = false;

  constructor(logger: LoggerLike) {
    this.#logger = logger;
    this.#manner = mannerOf(logger);
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
      const result: unknown = this.#logger[level]?.(...inManner(this.#manner, args));
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
