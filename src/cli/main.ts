#!/usr/bin/env node
/**
 * The `holdfast` command: finds the command that was meant, loads its file and nothing else, and turns
 * what it returns or throws into an exit code. Results go to standard output, words to standard error.
 *
 * It imports nothing that a command shares with it: what is loaded before `keepCompiled` has run is compiled at each
 * start, and that is 20 ms for all that a server is made of.
 */
import { keepCompiled } from './compile-cache.ts';

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
  boot: {
    summary: 'say what a machine would boot, and why',
    load: async () => (await import('./boot.ts')).bootCommand,
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
  prove: {
    summary: 'attack a server, and judge it by the RFCs and by its own deadlines',
    load: async () => (await import('./prove.ts')).proveCommand,
  },
  'prove-agent': {
    summary: 'attack for another machine that runs holdfast prove --agents',
    load: async () => (await import('./prove-agent.ts')).proveAgentCommand,
  },
  doctor: {
    summary: 'say what this host allows and what Holdfast would choose',
    load: async () => (await import('./doctor.ts')).doctorCommand,
  },
};

async function run(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  const command = name !== undefined && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command === undefined) return (await import('./help.ts')).answerWithoutCommand(name, COMMANDS);
  const execute = await command.load();
  return execute(rest);
}

async function tellFailure(error: unknown): Promise<void> {
  const { exitCodeOf, failureText } = await import('./failure.ts');
  process.stderr.write(failureText(error));
  end(exitCodeOf(error));
}

/** A served module may keep timers or sockets of its own; a server that has stopped does not wait for them. */
const EXIT_GRACE_MS = 100;

function end(code: number): void {
  process.exitCode = code;
  setTimeout(() => process.exit(), EXIT_GRACE_MS).unref();
}

keepCompiled(process.env, process.getBuiltinModule('node:module'));
run(process.argv.slice(2)).then(end, tellFailure);
