/** What the bare command answers: which commands there are, which version this is, and what a word that is no command may mean. */
import { existsSync, readFileSync } from 'node:fs';
import { nearest } from './arguments.ts';
import { EXIT } from './failure.ts';

/** Names of commands, each with what it does. */
type Summaries = Readonly<Record<string, { readonly summary: string }>>;

function help(commands: Summaries): string {
  const rows = Object.entries(commands).map(([name, command]) => `  ${name.padEnd(12)}${command.summary}`);
  return `Holdfast, an HTTP server engine

Usage: holdfast COMMAND [ARGUMENTS]

Commands:
${rows.join('\n')}

  holdfast COMMAND --help   what a command can do
  holdfast --version        the version

Exit codes: 0 done, 1 failed, 2 bad usage, 99 a threshold missed or a finding,
130 interrupted
`;
}

/** @param name what was given in place of a command; undefined when nothing was */
export function answerWithoutCommand(name: string | undefined, commands: Summaries): number {
  if (name === undefined) {
    process.stderr.write(help(commands));
    return EXIT.usage;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help(commands));
    return EXIT.done;
  }
  if (name === '--version' || name === '-v' || name === '-V') {
    process.stdout.write(`${packageVersion()}\n`);
    return EXIT.done;
  }
  return refuse(name, Object.keys(commands));
}

function refuse(name: string, commands: readonly string[]): number {
  let hint = `the commands are ${commands.join(', ')}`;
  const near = nearest(name, commands);
  if (name.startsWith('-')) hint = `flags follow a command, as in: holdfast serve ${name}`;
  else if (near !== undefined) hint = `did you mean ${near}?`;
  else if (existsSync(name)) hint = `did you mean holdfast serve ${name}?`;
  process.stderr.write(`holdfast: unknown ${name.startsWith('-') ? 'flag' : 'command'} ${name}; ${hint}\n`);
  return EXIT.usage;
}

function packageVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}
