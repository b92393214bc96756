#!/usr/bin/env node
/**
 * The `holdfast` command: finds the command that was meant, loads its file and nothing else, and turns
 * what it returns or throws into an exit code. Results go to standard output, words to standard error.
 */
import { existsSync, readFileSync } from 'node:fs';
import { keepCompiled } from './compile-cache.ts';
import { EXIT, exitCodeOf, failureText } from './failure.ts';

interface Command {
  readonly summary: string;
  /** @returns the exit code, when the command is over */
  load(): Promise<(argv: readonly string[]) => Promise<number>>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: {
    summary: 'serve a folder or a fetch handler, on every core',
    load: async () => (await import('./serve.ts')).serveCommand,
  },
  load: {
    summary: 'load a server, and say what limited the result',
    load: async () => (await import('./load.ts')).loadCommand,
  },
  'load-agent': {
    summary: 'make load for another machine that runs holdfast load --agents',
    load: async () => (await import('./load-agent.ts')).loadAgentCommand,
  },
  siege: {
    summary: "load a server with siege's flags and siege's summary",
    load: async () => (await import('./siege.ts')).siegeCommand,
  },
  doctor: {
    summary: 'say what this host allows and what Holdfast would choose',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
};

function help(): string {
  const rows = Object.entries(COMMANDS).map(([name, command]) => `  ${name.padEnd(12)}${command.summary}`);
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

async function run(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined) {
    process.stderr.write(help());
    return EXIT.usage;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help());
    return EXIT.done;
  }
  if (name === '--version' || name === '-v' || name === '-V') {
    process.stdout.write(`${packageVersion()}\n`);
    return EXIT.done;
  }
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return refuse(name);
  const execute = await command.load();
  return execute(rest);
}

async function refuse(name: string): Promise<number> {
  const { nearest } = await import('./arguments.ts');
  let hint = `the commands are ${Object.keys(COMMANDS).join(', ')}`;
  const near = nearest(name, Object.keys(COMMANDS));
  if (name.startsWith('-')) hint = `flags follow a command, as in: holdfast serve ${name}`;
  else if (near !== undefined) hint = `did you mean ${near}?`;
  else if (existsSync(name)) hint = `did you mean holdfast serve ${name}?`;
  process.stderr.write(`holdfast: unknown ${name.startsWith('-') ? 'flag' : 'command'} ${name}; ${hint}\n`);
  return EXIT.usage;
}

function packageVersion(): string {
  return JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
}

/** A served module may keep timers or sockets of its own; a server that has stopped does not wait for them. */
const EXIT_GRACE_MS = 100;

function end(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
}

keepCompiled(process.env, process.getBuiltinModule('node:module'));
run(process.argv.slice(2)).then(end, (error: unknown) => {
  process.stderr.write(failureText(error));
  end(exitCodeOf(error));
});
