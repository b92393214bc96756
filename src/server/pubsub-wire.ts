/**
 * A message between machines, as bytes: a version, which fields there are, their lengths, the fields in UTF-8, the data. Whatever
 * arrives is read as if anybody could have sent it.
 */
import { Message } from '../pubsub/message.ts';

const VERSION = 1;
const FLAG_BINARY = 1;
const FLAG_ID = 2;
const FLAG_EVENT = 4;
/** Version, flags, and three lengths of 16 bits: topic, id, event. */
const HEAD_BYTES = 8;
/** What the hub allows, in characters. */
const FIELD_CHARS_MAX = 256;
/** One that does not belong to the text is kept as the data's own. */
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function encodeWire({ topic, data, id, event }: Message): Uint8Array {
  const fields = [topic, id ?? '', event ?? ''];
  const lengths = fields.map((field) => Buffer.byteLength(field));
  const isText = typeof data === 'string';
  const dataBytes = isText ? Buffer.byteLength(data) : data.length;
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + lengths[0]! + lengths[1]! + lengths[2]! + dataBytes);
  bytes[0] = VERSION;
  bytes[1] =
    (isText ? 0 : FLAG_BINARY) | (id === undefined ? 0 : FLAG_ID) | (event === undefined ? 0 : FLAG_EVENT);
  let at = HEAD_BYTES;
  for (const [i, field] of fields.entries()) {
    bytes.writeUInt16BE(lengths[i]!, 2 + 2 * i);
    at += bytes.write(field, at);
  }
  if (isText) bytes.write(data, at);
  else bytes.set(data, at);
  return bytes;
}

/** @returns undefined for what is no message of ours */
export function decodeWire(bytes: Uint8Array): Message | undefined {
  if (bytes.length < HEAD_BYTES || bytes[0] !== VERSION) return undefined;
  const flags = bytes[1]!;
  if ((flags & ~(FLAG_BINARY | FLAG_ID | FLAG_EVENT)) !== 0) return undefined;
  const fields: string[] = [];
  let at = HEAD_BYTES;
  try {
    for (let i = 0; i < 3; i++) {
      const end = at + ((bytes[2 + 2 * i]! << 8) | bytes[3 + 2 * i]!);
      if (end > bytes.length) return undefined;
      const field = strict.decode(bytes.subarray(at, end));
      if (field.length > FIELD_CHARS_MAX || (i > 0 && /[\0\r\n]/.test(field))) return undefined;
      fields.push(field);
      at = end;
    }
    const [topic, id, event] = fields as [string, string, string];
    if (topic === '') return undefined;
    // A copy: what the client library lends is part of what it has received.
    const rest = new Uint8Array(bytes.subarray(at));
    return new Message(
      topic,
      (flags & FLAG_BINARY) === 0 ? strict.decode(rest) : rest,
      (flags & FLAG_ID) === 0 ? undefined : id,
      (flags & FLAG_EVENT) === 0 ? undefined : event,
      rest.length,
    );
  } catch {
    // Text that is none.
    return undefined;
  }
}
