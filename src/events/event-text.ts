/**
 * Server-sent events as text (WHATWG HTML §9.2.6). What is data stays data: a line break in it begins another `data:` line, and
 * where a line break could begin a field of its own it is refused.
 */
import { show } from '../base/errors.ts';
import type { Message, Representation } from '../pubsub/message.ts';

export interface ServerEvent {
  /** Text as it is, `undefined` for none, anything else as JSON. */
  readonly data?: unknown;
  /** The event's name. @default none: `message` to an EventSource */
  readonly event?: string | undefined;
  /** What the client says as `Last-Event-ID` when it comes back. */
  readonly id?: string | undefined;
  /** How long the client waits before it comes back, from now on, in milliseconds. */
  readonly retry?: number | undefined;
  /** A line that no client shows. */
  readonly comment?: string | undefined;
}

const LINE_BREAK = /\r\n|\r|\n/;
/** A client drops an id with NUL. */
const NO_FIELD = /[\0\r\n]/;
const decoder = new TextDecoder();

/** @throws TypeError for what is no event, or would not arrive as it is */
export function eventText(event: ServerEvent | string): string {
  if (typeof event === 'string') return `${dataLines(event)}\n`;
  if (typeof event !== 'object' || event === null)
    throw new TypeError(`sse: ${show(event)} is no event; a text, or { data, event, id, retry, comment }`);
  const { data, id, retry, comment } = event;
  let text = '';
  if (comment !== undefined) for (const line of `${comment}`.split(LINE_BREAK)) text += `: ${line}\n`;
  if (event.event !== undefined) text += `event: ${field('event', event.event)}\n`;
  if (id !== undefined) text += `id: ${field('id', id)}\n`;
  if (retry !== undefined) text += `retry: ${retryMs(retry)}\n`;
  if (data !== undefined) text += dataLines(typeof data === 'string' ? data : jsonOf(data));
  // A name alone would be dropped: an event is one by its data, be it empty.
  else if (event.event !== undefined) text += 'data:\n';
  return `${text}\n`;
}

function dataLines(data: string): string {
  if (!data.includes('\n') && !data.includes('\r')) return `data: ${data}\n`;
  let text = '';
  for (const line of data.split(LINE_BREAK)) text += `data: ${line}\n`;
  return text;
}

function field(name: string, value: unknown): string {
  if (typeof value !== 'string' || NO_FIELD.test(value))
    throw new TypeError(`sse: ${name}: ${show(value)} is not allowed; a text without line breaks and NUL`);
  return value;
}

function retryMs(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw new TypeError(`sse: retry: ${show(value)} is not allowed; a whole number of milliseconds`);
  return value;
}

function jsonOf(data: unknown): string {
  const text = JSON.stringify(data);
  if (text === undefined) throw new TypeError(`sse: data: ${show(data)} has no form in JSON`);
  return text;
}

/** A message of a topic, as an event: encoded once for all readers. Bytes are taken for UTF-8. */
export const MESSAGE_AS_EVENT: Representation<Uint8Array> = {
  encode: ({ data, id, event }: Message): Uint8Array =>
    Buffer.from(eventText({ data: typeof data === 'string' ? data : decoder.decode(data), id, event })),
};
