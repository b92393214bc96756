/**
 * What an HTTP/2 client may cost, as options: `limits.http2` of `serve`. Every bound has a default, argued where it stands
 * (protocol/h2/server/server-settings.ts); who passes one is ended, and counted by the name that the option has here.
 */

import { checkCount, checkCountOrOff, given, snapshot } from '../base/option-checks.ts';
import { parseSize, type Size } from '../base/units.ts';
import { DEFAULT_H2_LIMITS, type H2Limits } from '../protocol/h2/server/server-settings.ts';

/**
 * So many at once, and so many more a second. What honest work earns comes on top: an answer that was sent whole, and for
 * some kinds each DATA frame, makes room for more.
 */
export interface Http2Allowance {
  /** `Infinity` is off. */
  burst?: number;
  perSecond?: number;
}

export interface Http2LimitOptions {
  /** Requests open at once on one connection; others are refused, and asked again by their client. @default 128 */
  concurrentStreams?: number;
  /** What the heads of all open requests of a connection may take: others are refused. @default '1m' */
  openHeaderBytes?: Size;
  /** CONTINUATION frames of one head. @default 8 */
  continuations?: number;
  /** Requests that are reset before they are answered, or are made to be reset. @default 1000 at once, 200 a second */
  resets?: Http2Allowance;
  /** SETTINGS frames. @default 100 at once, 10 a second */
  settings?: Http2Allowance;
  /** PING frames. @default 500 at once, 50 a second */
  pings?: Http2Allowance;
  /** PRIORITY and PRIORITY_UPDATE frames. @default 400 at once, 20 a second */
  priorities?: Http2Allowance;
  /** WINDOW_UPDATE frames. @default 2000 at once, 500 a second */
  windowUpdates?: Http2Allowance;
  /** Frames of streams that are over, and of unknown types. @default 2000 at once, 200 a second */
  strayFrames?: Http2Allowance;
  /** DATA frames that carry nothing. @default 100 at once, 1 a second */
  emptyData?: Http2Allowance;
  /** DATA frames of fewer than 5 bytes that come while content before them waits to be read. @default 2000 */
  unreadTinyData?: number;
  /** Answers that `timeouts.stall` has ended: one more ends the connection. @default 10 */
  stalledAnswers?: number;
}

/** The names of the allowances, here and in the core. */
const ALLOWANCES = [
  'resets',
  'settings',
  'pings',
  'priorities',
  'windowUpdates',
  'strayFrames',
  'emptyData',
] as const;
const NAMES = [
  'concurrentStreams',
  'openHeaderBytes',
  'continuations',
  ...ALLOWANCES,
  'unreadTinyData',
  'stalledAnswers',
] as const;
const ALLOWANCE_NAMES = ['burst', 'perSecond'] as const;
/** RFC 9113 §6.5.2 has 32 bits; stream ids have 31. */
const COUNT_MAX = 2 ** 31 - 1;

/**
 * A copy of what a caller gave, each property read once.
 * @throws OptionError
 */
export function readHttp2Limits(from: unknown): Http2LimitOptions {
  const options = snapshot<Http2LimitOptions>('limits.http2.', from, NAMES);
  for (const name of ALLOWANCES) {
    const allowance = options[name];
    if (allowance !== undefined)
      options[name] = snapshot(`limits.http2.${name}.`, allowance, ALLOWANCE_NAMES);
  }
  return options;
}

/** @throws OptionError naming the first option that is not allowed */
export function checkHttp2Limits(options: Http2LimitOptions): H2Limits {
  const defaults = DEFAULT_H2_LIMITS;
  const { bounds } = defaults;
  const count = (name: 'continuations' | 'unreadTinyData' | 'stalledAnswers', fallback: number) =>
    checkCountOrOff(`limits.http2.${name}`, given(options[name], fallback), 0, COUNT_MAX);
  const allowance = (name: (typeof ALLOWANCES)[number]) => {
    const { burst = bounds[name].burst, perSecond = bounds[name].perSecond } = options[name] ?? {};
    return {
      ...bounds[name],
      // The client's first SETTINGS needs one.
      burst: checkCountOrOff(`limits.http2.${name}.burst`, burst, 1, COUNT_MAX),
      perSecond: checkCount(`limits.http2.${name}.perSecond`, perSecond, 0, COUNT_MAX),
    };
  };
  return {
    streamCountMax: checkCount(
      'limits.http2.concurrentStreams',
      given(options.concurrentStreams, defaults.streamCountMax),
      1,
      COUNT_MAX,
    ),
    headsBytesMax: parseSize(
      'limits.http2.openHeaderBytes',
      given(options.openHeaderBytes, defaults.headsBytesMax),
    ),
    continuationCountMax: count('continuations', defaults.continuationCountMax),
    bounds: {
      ...bounds,
      resets: allowance('resets'),
      settings: allowance('settings'),
      pings: allowance('pings'),
      priorities: allowance('priorities'),
      windowUpdates: allowance('windowUpdates'),
      strayFrames: allowance('strayFrames'),
      emptyData: allowance('emptyData'),
      tinyDataUnreadMax: count('unreadTinyData', bounds.tinyDataUnreadMax),
      stalledAnswersMax: count('stalledAnswers', bounds.stalledAnswersMax),
    },
  };
}
