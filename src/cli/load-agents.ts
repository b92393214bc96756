/**
 * `--agents` of `holdfast load`: gathers agents, lets a run happen on them in place of this machine, and
 * gives them back. All that knows NATS is loaded only when the flag is there.
 */
import type { LoadRunOptions } from '../load/run/run-coordinator.ts';
import { paint, usesColour } from '../observe/terminal.ts';
import { InterruptedError, UsageError } from './failure.ts';
import { parsePositiveTime } from './load-numbers.ts';
import type { LoadFlags } from './load-options.ts';

type Elsewhere = Pick<LoadRunOptions, 'run' | 'elsewhere'>;

const ONLY_WITH_AGENTS = ['agents-group', 'agents-creds', 'agent-count', 'agents-wait'] as const;
/** Scripts and unix sockets are of one machine, and so is who asks what a server chooses; see src/load/agents/plan-message.ts. */
const NOT_WITH_AGENTS = ['script', 'unix', 'alpn'] as const;

/**
 * @throws UsageError for flags that do not go together; OptionError, NatsError, AgentsError when no agents
 *   can be had
 */
export async function withAgents<T>(
  flags: LoadFlags,
  signal: AbortSignal,
  run: (elsewhere: Elsewhere) => Promise<T>,
): Promise<T> {
  const { agents: natsUrl } = flags;
  if (natsUrl === undefined) {
    const stray = ONLY_WITH_AGENTS.find((name) => flags[name] !== undefined);
    if (stray !== undefined) throw new UsageError(`--${stray} goes with --agents`);
    return run({});
  }
  const refused = NOT_WITH_AGENTS.find((name) => flags[name] !== undefined);
  if (refused !== undefined)
    throw new UsageError(`--${refused} goes without --agents: it is of this machine alone`);
  const { Agents } = await import('../load/agents/run-on-agents.ts');
  const wait = flags['agents-wait'];
  const agents = await Agents.open(
    {
      natsUrl,
      group: checkedGroup('--agents-group', flags['agents-group']),
      credentialsFile: flags['agents-creds'],
      count: flags['agent-count'],
      waitMs: wait === undefined ? undefined : parsePositiveTime('--agents-wait', wait),
      threads: flags.threads === 'auto' ? undefined : flags.threads,
      onWarning: (text) =>
        void process.stderr.write(`${paint('warning:', 'yellow', usesColour(2))} ${text}\n`),
    },
    signal,
  ).catch((error: unknown) => {
    throw signal.aborted ? new InterruptedError('interrupted while looking for agents') : error;
  });
  try {
    if (flags.quiet !== true) process.stderr.write(`agents: ${agents.names.join(', ')}\n`);
    return await run({ run: agents.run, elsewhere: () => agents.elsewhere() });
  } finally {
    await agents.close();
  }
}

/** A group is a part of NATS subjects. */
export function checkedGroup(flag: string, text: string | undefined): string | undefined {
  if (text !== undefined && !/^[\w-]{1,64}$/.test(text))
    throw new UsageError(`${flag}: ${JSON.stringify(text)} is not allowed; letters, digits, - and _`);
  return text;
}
