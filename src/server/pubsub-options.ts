/** The options `pubsub` of `serve`: the bounds of topics and messages, and how long messages are kept. */
import { checkCount, given, snapshot } from '../base/option-checks.ts';
import { parseSize, type Size } from '../base/units.ts';
import type { HubLimits } from '../pubsub/hub.ts';

export interface ReplayOptions {
  /** @default 1000 */
  count?: number;
  /** How much memory all that is kept may take. @default '1m' */
  bytes?: Size;
}

export interface PubsubOptions {
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

const NAMES = ['topics', 'subscriptions', 'messageBytes', 'replay'] as const;
const REPLAY_NAMES = ['count', 'bytes'] as const;

/** A copy of what the caller gave. @throws OptionError */
export function readPubsub(options: unknown): PubsubOptions {
  const copy = snapshot<PubsubOptions>('pubsub.', options, NAMES);
  const { replay } = copy;
  if (replay !== undefined && typeof replay !== 'boolean')
    copy.replay = snapshot('pubsub.replay.', replay, REPLAY_NAMES);
  return copy;
}

/** @throws OptionError */
export function checkPubsub(options: PubsubOptions): HubLimits {
  const { replay = false } = options;
  return {
    topicsMax: checkCount('pubsub.topics', given(options.topics, 100_000), 1, 2 ** 24),
    subscriptionsMax: checkCount('pubsub.subscriptions', given(options.subscriptions, 1000), 1, 2 ** 24),
    messageBytesMax: atLeastOne('pubsub.messageBytes', given(options.messageBytes, '512k')),
    replay: replay === false ? undefined : checkReplay(replay === true ? {} : replay),
  };
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
