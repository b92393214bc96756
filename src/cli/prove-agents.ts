/**
 * `--agents` of `holdfast prove`: every agent of a NATS server attacks the same target at the same time, each with a seed and a good
 * client of its own, and what they found is one result with a target for each.
 */
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageTransport } from '../load/agents/message-transport.ts';
import { connectNats } from '../load/agents/nats-link.ts';
import { DEFAULT_GROUP, plainName } from '../load/agents/run-on-agents.ts';
import { parseNatsUrl } from '../nats/nats-url.ts';
import type { ProveResult } from '../prove/results.ts';
import { CommandError } from './failure.ts';
import { checkedGroup } from './load-agents.ts';
import { encodeProveOrder, type TravellingOrder } from './prove-order.ts';

interface AgentsWanted {
  readonly natsUrl: string;
  readonly group: string | undefined;
  readonly credentialsFile: string | undefined;
  /** @default all that answer within a second */
  readonly count: number | undefined;
}

interface Agent {
  readonly name: string;
  readonly subject: string;
}

const GATHER_MS = 1000;
const GATHER_MS_MAX = 10_000;
const POLL_EVERY_MS = 1000;
const ANSWER_MS_MAX = 10_000;

/** @throws CommandError without agents, or when one of them refuses or is lost */
export async function proveOnAgents(
  wanted: AgentsWanted,
  order: TravellingOrder,
  signal: AbortSignal,
): Promise<ProveResult> {
  const address = parseNatsUrl('--agents', wanted.natsUrl);
  const group = checkedGroup('--agents-group', wanted.group) ?? DEFAULT_GROUP;
  const own = `${plainName(hostname())}:${process.pid}`;
  const link = await connectNats(address, {
    name: `holdfast prove ${own}`,
    credentialsFile: wanted.credentialsFile,
  });
  try {
    const transport = new MessageTransport(link, own, () => crypto.randomUUID());
    const agents = await gather(transport, group, wanted.count);
    process.stderr.write(`agents: ${agents.map(({ name }) => name).join(', ')}\n`);
    const session = crypto.randomUUID();
    const each = agents.map((agent, n) =>
      attackFrom(transport, agent, session, { ...order, seed: order.seed + n }, signal),
    );
    return joined(await Promise.all(each), agents, order.seed);
  } finally {
    await link.close();
  }
}

async function gather(
  transport: MessageTransport,
  group: string,
  count: number | undefined,
): Promise<Agent[]> {
  const found = new Map<string, Agent>();
  const onAnswer = ({
    from,
    fields,
  }: {
    from: string;
    fields: { text(name: string, max: number): string; flag(name: string): boolean };
  }): void => {
    const id = fields.text('id', 100);
    if (!fields.flag('isBusy')) found.set(id, { name: from, subject: `holdfast.prove.${group}.agent.${id}` });
  };
  const stop = transport.askAll(`holdfast.prove.${group}.agents`, { type: 'discover' }, onAnswer, () => {});
  const endMs = performance.now() + (count === undefined ? GATHER_MS : GATHER_MS_MAX);
  while (performance.now() < endMs && (count === undefined || found.size < count)) await sleep(50);
  stop();
  const agents = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1)).slice(0, count);
  if (agents.length === 0 || agents.length < (count ?? 1))
    throw new CommandError(
      `--agents: ${agents.length} agents that are free answered, and ${count ?? 1} are needed; see: holdfast prove-agent --help`,
    );
  return agents;
}

async function attackFrom(
  transport: MessageTransport,
  { name, subject }: Agent,
  session: string,
  order: TravellingOrder,
  signal: AbortSignal,
): Promise<ProveResult> {
  const ask = (question: object) =>
    transport.ask(subject, { session, ...question }, ANSWER_MS_MAX).catch((error: Error) => {
      throw new CommandError(`agent ${name}: ${error.message}`);
    });
  await ask({ type: 'begin', order: encodeProveOrder(order) });
  for (;;) {
    const { fields } = await ask({ type: 'poll', stop: signal.aborted, isKnown: false });
    if (fields.text('type', 40) === 'done') {
      const result = JSON.parse(fields.text('result', 512 * 1024 * 1024)) as ProveResult;
      await ask({ type: 'poll', stop: false, isKnown: true });
      return result;
    }
    await sleep(POLL_EVERY_MS);
  }
}

/** Findings of one agent are called by its name, as targets are by theirs. */
function joined(results: readonly ProveResult[], agents: readonly Agent[], seed: number): ProveResult {
  const targets = results.flatMap((result, n) =>
    result.targets.map((target) => {
      const name = `${target.name} from ${agents[n]!.name}`;
      const slices = target.slices.map((slice) => ({
        ...slice,
        findings: slice.findings.map((finding) => ({ ...finding, target: name })),
      }));
      return { ...target, name, slices };
    }),
  );
  const durationMs = Math.max(...results.map((result) => result.durationMs));
  return { ...results[0]!, targets, seed, durationMs };
}
