/**
 * How commands end: with a number that scripts can rely on, and with one clear line when they fail.
 */
import { OptionError } from '../base/errors.ts';

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  /** A threshold was missed, or something was found: scripts tell it from a failure of the tool (as k6 has it). */
  finding: 99,
  /** A second interrupt: what was under way was cut. 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const;

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command line is fine and the world is not: exit code 1. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  /** Lines below the one that says what is wrong, as the frames of an error in the user's module. */
  readonly details: string;
  readonly exitCode: number;

  constructor(message: string, details = '', exitCode: number = EXIT.failed) {
    super(message);
    this.details = details;
    this.exitCode = exitCode;
  }
}

/** Ctrl-C, before there was anything to show: exit code 130. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/** @returns the exit code for an error that ended a command */
export function exitCodeOf(error: unknown): number {
  if (error instanceof InterruptedError) return EXIT.interrupted;
  if (error instanceof CommandError) return error.exitCode;
  return error instanceof UsageError || error instanceof OptionError ? EXIT.usage : EXIT.failed;
}

/** The error as people are told it: one line, and what else there is to say below. */
export function failureText(error: unknown): string {
  const details = error instanceof CommandError ? error.details : '';
  return `holdfast: ${oneLine(error)}\n${details === '' ? '' : `${details}\n`}`;
}

/** The error as one line, without the name of a class that means nothing to its reader. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  return message.replace(/\s*\n\s*/g, '; ').trim();
}
