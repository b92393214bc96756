/**
 * What an HTTP/2 server allows its clients, each bound with what argues for it. The session fills it from the options
 * of the server; one object serves all connections of a thread.
 */
import type { TextOf } from '../hpack-decoder.ts';

/**
 * An allowance for something that is legal and costs more than it brings: so many at once, so many more a second, and
 * some for each stream that is answered to its end. A client that does honest work is never cut off; one that only costs is.
 */
export interface Allowance {
  readonly burst: number;
  readonly perSecond: number;
  /** Earned by each answer that was sent whole. */
  readonly perAnswer: number;
  /** Earned by each DATA frame that was sent, but for crumbs that a window has let go: who asks for them would earn what that costs. */
  readonly perDataFrame: number;
}

export interface AbuseBounds {
  /** Requests that the client resets before they are answered, or makes us reset by a fault of its own. */
  readonly resets: Allowance;
  readonly settings: Allowance;
  readonly pings: Allowance;
  /** PRIORITY and PRIORITY_UPDATE. */
  readonly priorities: Allowance;
  /** DATA frames without content that end nothing. */
  readonly emptyData: Allowance;
  readonly windowUpdates: Allowance;
  /** Frames on streams that are over, of unknown types, acknowledgements of nothing. */
  readonly strayFrames: Allowance;
  /** DATA frames of fewer than 5 bytes that come while content before them waits to be read. */
  readonly tinyDataUnreadMax: number;
  /** Settings in one frame. */
  readonly settingsInFrameMax: number;
  /** Answers that are ended because nobody opens their window. */
  readonly stalledAnswersMax: number;
}

/** What operators may choose: options of the server set it, `limits.http2` (server/http2-limits.ts). */
export interface H2Limits {
  /** SETTINGS_MAX_CONCURRENT_STREAMS */
  readonly streamCountMax: number;
  /** Counts the heads of all open requests of a connection. */
  readonly headsBytesMax: number;
  /** Frames that go on with one field block. */
  readonly continuationCountMax: number;
  readonly bounds: AbuseBounds;
}

export interface H2Settings extends H2Limits {
  /** Makes text of bytes, one character a byte: the platform's quickest. */
  readonly textOf: TextOf;
  /** Counts a head's names and values and 32 bytes a field: beyond, 431; beyond four times that, the connection ends. */
  readonly headBytesMax: number;
  /** Crumbs of cookies count one by one. */
  readonly fieldCountMax: number;
  /** What a client may send on one stream before somebody reads. */
  readonly streamWindowBytes: number;
  /** By so much the windows of a connection may grow, all together, where handlers read quickly: a window bounds what is sent in a round trip. */
  readonly growthBytes: number;
  /** What a client may send on all streams together, beside `growthBytes`. */
  readonly connectionWindowBytes: number;
  /** No more content is written while so many bytes wait to be sent. */
  readonly unsentBytesMax: number;
  readonly settingsTimeoutMs: number;
  /** For a frame that is begun, or a field block; DATA has the deadlines of its request. */
  readonly frameTimeoutMs: number;
  /** An answer must have moved `stallBytes` of its content, or all of it, that long after it first had to wait. */
  readonly stallTimeoutMs: number;
  readonly stallBytes: number;
  /** For the rest of a request whose answer is whole. */
  readonly lingerTimeoutMs: number;
  /** For the PING that follows the first GOAWAY of a drain. */
  readonly drainGraceMs: number;
  /** RFC 8441 */
  readonly extendedConnect: boolean;
}

function allowance(burst: number, perSecond: number, perAnswer = 0, perDataFrame = 0): Allowance {
  return Object.freeze({ burst, perSecond, perAnswer, perDataFrame });
}

const DEFAULT_BOUNDS: AbuseBounds = Object.freeze({
  // nghttp2 1000 and 33/s, whose 33 cut players and clients that reset after each answer; h2 20 cut gRPC. 200 wasted
  // requests a second cost what 200 requests cost, and an answer earns one.
  resets: allowance(1000, 200, 1),
  settings: allowance(100, 10), // nobody needs ten; gRPC changes its window about once a second
  pings: allowance(500, 50, 1, 1), // gRPC measures its window by a PING for each burst of our DATA
  priorities: allowance(400, 20, 4), // h2o ends at 400; a page moves its images about, each once or twice
  emptyData: allowance(100, 1, 1), // h2 100
  windowUpdates: allowance(2000, 500, 4, 4), // Go announces two windows for each DATA frame, browsers fewer
  strayFrames: allowance(2000, 200, 4), // what was under way when a stream ended: an update, a reset, some DATA
  tinyDataUnreadMax: 2000, // 5 bytes is the shortest message of gRPC; from there on windows bound the count
  settingsInFrameMax: 32, // nghttp2 32; there are eight
  stalledAnswersMax: 10, // one may be a mishap of the client's
});

export const DEFAULT_H2_LIMITS: H2Limits = Object.freeze({
  streamCountMax: 128, // RFC 9113 §6.5.2 asks for 100 at least; nginx 128, h2o, celeris 100, Go 250
  headsBytesMax: 1024 * 1024, // 8 KiB each if all streams are open
  continuationCountMax: 8, // nghttp2 8: with full frames nine are 144 KiB
  bounds: DEFAULT_BOUNDS,
});

/** All but `textOf`, which is the platform's. */
export const DEFAULT_H2_SETTINGS: Omit<H2Settings, 'textOf'> = Object.freeze({
  ...DEFAULT_H2_LIMITS,
  headBytesMax: 16 * 1024, // as HTTP/1's
  fieldCountMax: 100, // as HTTP/1's
  streamWindowBytes: 64 * 1024 - 1, // the RFC's default, which needs no setting; HTTP/1 buffers as much
  growthBytes: 1024 * 1024, // 20 MB/s at 50 ms; 64 KiB alone would be 1.3
  connectionWindowBytes: 1024 * 1024, // 16 streams that nobody reads do not stop the others
  unsentBytesMax: 64 * 1024, // as HTTP/1's
  settingsTimeoutMs: 10_000, // Go 2 s, nginx none
  frameTimeoutMs: 10_000, // as HTTP/1's head
  stallTimeoutMs: 60_000, // nginx 60 s between two writes; here only until 16 KiB have gone: players may pause for hours
  stallBytes: 16 * 1024, // a first screen, or a player's first second
  lingerTimeoutMs: 2000, // as HTTP/1's
  drainGraceMs: 1000, // a round trip round the earth is 0.3 s
  extendedConnect: false,
});
