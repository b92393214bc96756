/**
 * The checks that options are made of, wherever there are options. Each names the option, the value and what is allowed.
 */
import { OptionError, show } from './errors.ts';

/**
 * A copy of what `given` holds, each property read once, inherited ones too: whoever reads the copy meets
 * no getter and no proxy.
 * @param prefix of the names in messages, as `timeouts.`
 * @param ignored names that are allowed and mean nothing here
 * @throws OptionError for a name that is not known, a getter that throws, or what is no object
 */
export function snapshot<T extends object>(
  prefix: string,
  given: unknown,
  known: readonly string[],
  ignored: readonly string[] = [],
): T {
  const path = prefix === '' ? 'options' : prefix.slice(0, -1);
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new OptionError(path, given, `an object with ${known.join(', ')}`);
  for (const name of reading(path, () => Object.keys(given))) {
    if (!known.includes(name) && !ignored.includes(name))
      throw new OptionError(`${prefix}${name}`, '(given)', `no such option; known are ${known.join(', ')}`);
  }
  const copy: Record<string, unknown> = {};
  for (const name of known) {
    const value = reading(`${prefix}${name}`, () => (given as Record<string, unknown>)[name]);
    if (value !== undefined) copy[name] = value;
  }
  return copy as T;
}

function reading<T>(option: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new OptionError(option, error, `it could not be read: a getter threw ${thrown(error)}`);
  }
}

/** What was thrown, as a few words; it never throws itself. */
export function thrown(error: unknown): string {
  try {
    if (error instanceof Error && typeof error.message === 'string') return error.message;
  } catch {
    // A message that is a getter which throws: its kind must do.
  }
  return show(error);
}

export function checkFunction(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'function') throw new OptionError(option, value, 'a function');
}

export function checkBoolean(option: string, value: unknown): void {
  if (value !== undefined && typeof value !== 'boolean')
    throw new OptionError(option, value, 'true or false');
}

export function checkChoice(option: string, value: unknown, choices: readonly string[]): void {
  if (value !== undefined && !choices.includes(value as string))
    throw new OptionError(option, value, `one of ${choices.map((each) => `'${each}'`).join(', ')}`);
}

export function checkCount(option: string, value: unknown, least: number, most: number, orElse = ''): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw new OptionError(option, value, `a whole number from ${least} to ${most}${orElse}`);
  return value;
}

/** The same where `Infinity` is off. */
export function checkCountOrOff(option: string, value: unknown, least: number, most: number): number {
  if (value === Number.POSITIVE_INFINITY) return value;
  return checkCount(option, value, least, most, ', or Infinity for no limit');
}

/** Only `undefined` is a default: null is somebody's mistake and is told. */
export function given<T>(value: T | undefined, fallback: T): T {
  return value === undefined ? fallback : value;
}
