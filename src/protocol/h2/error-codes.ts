/**
 * Why an HTTP/2 stream or connection ends: the codes of RST_STREAM and GOAWAY (RFC 9113 §7), and the faults that we
 * answer with them, as values. A fault says which code answers it and whether it ends the connection or one stream.
 *
 * The table is the documentation, as that of HTTP/1's faults is (protocol/error.ts).
 */

export const NO_ERROR = 0x0;
export const PROTOCOL_ERROR = 0x1;
export const INTERNAL_ERROR = 0x2;
export const FLOW_CONTROL_ERROR = 0x3;
export const SETTINGS_TIMEOUT = 0x4;
export const STREAM_CLOSED = 0x5;
export const FRAME_SIZE_ERROR = 0x6;
export const REFUSED_STREAM = 0x7;
export const CANCEL = 0x8;
export const COMPRESSION_ERROR = 0x9;
export const CONNECT_ERROR = 0xa;
export const ENHANCE_YOUR_CALM = 0xb;
export const INADEQUATE_SECURITY = 0xc;
export const HTTP_1_1_REQUIRED = 0xd;

/** Names by number, for logs and metrics. */
export const ERROR_CODE_NAMES: readonly string[] = Object.freeze([
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
]);

/**
 * What bounds the cost of a client, by the names that operators know it by: options of `limits.http2`, but for
 * `headerBytes`, which is one of `limits`, and `stall`, which is one of `timeouts`.
 */
export type CostBound =
  | 'concurrentStreams'
  | 'headerBytes'
  | 'openHeaderBytes'
  | 'continuations'
  | 'resets'
  | 'settings'
  | 'pings'
  | 'priorities'
  | 'windowUpdates'
  | 'strayFrames'
  | 'emptyData'
  | 'unreadTinyData'
  | 'stall'
  | 'stalledAnswers';

export interface Http2Fault {
  /** Stable name for programs: close reasons, metrics labels, logs. */
  readonly code: string;
  /** Goes out in GOAWAY or RST_STREAM. */
  readonly errorCode: number;
  /** Whether it ends the connection; else one stream. */
  readonly endsConnection: boolean;
  /** `RFC 9113 §6.1` */
  readonly section: string;
  /** One ASCII sentence. */
  readonly sentence: string;
  /** The bound that the client went beyond; undefined for a broken rule. */
  readonly bound: CostBound | undefined;
}

const table: Http2Fault[] = [];

function connection(
  code: string,
  errorCode: number,
  section: string,
  sentence: string,
  bound?: CostBound,
): Http2Fault {
  const fault = Object.freeze({ code, errorCode, endsConnection: true, section, sentence, bound });
  table.push(fault);
  return fault;
}

function stream(
  code: string,
  errorCode: number,
  section: string,
  sentence: string,
  bound?: CostBound,
): Http2Fault {
  const fault = Object.freeze({ code, errorCode, endsConnection: false, section, sentence, bound });
  table.push(fault);
  return fault;
}

