/**
 * WebSockets that break the rules: bad handshakes, frames that no server may accept, and peers that leave without a word.
 * After each broken rule the connection has to end; pings have to be answered, and a close by a close.
 */
import { chars, framesIn, OPCODE, type SeenFrame, wsFrame } from '../websocket/frames.ts';
import { Wire } from '../wire/wire.ts';
import { lookBefore, reportIfDeaf, reportIfHeld } from './aftermath.ts';
import { inLanes, type Slice, type SliceContext } from './slice.ts';

const ANSWER_MS = 4000;
const FLOOD_FRAMES = 20_000;
const LEAVERS = 100;

interface BrokenRule {
  readonly id: string;
  readonly what: string;
  readonly section: string;
  readonly bytes: string;
}

const TEXT = wsFrame({ opcode: OPCODE.text, payload: 'a', isLast: false });

const BROKEN: readonly BrokenRule[] = [
  {
    id: 'unmasked',
    what: 'a frame without a mask',
    section: '§5.1',
    bytes: wsFrame({ opcode: OPCODE.text, payload: 'a', isMasked: false }),
  },
  {
    id: 'reserved-bit',
    what: 'a reserved bit that nothing was agreed for',
    section: '§5.2',
    bytes: wsFrame({ opcode: OPCODE.text, payload: 'a', reserved: 0x20 }),
  },
  {
    id: 'reserved-opcode',
    what: 'a reserved opcode',
    section: '§5.2',
    bytes: wsFrame({ opcode: 3, payload: 'a' }),
  },
  {
    id: 'reserved-control',
    what: 'a reserved control opcode',
    section: '§5.2',
    bytes: wsFrame({ opcode: 11 }),
  },
  {
    id: 'fragmented-ping',
    what: 'a ping in fragments',
    section: '§5.5',
    bytes: wsFrame({ opcode: OPCODE.ping, isLast: false }),
  },
  {
    id: 'long-ping',
    what: 'a ping of 126 bytes',
    section: '§5.5',
    bytes: wsFrame({ opcode: OPCODE.ping, payload: 'a'.repeat(126) }),
  },
  {
    id: 'continuation-of-nothing',
    what: 'a continuation of nothing',
    section: '§5.4',
    bytes: wsFrame({ opcode: OPCODE.continuation, payload: 'a' }),
  },
  {
    id: 'message-in-message',
    what: 'a message within the fragments of another one',
    section: '§5.4',
    bytes: TEXT + wsFrame({ opcode: OPCODE.text, payload: 'b' }),
  },
  {
    id: 'bad-utf8',
    what: 'text that is no UTF-8',
    section: '§8.1',
    bytes: wsFrame({ opcode: OPCODE.text, payload: chars(0xce, 0xba, 0xed, 0xa0, 0x80) }),
  },
  {
    id: 'bad-utf8-over-frames',
    what: 'text whose fragments together are no UTF-8',
    section: '§8.1',
    bytes:
      wsFrame({ opcode: OPCODE.text, payload: chars(0xf4), isLast: false }) +
      wsFrame({ opcode: OPCODE.continuation, payload: chars(0x90, 0x80, 0x80) }),
  },
  {
    id: 'long-length',
    what: 'a length of 63 bits and one more',
    section: '§5.2',
    bytes: wsFrame({ opcode: OPCODE.binary, length: chars(0xff, 0xff, 0, 0, 0, 0, 0, 0, 1) }),
  },
  {
    id: 'close-of-one-byte',
    what: 'a close with half a code',
    section: '§5.5.1',
    bytes: wsFrame({ opcode: OPCODE.close, payload: 'a' }),
  },
  {
    id: 'close-with-1005',
    what: 'a close with a code that nobody may send',
    section: '§7.4.1',
    bytes: wsFrame({ opcode: OPCODE.close, payload: chars(3, 237) }),
  },
];

export const websocket: Slice = {
  name: 'websocket',
  does: 'breaks the rules of WebSocket, floods with pings, leaves without a word',
  version: 'h1',
  mustBeZero: 'a bad frame accepted; a hang without a close; a peer that left and is still held',
  async run(context) {
    const { target, signal, concurrency } = context;
    if (target.paths.websocket === undefined) return 'no --websocket-path was given';
    const first = await open(context);
    first.wire.destroy();
    if (!first.isOpen) return `${target.paths.websocket} does not become a WebSocket`;
    const before = await lookBefore(context);
    await badHandshakes(context);
    await inLanes(BROKEN, concurrency, signal, (rule) => breakRule(context, rule));
    await goodManners(context);
    await leavers(context);
    await reportIfDeaf(context, 'WebSockets that broke the rules');
    await reportIfHeld(context, before, 'WebSockets that broke the rules and left');
    return undefined;
  },
};

interface OpenSocket {
  readonly wire: Wire;
  readonly isOpen: boolean;
  frames(): SeenFrame[];
}

function handshake(
  { target }: SliceContext,
  fields = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n',
): string {
  return `GET ${target.paths.websocket} HTTP/1.1\r\nHost: ${target.authority}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${fields}\r\n`;
}

