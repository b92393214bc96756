/** The options `pubsub` of `serve`: the bounds of topics and messages, and how long messages are kept. */
import { OptionError } from '../base/errors.ts';
import { checkCount, given, snapshot } from '../base/option-checks.ts';
import { parseSize, type Size } from '../base/units.ts';
import { type NatsAddress, parseNatsUrl } from '../nats/nats-url.ts';
import type { HubLimits } from '../pubsub/hub.ts';

export interface ReplayOptions {
  /** @default 1000 */
  count?: number;
  /** How much memory all that is kept may take. @default '1m' */
  bytes?: Size;
}

export interface PubsubOptions {
  /**
   * Servers of NATS by which messages reach the other machines: `nats://[user:password@]host[:port]`, several with commas between for
   * a cluster. `pubsub: 'nats://...'` is the same.
   * @default none
   */
  nats?: string;
  /** The subject there. Servers that are to hear each other have the same. @default 'holdfast.pubsub' */
  subject?: string;
  /** Topics with subscribers, in each thread: some 300 bytes each. @default 100_000 */
  topics?: number;
  /** Topics of one connection. @default 1000 */
  subscriptions?: number;
  /** The longest message. @default '512k': half of what NATS takes by default, so that all of them fit through it */
  messageBytes?: Size;
  /**
   * Keeps the last messages of all topics together, in each thread, so that readers of server-sent events who come back
   * are sent what they have missed. `true` is the defaults of both bounds.
   * @default false
   */
  replay?: boolean | ReplayOptions;
}

/** After the check. */
export interface PubsubSettings extends HubLimits {
  readonly nats: NatsSettings | undefined;
}

export interface NatsSettings {
  readonly address: NatsAddress;
  readonly subject: string;
}

const NAMES = ['nats', 'subject', 'topics', 'subscriptions', 'messageBytes', 'replay'] as const;
const REPLAY_NAMES = ['count', 'bytes'] as const;

/** A copy of what the caller gave. @throws OptionError */
export function readPubsub(options: unknown): PubsubOptions {
  if (typeof options === 'string') return { nats: options };
  const copy = snapshot<PubsubOptions>('pubsub.', options, NAMES);
  const { replay } = copy;
  if (replay !== undefined && typeof replay !== 'boolean')
    copy.replay = snapshot('pubsub.replay.', replay, REPLAY_NAMES);
  return copy;
}

/** @throws OptionError */
export function checkPubsub(options: PubsubOptions): PubsubSettings {
  const { replay = false } = options;
  return {
    nats: checkNats(options),
    topicsMax: checkCount('pubsub.topics', given(options.topics, 100_000), 1, 2 ** 24),
    subscriptionsMax: checkCount('pubsub.subscriptions', given(options.subscriptions, 1000), 1, 2 ** 24),
    messageBytesMax: atLeastOne('pubsub.messageBytes', given(options.messageBytes, '512k')),
    replay: replay === false ? undefined : checkReplay(replay === true ? {} : replay),
  };
}

/** Tokens of a subject without wildcards, as NATS recommends them. */
const SUBJECT = /^[\w-]+(\.[\w-]+)*$/;

function checkNats({ nats, subject = 'holdfast.pubsub' }: PubsubOptions): NatsSettings | undefined {
  if (typeof subject !== 'string' || !SUBJECT.test(subject) || subject.length > 200)
    throw new OptionError('pubsub.subject', subject, "words with dots between, as 'holdfast.pubsub'");
  if (nats === undefined) return undefined;
  if (typeof nats !== 'string') throw new OptionError('pubsub.nats', nats, 'a URL as nats://127.0.0.1:4222');
  return { address: parseNatsUrl('pubsub.nats', nats), subject };
}

function checkReplay({ count, bytes }: ReplayOptions): NonNullable<HubLimits['replay']> {
  return {
    countMax: checkCount('pubsub.replay.count', given(count, 1000), 1, 2 ** 24),
    bytesMax: atLeastOne('pubsub.replay.bytes', given(bytes, '1m')),
  };
}

/** Bounded by what one allocation may hold; nobody means to keep more in memory. */
function atLeastOne(option: string, value: Size): number {
  return checkCount(option, parseSize(option, value), 1, 2 ** 31);
}