// Frames.
export const FAULT_PREFACE = connection(
  'h2-bad-preface',
  PROTOCOL_ERROR,
  'RFC 9113 §3.4',
  'the connection does not begin with the HTTP/2 preface',
);
export const FAULT_FIRST_FRAME = connection(
  'h2-no-settings',
  PROTOCOL_ERROR,
  'RFC 9113 §3.4',
  'the first frame behind the preface is not SETTINGS',
);
export const FAULT_FRAME_TOO_LARGE = connection(
  'h2-frame-too-large',
  FRAME_SIZE_ERROR,
  'RFC 9113 §4.2',
  'a frame is longer than SETTINGS_MAX_FRAME_SIZE allows',
);
export const FAULT_FRAME_SIZE = connection(
  'h2-bad-frame-size',
  FRAME_SIZE_ERROR,
  'RFC 9113 §4.2',
  'a frame has not the length that its type asks for',
);
export const FAULT_STREAM_FRAME_SIZE = stream(
  'h2-bad-priority-size',
  FRAME_SIZE_ERROR,
  'RFC 9113 §6.3',
  'a PRIORITY frame is not 5 bytes long',
);
export const FAULT_PADDING = connection(
  'h2-bad-padding',
  PROTOCOL_ERROR,
  'RFC 9113 §6.1',
  'the padding is as long as the frame, or longer',
);
export const FAULT_STREAM_ID = connection(
  'h2-bad-stream-id',
  PROTOCOL_ERROR,
  'RFC 9113 §5.1.1',
  'a frame stands on a stream that its type does not belong to',
);
export const FAULT_CONTINUATION = connection(
  'h2-bad-continuation',
  PROTOCOL_ERROR,
  'RFC 9113 §6.10',
  'a field block is interrupted, or continued where none was begun',
);
export const FAULT_SETTING = connection(
  'h2-bad-setting',
  PROTOCOL_ERROR,
  'RFC 9113 §6.5.2',
  'a setting has a value that is not allowed',
);
export const FAULT_WINDOW_SETTING = connection(
  'h2-bad-window-setting',
  FLOW_CONTROL_ERROR,
  'RFC 9113 §6.5.2',
  'SETTINGS_INITIAL_WINDOW_SIZE is beyond 2^31-1',
);
export const FAULT_FLOW_CONTROL = connection(
  'h2-flow-control',
  FLOW_CONTROL_ERROR,
  'RFC 9113 §6.9.1',
  'more was sent than a flow-control window allows, or a window was made larger than 2^31-1',
);
export const FAULT_PUSH = connection(
  'h2-push-from-client',
  PROTOCOL_ERROR,
  'RFC 9113 §8.4',
  'PUSH_PROMISE came where no push is allowed',
);
export const FAULT_SELF_DEPENDENCY = stream(
  'h2-self-dependency',
  PROTOCOL_ERROR,
  'RFC 9113 §5.3.1',
  'a stream is made to depend on itself',
);
export const FAULT_PRIORITY_UPDATE = connection(
  'h2-bad-priority-update',
  PROTOCOL_ERROR,
  'RFC 9218 §7.1',
  'a PRIORITY_UPDATE frame names no request stream',
);

// Field blocks.
export const FAULT_COMPRESSION = connection(
  'h2-bad-field-block',
  COMPRESSION_ERROR,
  'RFC 9113 §4.3',
  'a field block cannot be decompressed',
);
export const FAULT_BLOCK_TOO_LARGE = connection(
  'h2-field-block-too-large',
  ENHANCE_YOUR_CALM,
  'RFC 9113 §10.5.1',
  'a field block is larger than this server reads',
  'headerBytes',
);
export const FAULT_EMPTY_CONTINUATIONS = connection(
  'h2-continuation-flood',
  ENHANCE_YOUR_CALM,
  'RFC 9113 §10.5',
  'a field block is spread over more frames than this server reads',
  'continuations',
);
export const FAULT_MALFORMED = stream(
  'h2-malformed',
  PROTOCOL_ERROR,
  'RFC 9113 §8.1.1',
  'the fields of a message break a rule',
);

