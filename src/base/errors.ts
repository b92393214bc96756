/**
 * The classes of error that leave Holdfast. Every error has a `code` that programs can compare; the
 * message is for people and says what was wrong, where, and what is allowed.
 */

/** An option or argument that the caller gave is not allowed. */
export class OptionError extends TypeError {
  override readonly name = 'OptionError';
  readonly code = 'HOLDFAST_OPTION';
  /** The option's path, as `timeouts.header`. */
  readonly option: string;

  constructor(option: string, value: unknown, allowed: string) {
    super(`${option}: ${show(value)} is not allowed; ${allowed}`);
    this.option = option;
  }
}

/** The system refused a call: which call, with which errno, and what that usually means. */
export class SysError extends Error {
  override readonly name = 'SysError';
  /** The errno's C name, as `EADDRINUSE`. */
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  constructor(syscall: string, errno: number, code: string, detail: string, hint?: string) {
    super(`${syscall}: ${code}${detail === '' ? '' : ` ${detail}`}${hint === undefined ? '' : ` (${hint})`}`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
  }
}

/** A capability that was asked for by name is not to be had on this host. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  readonly code = 'HOLDFAST_UNAVAILABLE';
}

/** A short, safe rendering of any value for an error message. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 77)}...` : value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function') return `function ${value.name || '(anonymous)'}`;
  if (typeof value !== 'object' || value === null) return String(value);
  return Array.isArray(value) ? 'an array' : `an object (${value.constructor?.name ?? 'no prototype'})`;
}
