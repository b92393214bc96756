/**
 * What goes out, decided once from what the handler gave, for every protocol alike: which content follows the head, and
 * which length is told. How it is written is the sink's. Pure data: no socket, no clock.
 *
 * Framing fields are the server's: what a handler set for them is a hint, read here and not sent.
 */
import { isOutgoing, type OutgoingBody, type ResponseParts } from '../web/parts.ts';
import type { ReadyFields } from '../web/response.ts';

const NONE: readonly string[] = [];

export class AnswerPlan {
  status = 0;
  /** Empty: the protocol's own phrase for the status. */
  statusText = '';
  /** The content type, where it is not among the fields. */
  contentType: string | undefined = undefined;
  /** In lower case; those for which `isFramingField` holds are not to be sent. */
  names: readonly string[] = NONE;
  values: readonly string[] = NONE;
  /** What type and lists are the same as, where they come again and again: whoever writes them may keep how. */
  ready: ReadyFields | undefined = undefined;
  /** The length that the head tells; -1 for none. */
  contentLength = -1;
  /** Content that is here as a whole; null where there is none, or `stream` has it. */
  bytes: Uint8Array | null = null;
  /** Content that comes piece by piece. */
  stream: OutgoingBody | null = null;
  /** Content that is a part of a file. */
  file: OutgoingBody | null = null;
  /** A body that is not to be sent: whoever writes the head lets go of it then. */
  unsent: OutgoingBody | null = null;
  /** The handler wants the connection to end behind this answer. RFC 9112 §9.6 */
  closes = false;
  /** Fields are to come behind the content, if the protocol and the client have such. */
  endsWithTrailers = false;
  /** Whether content may follow the head at all. */
  mayHaveContent = true;

  /**
   * @param isHead the request's method is HEAD
   * @hot
   */
  decide(parts: ResponseParts, isHead: boolean): void {
    const { status, body, names } = parts;
    this.status = status;
    this.statusText = parts.statusText;
    this.contentType = parts.contentType;
    this.names = names;
    this.values = parts.values;
    this.ready = parts.ready;
    this.bytes = null;
    this.stream = null;
    this.file = null;
    this.unsent = null;
    this.closes = false;
    this.endsWithTrailers = false;
    const hint = names.length === 0 ? -1 : this.#readHints();
    // RFC 9110 §6.4.1: these have no content, whatever the handler gave.
    const isEmpty = isHead || status === 204 || status === 304 || status === 101;
    this.mayHaveContent = !isEmpty;
    if (body === null) this.contentLength = isEmpty ? hint : 0;
    else if (isOutgoing(body)) {
      this.contentLength = body.contentLength ?? hint;
      if (isEmpty) this.unsent = body;
      else if (body.takeFile === undefined) this.stream = body;
      else this.file = body;
    } else {
      const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : body;
      this.contentLength = bytes.length;
      if (!isEmpty && bytes.length > 0) this.bytes = bytes;
    }
    // RFC 9110 §8.6: no Content-Length with 1xx and 204; with 304 only what a 200 would have had.
    if (status === 204 || status === 101 || (status === 304 && hint < 0)) this.contentLength = -1;
  }

  /** Holds no reference to what was sent. */
  forget(): void {
    this.names = NONE;
    this.values = NONE;
    this.ready = undefined;
    this.bytes = null;
    this.stream = null;
    this.file = null;
    this.unsent = null;
  }

  /** What the handler's own framing fields ask for. @returns the Content-Length it gave, -1 for none. */
  #readHints(): number {
    const { names, values } = this;
    let length = -1;
    for (let i = 0; i < names.length; i++) {
      const name = names[i]!;
      if (name === 'connection' && /(?:^|,)\s*close\s*(?:,|$)/i.test(values[i]!)) this.closes = true;
      else if (name === 'content-length' && /^\d{1,15}$/.test(values[i]!)) length = Number(values[i]);
    }
    return length;
  }
}

/** Fields that the server writes itself, or that speak of one connection only. RFC 9110 §7.6.1, RFC 9112 §6 @hot */
export function isFramingField(name: string): boolean {
  return (
    name === 'content-length' ||
    name === 'date' ||
    name === 'connection' ||
    name === 'transfer-encoding' ||
    name === 'keep-alive' ||
    name === 'proxy-connection'
  );
}
