/**
 * One message on the wire: a line of JSON that says who speaks which version, then the body. What is too
 * long for one message goes in several frames of one payload. The names in the head line are the one part
 * that every version keeps, so that a stranger can be named and refused.
 */

/** Raised when a message changes its meaning. Both sides refuse what they do not know. */
export const WIRE_VERSION = 5;

/** A name: letters, digits, and what host names and process ids are put together with. */
const NAME = /^[\w.:@#-]{1,100}$/;
const HEAD_BYTES_MAX = 512;
/** One payload takes no more as it travels: any plan or histogram is far smaller. */
export const PAYLOAD_BYTES_MAX = 64 * 1024 * 1024;
/** The smallest body that a payload is cut into, so that a payload has at most as many frames as this allows. */
export const BODY_BYTES_MIN = 1024;
const PARTS_MAX = PAYLOAD_BYTES_MAX / BODY_BYTES_MIN;
const NEWLINE = 0x0a;

export interface Frame {
  /** The sender's name, for people. */
  readonly from: string;
  /** The same for all frames of a payload, and for no other. */
  readonly payload: string;
  /** Counted from 0. */
  readonly part: number;
  readonly parts: number;
  /** The payload is deflated (RFC 1951). */
  readonly isPacked: boolean;
  /** Borrowed from the message. */
  readonly body: Uint8Array;
}

type WireFault = 'version' | 'malformed' | 'too-large';

/** What came cannot be read: by its version, its form or its size. */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly code: WireFault;
  /** The sender's name, where that could be read. */
  readonly from: string | undefined;

  constructor(code: WireFault, message: string, from?: string) {
    super(message);
    this.code = code;
    this.from = from;
  }
}

export function isName(text: unknown): text is string {
  return typeof text === 'string' && NAME.test(text);
}

export function encodeFrame(frame: Frame): Uint8Array {
  const { body, isPacked, ...rest } = frame;
  const head = Buffer.from(`${JSON.stringify({ holdfast: WIRE_VERSION, ...rest, packed: isPacked })}\n`);
  return Buffer.concat([head, body]);
}

/** What a head line takes at the most; the rest of a message is the body's. */
export const FRAME_HEAD_BYTES_MAX = HEAD_BYTES_MAX;

/** @throws WireError */
export function readFrame(message: Uint8Array): Frame {
  const end = message.subarray(0, HEAD_BYTES_MAX).indexOf(NEWLINE);
  if (end < 0) throw new WireError('malformed', 'a message without a head line');
  const head = parseHead(Buffer.from(message.buffer, message.byteOffset, end).toString('utf8'));
  const { holdfast: version, from: sender, payload, part, parts, packed } = head;
  const from = isName(sender) ? sender : undefined;
  if (version !== WIRE_VERSION)
    throw new WireError(
      'version',
      `${from ?? 'somebody'} speaks version ${shown(version)} of the agents' messages, and this is version ${WIRE_VERSION}: install the same Holdfast on all machines`,
      from,
    );
  const isWhole =
    from !== undefined &&
    isName(payload) &&
    isCount(parts) &&
    parts >= 1 &&
    parts <= PARTS_MAX &&
    isCount(part) &&
    part < parts &&
    typeof packed === 'boolean';
  if (!isWhole) throw new WireError('malformed', 'a message whose head line lacks something', from);
  return { from, payload, part, parts, isPacked: packed, body: message.subarray(end + 1) };
}

function parseHead(text: string): Record<string, unknown> {
  let head: unknown;
  try {
    head = JSON.parse(text);
  } catch {
    throw new WireError('malformed', 'a message whose head line is no JSON');
  }
  if (typeof head !== 'object' || head === null || Array.isArray(head))
    throw new WireError('malformed', 'a message whose head line is no object');
  return head as Record<string, unknown>; // checked field by field by whoever reads it
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function shown(value: unknown): string {
  return typeof value === 'number' ? String(value) : 'unknown';
}
