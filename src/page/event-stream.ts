/**
 * Reads server-sent events out of the text of a response, in pieces as they come (HTML, "Server-sent events", 9.2.6).
 * EventSource would do, but it cannot send the token, and a cookie in its place would be sent to every port of the machine.
 */

/** Far above any status; whoever sends more without an end is no admin port. */
const UNREAD_MAX = 16 * 1024 * 1024;

interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

export class EventStreamReader {
  #unread = '';

  /** @returns the events that are whole now. @throws RangeError for one that does not end */
  read(piece: string): ServerEvent[] {
    this.#unread += piece;
    if (this.#unread.length > UNREAD_MAX) throw new RangeError('an event without an end');
    const blocks = this.#unread.split(/\r?\n\r?\n/);
    this.#unread = blocks.pop()!;
    return blocks.map(eventOf).filter((event) => event !== undefined);
  }
}

function eventOf(block: string): ServerEvent | undefined {
  let name = 'message';
  const data: string[] = [];
  for (const line of block.split(/\r?\n/)) {
    const [, field, value = ''] = /^(\w+)(?:: ?(.*))?$/.exec(line) ?? [];
    if (field === 'event') name = value;
    else if (field === 'data') data.push(value);
  }
  return data.length === 0 ? undefined : { name, data: data.join('\n') };
}
