/**
 * `sse(request, source, options)`: the public function that makes a Response of server-sent events. It checks what it is given, and
 * puts source and stream together.
 */
import { OptionError } from '../base/errors.ts';
import { checkChoice, checkCount, checkFunction, given, snapshot } from '../base/option-checks.ts';
import { type Duration, parseDuration, parseSize, type Size } from '../base/units.ts';
import type { Message } from '../pubsub/message.ts';
import { responseOf } from '../web/own-body.ts';
import { type ExchangePort, isLightRequest } from '../web/request.ts';
import type { Response, ResponseInit } from '../web/response.ts';
import type { SlowClient } from './event-queue.ts';
import { type EventSource, EventStream, type EventsEnd } from './event-stream.ts';
import type { ServerEvent } from './event-text.ts';
import { IteratedEvents, type SendEvents, SentEvents, TopicEvents, topicSet } from './sources.ts';

/** Topics of the server, by `server.publish` and `context.publish`. */
export interface EventTopics {
  readonly topics: string | readonly string[];
}

export type EventsSource =
  | AsyncIterable<ServerEvent | string>
  | Iterable<ServerEvent | string>
  | SendEvents
  | EventTopics;

export interface EventsOptions {
  /** More fields of the answer. */
  headers?: ResponseInit['headers'];
  /**
   * An empty comment leaves when nothing else has, so that whatever stands between does not take the connection for dead. `Infinity` is off.
   * @default '15s': what WHATWG HTML recommends; proxies give up after 30 to 60 s
   */
  heartbeat?: Duration;
  /** What the client is told first: how long it waits before it comes back. @default its own, some 3 s */
  retry?: Duration;
  /**
   * What becomes of events that wait for a client who is slower than they come, beyond `bufferBytes`. 'close' ends the stream: the client
   * comes back, says what it had last, and misses nothing where messages are kept. 'drop' lets the oldest go; 'coalesce' first lets a
   * later event with the same key take the place of an earlier one. An iterable is not asked for more than there is room for.
   * @default 'close'
   */
  slowClient?: SlowClient;
  /** Beside the 64 KiB that each connection may have unsent. @default '64k' */
  bufferBytes?: Size;
  /** The key of a message, for 'coalesce' and topics. @default its topic and the event's name */
  key?: (message: {
    readonly topic: string;
    readonly data: string | Uint8Array;
    readonly event: string | undefined;
  }) => string;
  /** Called once when the stream has ended. */
  onEnd?: (end: { readonly reason: EventsEnd; readonly dropped: number }) => void;
}

const NAMES = ['headers', 'heartbeat', 'retry', 'slowClient', 'bufferBytes', 'key', 'onEnd'] as const;
const SLOW_CLIENT: readonly SlowClient[] = ['drop', 'coalesce', 'close'];
/** A stream whose client is gone is not looked at again: without an event, its source is never told. */
const HEARTBEAT_MS_MIN = 100;

/**
 * @param request of the client: its `Last-Event-ID` is where it goes on
 * @throws TypeError for a source that is none, OptionError for options that are not allowed
 */
export function sse(
  request: Request,
  source: EventsSource,
  options: EventsOptions = {},
): globalThis.Response {
  const checked = snapshot<EventsOptions>('sse.', options, NAMES);
  const port = isLightRequest(request) ? request._port : undefined;
  const settings = settingsOf(checked, port);
  const feed = sourceOf(source, lastEventIdOf(request), port, checked.key);
  const response: Response = responseOf(new EventStream(feed, settings), { headers: checked.headers });
  const { headers } = response;
  headers.set('content-type', 'text/event-stream');
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-cache');
  // nginx would collect 4 KiB before it passes anything on.
  if (!headers.has('x-accel-buffering')) headers.set('x-accel-buffering', 'no');
  return response as unknown as globalThis.Response;
}

function settingsOf(
  options: EventsOptions,
  port: ExchangePort | undefined,
): ConstructorParameters<typeof EventStream>[1] {
  const host = port?.host;
  const { slowClient, key, onEnd, retry } = options;
  checkChoice('sse.slowClient', slowClient, SLOW_CLIENT);
  checkFunction('sse.key', key);
  checkFunction('sse.onEnd', onEnd);
  const heartbeatMs = parseDuration('sse.heartbeat', given(options.heartbeat, '15s'));
  if (heartbeatMs < HEARTBEAT_MS_MIN)
    throw new OptionError('sse.heartbeat', options.heartbeat, `at least ${HEARTBEAT_MS_MIN} ms, or Infinity`);
  const bufferBytes = parseSize('sse.bufferBytes', given(options.bufferBytes, '64k'));
  return {
    heartbeatMs,
    bufferBytes: checkCount('sse.bufferBytes', bufferBytes, 1024, 2 ** 31),
    slowClient: given(slowClient, 'close'),
    retryMs: retry === undefined ? undefined : Math.ceil(parseDuration('sse.retry', retry)),
    onClosing: (call) => host?.closingSignals.listen(call) ?? (() => {}),
    onEnd: (reason, dropped) => onEnd?.({ reason, dropped }),
    onError: (error) => host?.logError('event source failed', error, port!),
  };
}

function sourceOf(
  source: EventsSource,
  lastEventId: string | undefined,
  port: ExchangePort | undefined,
  keyOf: ((message: Message) => string) | undefined,
): EventSource {
  if (typeof source === 'function') return new SentEvents(source, lastEventId);
  if (typeof source === 'object' && source !== null) {
    if (Symbol.asyncIterator in source) return new IteratedEvents(source);
    if (Symbol.iterator in source) return new IteratedEvents(asynchronously(source));
    if ('topics' in source) {
      const topics = topicSet(source.topics);
      if (port?.host === undefined)
        throw new TypeError("sse: topics are a server's, and this request came from no server of Holdfast");
      return new TopicEvents(port.host.hub, topics, lastEventId, keyOf);
    }
  }
  throw new TypeError('sse: the source is an async iterable, a function that sends, or { topics }');
}

async function* asynchronously<T>(iterable: Iterable<T>): AsyncGenerator<T, void, undefined> {
  yield* iterable;
}

/** Fields are bytes, which an EventSource sends in UTF-8. */
function lastEventIdOf(request: Request): string | undefined {
  const field = request.headers.get('last-event-id');
  if (field === null || field === '') return undefined;
  return Buffer.from(field, 'latin1').toString('utf8');
}
