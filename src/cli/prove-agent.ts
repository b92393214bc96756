/**
 * `holdfast prove-agent`: waits on a NATS server for somebody who runs `holdfast prove --agents`, and attacks from this machine
 * what it is told to, one order at a time. It reaches its own machine and those hosts alone that whoever started it has named.
 */
import { writeSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Fields } from '../load/agents/fields.ts';
import { isName } from '../load/agents/frame.ts';
import { answerAt, type Question, RefusedError } from '../load/agents/message-transport.ts';
import { connectNats } from '../load/agents/nats-link.ts';
import { DEFAULT_GROUP, plainName } from '../load/agents/run-on-agents.ts';
import { parseNatsUrl } from '../nats/nats-url.ts';
import { prove, thereAlready } from '../prove/prove-run.ts';
import type { ProveResult } from '../prove/results.ts';
import { reachTarget } from '../prove/target/reach.ts';
import { describeFlags, type FlagTable, parseArguments } from './arguments.ts';
import { EXIT, UsageError } from './failure.ts';
import { checkedGroup } from './load-agents.ts';
import { packageVersion } from './load-run.ts';
import { readProveOrder } from './prove-order.ts';

const WORK = 'How to work';

// biome-ignore format: one flag a line reads as the table that it is
const PROVE_AGENT_FLAGS = {
  name: { kind: 'text', metavar: 'NAME', defaultText: "this host's", group: WORK, help: 'what reports call this machine' },
  group: { kind: 'text', metavar: 'NAME', defaultText: 'default', group: WORK, help: 'work for those who ask for this group' },
  creds: { kind: 'text', metavar: 'FILE', group: WORK, help: 'NATS credentials file' },
  'i-may-attack': { kind: 'list', metavar: 'HOST', group: WORK, help: 'the owner of this host agrees; without it only this machine is attacked, whoever asks' },
  help: { kind: 'switch', short: 'h', group: WORK, help: 'this page' },
} as const satisfies FlagTable;

const USAGE = `Usage: holdfast prove-agent nats://[USER:PASSWORD@]HOST[:4222] [FLAGS]

Attacks for others: holdfast prove --agents nats://HOST:4222 http://.../
has all agents of that NATS server attack at the same time.

When it waits for work it prints one line on standard output:
  ready nats=nats://127.0.0.1:4222 group=default name=east pid=123
`;

/** A coordinator that is silent for so long is gone, and its attack ends. */
const SILENCE_MS_MAX = 15_000;

export async function proveAgentCommand(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArguments(PROVE_AGENT_FLAGS, argv, process.env, 1);
  if (values.help === true) {
    process.stdout.write(`${USAGE}\n${describeFlags(PROVE_AGENT_FLAGS)}\n`);
    return EXIT.done;
  }
  const [natsUrl] = positionals;
  if (natsUrl === undefined)
    throw new UsageError('a NATS server is missing, as in: holdfast prove-agent nats://127.0.0.1:4222');
  const address = parseNatsUrl('nats', natsUrl);
  const group = checkedGroup('--group', values.group) ?? DEFAULT_GROUP;
  const name = values.name ?? plainName(hostname());
  if (!isName(name))
    throw new UsageError(`--name: ${JSON.stringify(name)} is not allowed; letters, digits and . _ - : @ #`);
  const agent = new ProveAgent(values['i-may-attack'] ?? []);
  const link = await connectNats(address, {
    name: `holdfast prove-agent ${name}`,
    credentialsFile: values.creds,
  });
  const answerer = {
    name,
    newId: () => crypto.randomUUID(),
    nowMs: () => performance.now(),
    answer: (question: Question) => agent.answer(question),
    onRefused: (error: Error, from: string | undefined) =>
      void process.stderr.write(`refused ${from ?? 'somebody'}: ${error.message}\n`),
  };
  answerAt(link, `holdfast.prove.${group}.agents`, answerer);
  answerAt(link, `holdfast.prove.${group}.agent.${agent.id}`, answerer);
  await link.flush();
  const ended = Promise.race([
    new Promise<undefined>((resolve) => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(undefined));
    }),
    link.ended,
  ]);
  writeSync(1, `ready nats=${address.shown} group=${group} name=${name} pid=${process.pid}\n`);
  const error = await ended;
  agent.stop();
  if (error !== undefined) throw error;
  await link.close();
  return EXIT.done;
}

interface Attack {
  readonly session: string;
  readonly end: AbortController;
  heardMs: number;
  result: ProveResult | undefined;
  failure: string | undefined;
}

class ProveAgent {
  readonly id = crypto.randomUUID();
  readonly #allowed: readonly string[];
  readonly #watch: NodeJS.Timeout;
  #attack: Attack | undefined;

  constructor(allowed: readonly string[]) {
    this.#allowed = allowed;
    this.#watch = setInterval(() => this.#look(), 1000);
  }

  stop(): void {
    clearInterval(this.#watch);
    this.#attack?.end.abort();
  }

  async answer({ fields }: Question): Promise<object | undefined> {
    switch (fields.text('type', 40)) {
      case 'discover':
        return { type: 'hello', id: this.id, isBusy: this.#attack !== undefined };
      case 'begin':
        await this.#begin(fields);
        return { type: 'begun' };
      case 'poll':
        return this.#poll(fields);
      default:
        throw new RefusedError('malformed', 'a question that nobody here knows');
    }
  }

  async #begin(fields: Fields): Promise<void> {
    const session = fields.text('session', 100);
    if (this.#attack?.session === session) return; // It was asked again.
    if (this.#attack !== undefined) throw new RefusedError('busy', 'it attacks for somebody else');
    const attack: Attack = {
      ...{ session, end: new AbortController(), heardMs: performance.now() },
      ...{ result: undefined, failure: undefined },
    };
    this.#attack = attack;
    try {
      const order = readProveOrder(fields.text('order', 1_000_000));
      const { paths } = order;
      const target = await reachTarget('TARGET', order.url, {
        allowed: this.#allowed,
        paths,
        adminUrl: undefined,
      });
      prove({
        ...{ ...order, subjects: [thereAlready(target)], against: [], signal: attack.end.signal },
        ...{ version: packageVersion(), command: 'holdfast prove-agent', onProgress() {} },
      }).then(
        (result) => (attack.result = result),
        (error: Error) => (attack.failure = error.message),
      );
    } catch (error) {
      this.#attack = undefined;
      throw new RefusedError('order', (error as Error).message);
    }
  }

  /** What came of it is told once; whoever has it has no need of this agent any more. */
  #poll(fields: Fields): object {
    const attack = this.#attack;
    if (attack === undefined || attack.session !== fields.text('session', 100))
      throw new RefusedError('session', 'it has no such attack: it may have heard nothing for too long');
    attack.heardMs = performance.now();
    if (fields.flag('stop')) attack.end.abort();
    if (fields.flag('isKnown')) {
      this.#attack = undefined;
      return { type: 'free' };
    }
    if (attack.failure !== undefined) throw new RefusedError('failed', attack.failure);
    if (attack.result === undefined) return { type: 'running' };
    return { type: 'done', result: JSON.stringify(attack.result) };
  }

  #look(): void {
    const attack = this.#attack;
    if (attack === undefined || performance.now() - attack.heardMs < SILENCE_MS_MAX) return;
    attack.end.abort();
    this.#attack = undefined;
  }
}
