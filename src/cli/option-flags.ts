/**
 * Errors about options of `serve()` and of a load, told to somebody who gave flags: by the flag and the text that
 * stand on the command line.
 */
import { OptionError, UnavailableError } from '../base/errors.ts';
import type { GivenFlag } from './arguments.ts';
import { CommandError, UsageError } from './failure.ts';

/** By option as errors name it, as `limits.headerBytes`: the flag that sets it, without its dashes. */
export type FlagsOfOptions = Readonly<Record<string, string>>;

/** @returns a UsageError where `error` is about an option that a flag sets; any other as it is */
export function inFlags(
  error: unknown,
  flags: FlagsOfOptions,
  given: ReadonlyMap<string, GivenFlag>,
): unknown {
  if (error instanceof UnavailableError) {
    const [, option = ''] = /^(\w+): /.exec(error.message) ?? [];
    return Object.hasOwn(flags, option)
      ? new CommandError(
          error.message.replace(option, given.get(flags[option]!)?.spelling ?? `--${flags[option]}`),
        )
      : error;
  }
  if (!(error instanceof OptionError)) return error;
  const flag = Object.hasOwn(flags, error.option) ? flags[error.option]! : undefined;
  if (flag === undefined) return error;
  const { spelling = `--${flag}`, text } = given.get(flag) ?? {};
  const value = text === undefined ? error.shown : JSON.stringify(text);
  const problem = value === 'undefined' ? ' is missing' : `: ${value} is not allowed`;
  return new UsageError(`${spelling}${problem}; ${namingFlags(error.allowed, flags)}`);
}

/** Options that a text names, in backticks or by a path such as `limits.connections`, as flags. */
function namingFlags(text: string, flags: FlagsOfOptions): string {
  return text.replace(/`([\w.]+)`|\b\w+\.\w+\b/g, (whole, quoted?: string) => {
    const option = quoted ?? whole;
    return Object.hasOwn(flags, option) ? `--${flags[option]}` : whole;
  });
}
