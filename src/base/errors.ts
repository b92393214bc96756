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
  /** What was given, in short. */
  readonly shown: string;
  /** What may be given. */
  readonly allowed: string;

  constructor(option: string, value: unknown, allowed: string) {
    const shown = show(value);
    super(`${option}: ${shown} is not allowed; ${allowed}`);
    this.option = option;
    this.shown = shown;
    this.allowed = allowed;
  }
}

/** The system refused a call: which call, with which errno, and what that usually means. */
export class SysError extends Error {
  override readonly name = 'SysError';
  /** The errno's C name, as `EADDRINUSE`. */
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;
  /** What that usually means. */
  readonly hint: string | undefined;

  constructor(syscall: string, errno: number, code: string, detail: string, hint?: string) {
    super(`${syscall}: ${code}${detail === '' ? '' : ` ${detail}`}${hint === undefined ? '' : ` (${hint})`}`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
    this.hint = hint;
  }

  /** Memory or descriptors have run out: the host says "not now" where other errors say "not here". */
  get isExhaustion(): boolean {
    return this.code === 'ENOMEM' || this.code === 'EMFILE' || this.code === 'ENFILE';
  }
}

/** A capability that was asked for by name is not to be had on this host. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
  readonly code = 'HOLDFAST_UNAVAILABLE';
}

const SHOWN_LENGTH_MAX = 80;

/** A short rendering of any value for an error message; it never throws, whatever the value does. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shortened(value));
  if (typeof value === 'bigint') return `${shortened(String(value))}n`;
  if (typeof value === 'symbol') return shortened(String(value));
  if (typeof value === 'function') return `function ${nameOf(value) ?? '(anonymous)'}`;
  if (typeof value !== 'object' || value === null) return String(value);
  return kindOf(value);
}

function shortened(text: string): string {
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX - 3)}...` : text;
}

function kindOf(value: object): string {
  try {
    if (Array.isArray(value)) return 'an array';
    const maker: unknown = Object.getPrototypeOf(value)?.constructor;
    const name = typeof maker === 'function' ? nameOf(maker) : undefined;
    return `an object (${name ?? 'no prototype'})`;
  } catch {
    return 'an object'; // A proxy that throws must not hide the error that is being reported.
  }
}

function nameOf(of: { readonly name: unknown }): string | undefined {
  try {
    const name = of.name; // A class may declare a static `name` of any kind.
    return typeof name === 'string' && name !== '' ? shortened(name) : undefined;
  } catch {
    return undefined;
  }
}
