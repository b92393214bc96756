/**
 * The Fetch standard's ways of reading a body whole. Text, JSON, bytes and plain forms never make a stream; blob and
 * other forms go through the platform, whose parsers of media types and multipart they need.
 */
import { type BodyOwner, claimBody, isReadable, streamOf } from './body.ts';
import { readPlainForm } from './form-data.ts';
import { collect } from './pieces.ts';
import { type PlatformResponse, platform } from './platform.ts';

/** Strips a byte order mark and replaces what is no UTF-8, as the standard's "UTF-8 decode" does. */
const decoder = new TextDecoder();
const encoder = new TextEncoder();

export function decoded(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

/** The first of the three bytes of a byte order mark. */
const MARK_BEGINS = 0xef;

const utf8Slice = Buffer.prototype.utf8Slice as (this: Uint8Array, start: number, end: number) => string;

/** Does what `decoded` does, for bytes[start..end) and at half of the price where they are few. @hot */
export function decodedRange(bytes: Uint8Array, start: number, end: number): string {
  // Nothing but the mark is done otherwise.
  if (bytes[start] === MARK_BEGINS) return decoder.decode(bytes.subarray(start, end));
  return utf8Slice.call(bytes, start, end);
}

export async function readText(owner: BodyOwner): Promise<string> {
  const body = claimBody(owner);
  if (typeof body === 'string') return asDecoded(body);
  if (body === null) return '';
  return decoder.decode(body instanceof Uint8Array ? body : await collect(body));
}

export async function readJson(owner: BodyOwner): Promise<unknown> {
  const body = claimBody(owner);
  if (typeof body === 'string') return JSON.parse(asDecoded(body));
  if (body === null) return JSON.parse('');
  return JSON.parse(decoder.decode(body instanceof Uint8Array ? body : await collect(body)));
}

/** The caller may keep and change what it gets. */
export async function readBytes(owner: BodyOwner): Promise<Uint8Array<ArrayBuffer>> {
  const body = claimBody(owner);
  if (body === null) return new Uint8Array(0);
  if (typeof body === 'string') return encoder.encode(body);
  // Copied, because a response may share its bytes with a clone.
  if (body instanceof Uint8Array) return new Uint8Array(body);
  const bytes = await collect(body);
  return new Uint8Array(bytes.buffer as ArrayBuffer); // fresh memory is never shared, and filled
}

export async function readArrayBuffer(owner: BodyOwner): Promise<ArrayBuffer> {
  const bytes = await readBytes(owner);
  // `encode` may give a view of a larger buffer.
  return bytes.byteLength === bytes.buffer.byteLength ? bytes.buffer : bytes.slice().buffer;
}

/**
 * The body as text, decoded while it comes: `textStream` of the Fetch standard, which Node has from 26 on.
 * @throws TypeError when it has been read
 */
export function textStreamOf(owner: BodyOwner): ReadableStream<string> {
  if (!isReadable(owner)) throw new TypeError('Body is unusable: Body has already been read');
  const stream = streamOf(owner);
  if (stream === null) return new ReadableStream<string>({ start: (controller) => controller.close() });
  return stream.pipeThrough(new TextDecoderStream());
}

/** @param contentType the type of the message, if it has one */
export async function readBlob(owner: BodyOwner, contentType: string | null): Promise<Blob> {
  return platformBody(await readBytes(owner), contentType).blob();
}

/** @param contentType the type of the message, if it has one */
export async function readFormData(owner: BodyOwner, contentType: string | null): Promise<FormData> {
  const bytes = await readBytes(owner);
  return readPlainForm(bytes, contentType) ?? platformBody(bytes, contentType).formData();
}

function platformBody(bytes: Uint8Array<ArrayBuffer>, contentType: string | null): PlatformResponse {
  return new (platform().Response)(
    bytes,
    contentType === null ? {} : { headers: { 'content-type': contentType } },
  );
}

/** What encoding to UTF-8 and decoding again would give. */
function asDecoded(text: string): string {
  // In the language since ES2024 and in every Node from 20; the library file in use here is older.
  const wellFormed = (text as string & { toWellFormed(): string }).toWellFormed();
  return wellFormed.charCodeAt(0) === 0xfeff ? wellFormed.slice(1) : wellFormed;
}
