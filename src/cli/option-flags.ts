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
  const flag = flagOf(error.option, flags);
  if (flag === undefined) return error;
  const { spelling = `--${flag}`, text: typed } = given.get(flag) ?? {};
  // Where several were given, the last that was typed may not be the one that is meant.
  const text = error.option.includes('[') ? undefined : typed;
  const value = text === undefined ? error.shown : JSON.stringify(text);
  const problem = value === 'undefined' ? ' is missing' : `: ${value} is not allowed`;
  return new UsageError(`${spelling}${problem}; ${namingFlags(error.allowed, flags)}`);
}

/** Options that a text names, in backticks or by a path such as `limits.connections`, as flags. */
function namingFlags(text: string, flags: FlagsOfOptions): string {
  return text.replace(/`([\w.[\]]+)`|\b\w+\.\w+\b/g, (whole, quoted?: string) => {
    const flag = flagOf(quoted ?? whole, flags);
    return flag === undefined ? whole : `--${flag}`;
  });
}

/** Which of several is meant, as in `tls[1].cert`, no flag says. */
function flagOf(option: string, flags: FlagsOfOptions): string | undefined {
  const name = option.replace(/\[\d+\]/g, '');
  return Object.hasOwn(flags, name) ? flags[name] : undefined;
}