// Streams, as a server sees them.
export const FAULT_IDLE_STREAM = connection(
  'h2-idle-stream',
  PROTOCOL_ERROR,
  'RFC 9113 §5.1',
  'a frame stands on a stream that nobody has opened',
);
export const FAULT_CLOSED_STREAM = connection(
  'h2-closed-stream',
  STREAM_CLOSED,
  'RFC 9113 §5.1',
  'a frame stands on a stream that both sides have ended',
);
export const FAULT_HALF_CLOSED = stream(
  'h2-half-closed',
  STREAM_CLOSED,
  'RFC 9113 §5.1',
  'content or fields come behind the end of a request, or behind its reset',
);
export const FAULT_STREAM_WINDOW = stream(
  'h2-stream-flow-control',
  FLOW_CONTROL_ERROR,
  'RFC 9113 §6.9.1',
  "more was sent than a stream's window allows, or its window was made larger than 2^31-1",
);
export const FAULT_EMPTY_UPDATE = connection(
  'h2-empty-window-update',
  PROTOCOL_ERROR,
  'RFC 9113 §6.9',
  'a WINDOW_UPDATE of the connection has an increment of 0',
);
export const FAULT_EMPTY_STREAM_UPDATE = stream(
  'h2-empty-stream-update',
  PROTOCOL_ERROR,
  'RFC 9113 §6.9',
  'a WINDOW_UPDATE of a stream has an increment of 0',
);
export const FAULT_REFUSED = stream(
  'h2-refused',
  REFUSED_STREAM,
  'RFC 9113 §5.1.2',
  'more streams are opened than this server allows',
  'concurrentStreams',
);
export const FAULT_OPEN_HEADS = stream(
  'h2-open-heads-too-large',
  REFUSED_STREAM,
  'RFC 9113 §10.5.1',
  'the heads of all open requests are larger together than this server keeps',
  'openHeaderBytes',
);
export const FAULT_STALLED = stream(
  'h2-stalled',
  ENHANCE_YOUR_CALM,
  'RFC 9113 §10.5',
  'an answer waits behind a window that its client does not open',
  'stall',
);
export const FAULT_SETTINGS_TIMEOUT = connection(
  'h2-settings-timeout',
  SETTINGS_TIMEOUT,
  'RFC 9113 §6.5.3',
  'the settings of this server are not acknowledged in time',
);
export const FAULT_BLOCK_TIMEOUT = connection(
  'h2-frame-timeout',
  ENHANCE_YOUR_CALM,
  'RFC 9113 §10.5',
  'a frame or a field block is begun and not ended in time',
);

// What is legal, and only done to cost. RFC 9113 §10.5
function flood(code: string, bound: CostBound, sentence: string): Http2Fault {
  return connection(code, ENHANCE_YOUR_CALM, 'RFC 9113 §10.5', sentence, bound);
}
export const FAULT_RESET_FLOOD = flood(
  'h2-reset-flood',
  'resets',
  'requests are reset, or are made to be reset, faster than others are answered',
);
export const FAULT_SETTINGS_FLOOD = flood('h2-settings-flood', 'settings', 'too many settings are sent');
export const FAULT_PING_FLOOD = flood('h2-ping-flood', 'pings', 'too many PING frames are sent');
export const FAULT_PRIORITY_FLOOD = flood('h2-priority-flood', 'priorities', 'priorities change too often');
export const FAULT_EMPTY_DATA_FLOOD = flood(
  'h2-empty-data-flood',
  'emptyData',
  'too many DATA frames carry nothing',
);
export const FAULT_TINY_DATA_FLOOD = flood(
  'h2-tiny-data-flood',
  'unreadTinyData',
  'content that nobody reads comes in too many tiny DATA frames',
);
export const FAULT_WINDOW_UPDATE_FLOOD = flood(
  'h2-window-update-flood',
  'windowUpdates',
  'windows are opened too often',
);
export const FAULT_STRAY_FLOOD = flood(
  'h2-stray-frame-flood',
  'strayFrames',
  'too many frames stand on streams that are over, or are of no known type',
);
/** The same bound, where the frames are resets or requests that found no place. */
export const FAULT_LATE_RESET_FLOOD = flood(
  'h2-reset-flood',
  'strayFrames',
  'requests that are refused, or are over, are reset faster than others are answered',
);
export const FAULT_FIELD_BOMB = flood(
  'h2-field-bomb',
  'headerBytes',
  'a field block means many times more than this server takes',
);
export const FAULT_STALL_FLOOD = flood(
  'h2-stall-flood',
  'stalledAnswers',
  'too many answers wait behind windows that the client does not open',
);

/** Every fault that there is. */
export const HTTP2_FAULTS: readonly Http2Fault[] = table;

/**
 * How often clients went beyond each bound, those at 0 too.
 * @param countOf how often the fault of that code was met
 */
export function countsByBound(countOf: (code: string) => number): Record<CostBound, number> {
  const counts: Partial<Record<CostBound, number>> = {};
  for (const { code, bound } of table)
    if (bound !== undefined) counts[bound] = (counts[bound] ?? 0) + countOf(code);
  // Each bound has its fault.
  return counts as Record<CostBound, number>;
}
