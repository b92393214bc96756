/**
 * What a program may give a Response as its body, brought to the few kinds that are sent: text, bytes,
 * a blob, a stream, an async iterable. It follows the Fetch standard's "extract a body" and Node's own
 * addition of async iterables.
 */
import { types } from 'node:util';
import { isStreamReadable } from './body.ts';
import { listenToErrors } from './pieces.ts';

export type BodyInit =
  | string
  | ArrayBufferLike
  | ArrayBufferView
  | Blob
  | FormData
  | URLSearchParams
  | ReadableStream
  | AsyncIterable<Uint8Array | string>;

export type BodySource = null | string | Uint8Array | Blob | ReadableStream | AsyncIterable<unknown>;

export const TEXT_TYPE = 'text/plain;charset=UTF-8';

/**
 * @returns the body as it will be sent. Bytes are copied, as the standard has it: a program may use its
 * buffer again while a slow client is still being sent to
 * @throws TypeError for a stream that is locked or has been read
 */
export function sourceOfInit(body: unknown): BodySource {
  if (typeof body === 'string') return body;
  if (body === null || body === undefined) return null;
  if (ArrayBuffer.isView(body)) return copyOf(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
  if (types.isAnyArrayBuffer(body)) return copyOf(new Uint8Array(body));
  if (body instanceof ReadableStream) {
    if (!isStreamReadable(body))
      throw new TypeError('Response body object should not be disturbed or locked');
    return body;
  }
  if (body instanceof Blob) return body;
  if (body instanceof URLSearchParams) return body.toString();
  if (body instanceof FormData) return multipartOf(body);
  if (typeof body === 'object' && Symbol.asyncIterator in body) {
    listenToErrors(body as AsyncIterable<unknown>);
    return body as AsyncIterable<unknown>;
  }
  return `${body}`;
}

/** Copies of small bodies share blocks: an ArrayBuffer of its own costs each of them as much as all else of an answer. */
const BLOCK_BYTES = 8192;
/** One that is kept keeps its block, so only what is a fair part of one goes there. */
const SHARED_BYTES_MIN = 512;
const SHARED_BYTES_MAX = 4096;
let block = new Uint8Array(0);
let blockFilled = 0;

/** Nothing but a Response holds it, and gives it away as a copy only. */
function copyOf(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length < SHARED_BYTES_MIN || length > SHARED_BYTES_MAX) return new Uint8Array(bytes);
  if (blockFilled + length > block.length) {
    block = new Uint8Array(BLOCK_BYTES);
    blockFilled = 0;
  }
  const own = block.subarray(blockFilled, blockFilled + length);
  own.set(bytes);
  blockFilled += length;
  return own;
}

/** The content type that a body implies. @param source what `sourceOfInit` made of it */
export function impliedContentType(body: unknown, source: BodySource): string | undefined {
  if (typeof source === 'string') {
    return body instanceof URLSearchParams ? 'application/x-www-form-urlencoded;charset=UTF-8' : TEXT_TYPE;
  }
  return source instanceof Blob && source.type !== '' ? source.type : undefined;
}

/**
 * RFC 7578 as the HTML standard's "multipart/form-data encoding algorithm" fixes it. A blob of the
 * parts, so that the length is known and files stay where they are until they are sent.
 */
function multipartOf(form: FormData): Blob {
  // Lower case, because a Blob lowers its type; random, so that no value can hold it.
  const boundary = `----formdata-holdfast-${crypto.randomUUID()}`;
  const parts: (string | Blob)[] = [];
  for (const [name, value] of form) {
    const disposition = `--${boundary}\r\nContent-Disposition: form-data; name="${escaped(withCrlf(name))}"`;
    if (typeof value === 'string') {
      parts.push(`${disposition}\r\n\r\n${withCrlf(value)}\r\n`);
    } else {
      const type = value.type === '' ? 'application/octet-stream' : value.type;
      parts.push(
        `${disposition}; filename="${escaped(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`,
        value,
        '\r\n',
      );
    }
  }
  parts.push(`--${boundary}--\r\n`);
  return new Blob(parts, { type: `multipart/form-data; boundary=${boundary}` });
}

function withCrlf(text: string): string {
  return text.replace(/\r?\n|\r/g, '\r\n');
}

function escaped(name: string): string {
  return name.replace(/\n/g, '%0A').replace(/\r/g, '%0D').replace(/"/g, '%22');
}
