/** Reads server-sent events as WHATWG HTML §9.2.6 has it, for tests: what a client would have dispatched. */

export interface ReadEvent {
  readonly event: string;
  readonly data: string;
  /** The last id when it came. */
  readonly id: string;
}

/** @param text from the beginning of the stream on; an event that is not complete is no event */
export function readEvents(text: string): {
  events: ReadEvent[];
  comments: string[];
  retry: number | undefined;
} {
  const events: ReadEvent[] = [];
  const comments: string[] = [];
  let [data, name, id, retry]: [string, string, string, number | undefined] = ['', '', '', undefined];
  const lines = text.replace(/^\u{feff}/u, '').split(/\r\n|\r|\n/);
  lines.pop();
  for (const line of lines) {
    if (line === '') {
      if (data !== '') events.push({ event: name === '' ? 'message' : name, data: data.slice(0, -1), id });
      data = name = '';
      continue;
    }
    const colon = line.indexOf(':');
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (colon === 0) comments.push(value);
    else if (field === 'data') data += `${value}\n`;
    else if (field === 'event') name = value;
    else if (field === 'id' && !value.includes('\0')) id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) retry = Number(value);
  }
  return { events, comments, retry };
}
