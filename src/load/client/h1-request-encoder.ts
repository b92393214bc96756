/**
 * A request as bytes, encoded once: request line, Host, what else a request needs, the user's fields,
 * body. A field that the user gives replaces ours of that name.
 */
import { OptionError } from '../../base/errors.ts';
import { isFieldName } from '../../protocol/h1/field-encoder.ts';

export type FieldPair = readonly [name: string, value: string];

export interface RequestParts {
  /** HTTP/2 tells it. @default http */
  readonly scheme?: 'http' | 'https';
  readonly method: string;
  /** Path with query, as it goes on the request line. */
  readonly path: string;
  readonly authority: string;
  readonly headers: readonly FieldPair[];
  /** An empty one is sent as such, with its length. */
  readonly body: Uint8Array | undefined;
}

/** Methods whose requests say the length of their body also when there is none. RFC 9110 §8.6 */
const EXPECT_BODY = new Set(['POST', 'PUT', 'PATCH']);

/** @throws OptionError */
export function encodeRequest(parts: RequestParts): Uint8Array {
  const { method, path, authority, body } = parts;
  const fields = checkRequest(parts);
  const lines = [`${method} ${path} HTTP/1.1`];
  if (!fields.some(([name]) => name.toLowerCase() === 'host')) lines.push(`Host: ${authority}`);
  for (const [name, value] of fields) lines.push(`${name}: ${value}`);
  // The bytes that a terminal gives: text beyond ASCII is opaque to HTTP (RFC 9110 §5.5), and UTF-8 everywhere else.
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'utf8');
  const bytes = new Uint8Array(head.length + (body?.length ?? 0));
  bytes.set(head);
  if (body !== undefined) bytes.set(body, head.length);
  return bytes;
}

/**
 * @returns the user's fields, and those that a request with such a body needs beside them
 * @throws OptionError for what no request may hold
 */
export function checkRequest({ method, path, headers, body }: RequestParts): FieldPair[] {
  if (!isFieldName(method)) throw new OptionError('method', method, 'a method is a token such as GET');
  if (!/^[\x21-\x7e]+$/.test(path))
    throw new OptionError('path', path, 'a path is printable ASCII; encode anything else as %XX');
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  for (const [name, value] of headers) checkField(name, value, 'header', `${name}: ${value}`);
  const fields = [...headers];
  const bodyBytes = body?.length ?? 0;
  if (bodyBytes > 0 && !given.has('content-type'))
    fields.push(['Content-Type', 'application/x-www-form-urlencoded']);
  if ((body !== undefined || EXPECT_BODY.has(method)) && !given.has('content-length'))
    fields.push(['Content-Length', `${bodyBytes}`]);
  return fields;
}

/** `Name: value` as `-H` takes it. @throws OptionError */
export function parseHeaderFlag(flag: string, text: string): FieldPair {
  const colon = text.indexOf(':');
  if (colon <= 0) throw new OptionError(flag, text, "a header is 'Name: value'");
  const pair: FieldPair = [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
  checkField(...pair, flag, text);
  return pair;
}

/** @param option what the error names, with what was given there */
function checkField(name: string, value: string, option: string, given: string): void {
  if (!isFieldName(name)) throw new OptionError(option, given, 'a header name is a token');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it is for them
  if (/[\0-\x08\n-\x1f\x7f]/.test(value))
    throw new OptionError(option, given, 'a header value has no control characters');
  if (/^transfer-encoding$/i.test(name))
    throw new OptionError(option, given, 'bodies are sent with their length');
}

/** A request's head is looked for in so many bytes. */
const HEAD_LOOKED_AT = 4096;

/** Whether an encoded request asks the server to close: who does so leaves the closing to it. RFC 9112 §9.6 */
export function asksForClose(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, HEAD_LOOKED_AT)).toString(
    'latin1',
  );
  return /^connection:[^\r\n]*\bclose\b/im.test(text.split('\r\n\r\n', 1)[0]!);
}