async function open(context: SliceContext, head = handshake(context)): Promise<OpenSocket> {
  const wire = new Wire(context.target, { onBytes: () => {} });
  wire.write(head);
  await wire.until(() => wire.received.includes('\r\n\r\n') || wire.isEnded, ANSWER_MS);
  const headEnd = wire.received.indexOf('\r\n\r\n') + 4;
  return {
    wire,
    isOpen: /^HTTP\/1\.1 101 /.test(wire.received),
    frames: () => framesIn(wire.received.slice(headEnd)),
  };
}

/** RFC 6455 §4.2.1 */
async function badHandshakes(context: SliceContext): Promise<void> {
  const heads: Record<string, string> = {
    'no key': handshake(context, 'Sec-WebSocket-Version: 13\r\n'),
    'a key of three bytes': handshake(context, 'Sec-WebSocket-Key: YWJj\r\nSec-WebSocket-Version: 13\r\n'),
    'version 12': handshake(
      context,
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 12\r\n',
    ),
    'no Connection: Upgrade': handshake(context).replace('Connection: Upgrade\r\n', ''),
    POST: handshake(context).replace('GET', 'POST'),
  };
  for (const [what, head] of Object.entries(heads)) {
    const { wire, isOpen } = await open(context, head);
    wire.destroy();
    context.count('bad handshakes');
    if (isOpen)
      await context.report({
        ...{
          id: `handshake-${what.toLowerCase().replace(/\W+/g, '-')}`,
          severity: 'medium',
          rule: 'RFC 6455 §4.2.1',
        },
        title: `A handshake with ${what} was accepted.`,
        meaning:
          'Whoever did not mean a WebSocket gets one: caches and scripts of other origins can be led to it.',
        exchange: wire.events,
      });
  }
}

async function breakRule(context: SliceContext, { id, what, section, bytes }: BrokenRule): Promise<void> {
  const { wire, frames } = await open(context);
  wire.write(bytes);
  const isClosing = (): boolean => wire.isEnded || frames().some(({ opcode }) => opcode === OPCODE.close);
  const isRefused = await wire.until(isClosing, ANSWER_MS);
  const isOver = await wire.until(() => wire.isEnded, ANSWER_MS);
  wire.destroy();
  context.count('rules broken');
  if (context.signal.aborted || (isRefused && isOver)) return;
  await context.report({
    ...{
      id: isRefused ? `hang-${id}` : id,
      severity: 'high',
      rule: `RFC 6455 ${section}`,
      exchange: wire.events,
    },
    title: isRefused
      ? `After ${what} the server sent a close, and held the connection.`
      : `The server accepted ${what}.`,
    meaning: 'What two readers could take for two things is to end the connection (RFC 6455 §7.1.7).',
  });
}

/** A ping within fragments, twenty thousand of them, and a close. */
async function goodManners(context: SliceContext): Promise<void> {
  const { wire, frames } = await open(context);
  wire.write(
    TEXT +
      wsFrame({ opcode: OPCODE.ping, payload: 'prove' }) +
      wsFrame({ opcode: OPCODE.continuation, payload: 'b' }),
  );
  const isAnswered = await wire.until(
    () => frames().some((each) => each.opcode === OPCODE.pong && each.payload === 'prove'),
    ANSWER_MS,
  );
  context.count('pings');
  if (!isAnswered && !context.signal.aborted)
    await context.report({
      ...{ id: 'no-pong', severity: 'medium', rule: 'RFC 6455 §5.5.3', exchange: wire.events },
      ...{
        title: 'A ping within the fragments of a message got no pong.',
        meaning: 'Clients that look whether the server lives give it up.',
      },
    });
  const flood = wsFrame({ opcode: OPCODE.ping, payload: 'flood' }).repeat(FLOOD_FRAMES / 100);
  for (let sent = 0; sent < 100 && !wire.isEnded; sent++) {
    wire.write(flood);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  wire.write(wsFrame({ opcode: OPCODE.close, payload: chars(3, 232) }));
  const isOver = await wire.until(() => wire.isEnded, 2 * ANSWER_MS);
  context.note(`${FLOOD_FRAMES} pings, and a close: ${isOver ? 'ended' : 'not ended'}`);
  wire.destroy();
  if (isOver || context.signal.aborted) return;
  await context.report({
    ...{
      id: 'close-unanswered',
      severity: 'high',
      rule: 'RFC 6455 §7.1.1',
      exchange: wire.events.slice(0, 20),
    },
    ...{
      title: 'A close was not followed by the end of the connection.',
      meaning: 'Clients that leave in order are held.',
    },
  });
}

async function leavers(context: SliceContext): Promise<void> {
  await inLanes(
    Array.from({ length: LEAVERS }, (_, n) => n),
    context.concurrency,
    context.signal,
    async (n) => {
      const { wire } = await open(context);
      if (n % 2 === 0) wire.write(TEXT);
      if (n % 3 === 0) wire.end();
      else wire.reset();
      await wire.until(() => wire.isEnded, n % 3 === 0 ? ANSWER_MS : 1);
      context.count('left without a word');
      const isHeld = n % 3 === 0 && !wire.isEnded;
      wire.destroy();
      if (isHeld && !context.signal.aborted)
        await context.report({
          ...{ id: 'fin-unseen', severity: 'high', rule: 'RFC 6455 §7.1.1', exchange: wire.events },
          title: 'A WebSocket whose client sent FIN without a close is still held four seconds later.',
          meaning:
            'Clients whose browser was closed are held, each with its descriptor, until something else ends them.',
        });
    },
  );
}
