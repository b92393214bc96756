/**
 * `multipart/form-data` as clients send it, read from one array (RFC 7578, and the Fetch standard's parser). The
 * platform's own parser copies the body three times before it looks at it, and reads it as a stream.
 *
 * It knows the plain form alone: what differs in the least is left to the platform, which takes it or refuses it in
 * its own words. So what is read here must come out as the platform would read it; a test compares the two. One thing
 * is better: a boundary ends a part only where it begins a line (RFC 2046 §5.1.1).
 */

const CR = 0x0d;
const LF = 0x0a;
const DASH = 0x2d;
const LINE_END = '\r\n';
/** A token of RFC 9110 §5.6.2 or a quoted string without escapes; at most 70 characters (RFC 2046 §5.1.1). */
const MULTIPART =
  /^multipart\/form-data[ \t]*;[ \t]*boundary=(?:"([^"\\]{1,70})"|([\w!#$%&'*+.^`|~-]{1,70}))[ \t]*$/i;
const DISPOSITION = /^content-disposition:[ \t]*form-data; name="([^"\n]*)"(?:; filename="([^"\n]*)")?$/i;
const CONTENT_TYPE = /^content-type:[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)$/i;
/** More lines than these two are possible and rare. */
const HEADER_BYTES_MAX = 4096;

/** Follows the standard: a byte order mark stays, what is no UTF-8 is replaced. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

interface PartHead {
  readonly name: string;
  readonly fileName: string | undefined;
  readonly type: string | undefined;
  /** Where its content begins. */
  readonly end: number;
}

/** @returns undefined for what is to be left to the platform, right or wrong */
export function readPlainForm(bytes: Uint8Array, contentType: string | null): FormData | undefined {
  const match = contentType === null ? null : MULTIPART.exec(contentType);
  if (match === null) return undefined;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const boundary = Buffer.from(`${LINE_END}--${match[1] ?? match[2]}`, 'latin1');
  const form = new FormData();
  let at = boundary.length - 2;
  if (buffer.length < at || buffer.compare(boundary, 2, boundary.length, 0, at) !== 0) return undefined;
  while (buffer[at] === CR && buffer[at + 1] === LF) {
    const head = readHead(buffer, at + 2);
    if (head === undefined) return undefined;
    const end = buffer.indexOf(boundary, head.end);
    if (end < 0) return undefined;
    append(form, head, bytes.subarray(head.end, end));
    at = end + boundary.length;
  }
  return isEnd(buffer, at) ? form : undefined;
}

/** Two dashes, and a line end or none. */
function isEnd(buffer: Buffer, at: number): boolean {
  if (buffer[at] !== DASH || buffer[at + 1] !== DASH) return false;
  return (
    at + 2 === buffer.length || (at + 4 === buffer.length && buffer[at + 2] === CR && buffer[at + 3] === LF)
  );
}

/** Content-Disposition, perhaps Content-Type, in this order, and an empty line. */
function readHead(buffer: Buffer, at: number): PartHead | undefined {
  const first = lineEnd(buffer, at);
  if (first < 0) return undefined;
  const disposition = DISPOSITION.exec(buffer.toString('latin1', at, first));
  if (disposition === null) return undefined;
  let end = first + 2;
  let type: string | undefined;
  if (buffer[end] !== CR) {
    const second = lineEnd(buffer, end);
    if (second < 0) return undefined;
    type = CONTENT_TYPE.exec(buffer.toString('latin1', end, second))?.[1];
    if (type === undefined) return undefined;
    end = second + 2;
  }
  if (buffer[end] !== CR || buffer[end + 1] !== LF) return undefined;
  const name = unescaped(disposition[1]!);
  const fileName = disposition[2] === undefined ? undefined : unescaped(disposition[2]);
  return { name, fileName, type, end: end + 2 };
}

/** The line feed's carriage return; -1 where the line is long, or has one without the other. */
function lineEnd(buffer: Buffer, at: number): number {
  const end = buffer.subarray(at, at + HEADER_BYTES_MAX).indexOf(CR) + at;
  return end >= at && buffer[end + 1] === LF ? end : -1;
}

/** @param text latin1 */
function unescaped(text: string): string {
  const decoded = decoder.decode(Buffer.from(text, 'latin1'));
  return decoded.replace(/%0a/gi, '\n').replace(/%0d/gi, '\r').replaceAll('%22', '"');
}

function append(form: FormData, head: PartHead, content: Uint8Array): void {
  if (head.fileName === undefined) form.append(head.name, decoder.decode(content));
  else form.append(head.name, new File([content], head.fileName, { type: head.type ?? 'text/plain' }));
}
