/**
 * `holdfast load-agent`: waits on a NATS server for somebody who runs `holdfast load --agents`, and makes
 * its share of the load on this machine. One line on standard output when it is ready, its log on
 * standard error.
 */
import { writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { LoadAgent } from '../load/agents/agent.ts';
import { isName } from '../load/agents/frame.ts';
import type { Link } from '../load/agents/link.ts';
import { connectNats } from '../load/agents/nats-link.ts';
import { DEFAULT_GROUP, plainName } from '../load/agents/run-on-agents.ts';
import { makeRunShare } from '../load/agents/run-share.ts';
import { TargetRules } from '../load/agents/target-rules.ts';
import { describeMachine } from '../load/measure/machine.ts';
import { monotonicMs } from '../load/run/monotonic-clock.ts';
import { parseNatsUrl } from '../nats/nats-url.ts';
import { HoldfastLogger } from '../observe/logger.ts';
import { describeFlags, type FlagTable, parseArguments } from './arguments.ts';
import { EXIT, oneLine, UsageError } from './failure.ts';
import { checkedGroup } from './load-agents.ts';
import { descriptorLimit, packageVersion } from './load-run.ts';

const WORK = 'How to work';

// biome-ignore format: one flag a line reads as the table that it is
const LOAD_AGENT_FLAGS = {
  name: { kind: 'text', metavar: 'NAME', defaultText: "this host's", group: WORK, help: 'what results call this machine' },
  group: { kind: 'text', metavar: 'NAME', defaultText: 'default', group: WORK, help: 'work for those who ask for this group' },
  creds: { kind: 'text', metavar: 'FILE', group: WORK, help: 'NATS credentials file' },
  'allow-target': { kind: 'list', metavar: 'TARGET', defaultText: 'any', group: WORK, help: 'load nothing but HOST, HOST:PORT or a range such as 10.0.0.0/8; may be given several times' },
  threads: { kind: 'integer', short: 't', metavar: 'N', min: 1, max: 256, defaultText: 'as asked, else one for 16 connections, at most the cores and 4', group: WORK, help: 'threads that make the load' },
  engine: { kind: 'choice', metavar: 'ENGINE', choices: ['auto', 'iouring', 'epoll', 'node'], defaultText: 'as asked', group: WORK, help: 'what moves the bytes' },
  help: { kind: 'switch', short: 'h', group: WORK, help: 'this page' },
} as const satisfies FlagTable;

const USAGE = `Usage: holdfast load-agent nats://[USER:PASSWORD@]HOST[:4222] [FLAGS]

Makes load for others: holdfast load --agents nats://HOST:4222 http://.../
spreads its load over all agents of that NATS server.

When it waits for work it prints one line on standard output:
  ready nats=nats://127.0.0.1:4222 group=default name=loader-1 pid=123
SIGTERM and SIGINT stop what is under way, report it, and end.

Whoever may publish on the NATS server can make agents load any target that
--allow-target does not exclude: see docs/load-agents.md.
`;

/** What is still in the log's queue at the end may take this long to leave. */
const LOG_FLUSH_MS = 500;

export async function loadAgentCommand(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArguments(LOAD_AGENT_FLAGS, argv, process.env, 1);
  if (values.help === true) {
    process.stdout.write(`${USAGE}\n${describeFlags(LOAD_AGENT_FLAGS)}\n`);
    return EXIT.done;
  }
  const [natsUrl] = positionals;
  if (natsUrl === undefined)
    throw new UsageError('a NATS server is missing, as in: holdfast load-agent nats://127.0.0.1:4222');
  const address = parseNatsUrl('nats', natsUrl);
  const group = checkedGroup('--group', values.group) ?? DEFAULT_GROUP;
  const name = checkedName(values.name);
  const rules = new TargetRules('--allow-target', values['allow-target'] ?? []);
  const logger = new HoldfastLogger({ format: 'pretty', level: 'info' });
  const link = await connectNats(address, {
    name: `holdfast load-agent ${name}`,
    credentialsFile: values.creds,
    onState: (text) => logger.warn(text),
  });
  const { name: _local, answered: _none, ...machine } = describeMachine(name, 0);
  const agent = new LoadAgent({
    link,
    group,
    id: crypto.randomUUID(),
    name,
    holdfastVersion: packageVersion(),
    machine,
    engine: values.engine,
    threads: values.threads,
    rules,
    runShare: makeRunShare(descriptorLimit()),
    nowMs: monotonicMs,
    newId: () => crypto.randomUUID(),
    log: logger,
  });
  await link.flush();
  const exitCode = untilEnded(agent, link, logger);
  announceReady(`ready nats=${address.shown} group=${group} name=${name} pid=${process.pid}\n`);
  const code = await exitCode;
  await logger.flush(LOG_FLUSH_MS);
  return code;
}

function checkedName(text: string | undefined): string {
  if (text === undefined) return plainName(hostname());
  if (!isName(text))
    throw new UsageError(`--name: ${JSON.stringify(text)} is not allowed; letters, digits and . _ - : @ #`);
  return text;
}

/** Written at once, so that it is there before anything else happens. */
function announceReady(line: string): void {
  try {
    writeSync(1, line);
  } catch {
    // Nobody listens on standard output; whoever asks the agents can do without.
  }
}

/** Resolves with the exit code: by a signal, or when NATS lets us in no more. */
function untilEnded(agent: LoadAgent, link: Link, logger: HoldfastLogger): Promise<number> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = (signal: NodeJS.Signals): void => {
      signals++;
      if (signals > 1) {
        if (signal === 'SIGINT') resolve(EXIT.interrupted);
        return;
      }
      const { busyWith } = agent;
      logger.info(busyWith === undefined ? signal : `${signal}: stopping the run of ${busyWith}`);
      agent
        .leave(signal)
        .then(() => link.close())
        .then(() => resolve(EXIT.done), fail);
    };
    const fail = (error: unknown): void => {
      logger.error(oneLine(error));
      resolve(EXIT.failed);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
    void link.ended.then((error) => {
      if (error !== undefined) agent.leave('NATS').then(() => fail(error), fail);
    });
  });
}
