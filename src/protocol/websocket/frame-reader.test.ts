/** Frames as bytes: whole, at every split, at random, and every rule that a peer can break. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import { CLOSE_NO_STATUS, isCloseCode } from './close-codes.ts';
import { type FrameEvents, FrameReader, type ReaderSettings } from './frame-reader.ts';
import { frameHeadBytes, frameHeadInto } from './frames.ts';
import { Unmasking } from './unmasking.ts';

const unmasking = new Unmasking();

/** Writes down what a reader tells. */
class Recorder implements FrameEvents {
  readonly told: string[] = [];

  onMessage(bytes: Uint8Array, start: number, end: number, isText: boolean, isAscii: boolean): void {
    const message = Buffer.from(bytes.subarray(start, end));
    if (isAscii && isText) assert.ok(message.every((byte) => byte < 0x80));
    this.told.push(isText ? `text ${message.toString('utf8')}` : `binary ${message.toString('hex')}`);
  }

  onCompressed(bytes: Uint8Array, start: number, end: number, isText: boolean): void {
    this.told.push(`compressed ${isText} ${Buffer.from(bytes.subarray(start, end)).toString('hex')}`);
  }

  onPing(bytes: Uint8Array, start: number, end: number): void {
    this.told.push(`ping ${Buffer.from(bytes.subarray(start, end)).toString('latin1')}`);
  }

  onPong(bytes: Uint8Array, start: number, end: number): void {
    this.told.push(`pong ${Buffer.from(bytes.subarray(start, end)).toString('latin1')}`);
  }

  onClose(code: number, bytes: Uint8Array, start: number, end: number): void {
    this.told.push(`close ${code} ${Buffer.from(bytes.subarray(start, end)).toString('utf8')}`);
  }

  onFault({ code }: { code: string }): void {
    this.told.push(code);
  }
}

const SETTINGS: ReaderSettings = { payloadBytesMax: 100_000, isMasked: true, takesCompressed: false };

/** A masked frame. @param first FIN, RSV and opcode */
function frame(first: number, payload: string | Uint8Array = '', key = 0x9f3b70a5): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload, 'utf8') : Buffer.from(payload);
  const head = Buffer.alloc(frameHeadBytes(bytes.length));
  frameHeadInto(head, 0, first, bytes.length);
  head[1]! |= 0x80;
  const mask = Buffer.alloc(4);
  mask.writeUInt32BE(key);
  return Buffer.concat([head, mask, bytes.map((byte, i) => byte ^ mask[i & 3]!)]);
}

function read(
  bytes: Uint8Array,
  splits: readonly number[] = [],
  settings: Partial<ReaderSettings> = {},
): string[] {
  const recorder = new Recorder();
  const reader = new FrameReader(recorder, { ...SETTINGS, ...settings }, unmasking);
  let at = 0;
  for (const to of [...splits, bytes.length]) {
    // Behind other bytes, at whatever alignment, in memory of its own that nobody may look at afterwards.
    const lent = new Uint8Array(to - at + 5);
    lent.set(bytes.subarray(at, to), 3);
    reader.receive(lent, 3, 3 + to - at);
    lent.fill(0xee);
    at = to;
  }
  return recorder.told;
}

const CONVERSATION = Buffer.concat([
  frame(0x81, 'hello'),
  frame(0x82, new Uint8Array([0, 1, 2, 255])),
  frame(0x01, 'κόσμε '.slice(0, 3)),
  frame(0x89, 'are you there'),
  frame(0x00, ''),
  frame(0x80, 'more'),
  frame(0x81, ''),
  frame(0x82, 'x'.repeat(200)),
  frame(0x8a, ''),
  frame(0x88, Buffer.concat([Buffer.from([0x03, 0xe8]), Buffer.from('bye', 'utf8')])),
  frame(0x81, 'nobody reads this'),
]);
const TOLD = [
  'text hello',
  'binary 000102ff',
  'ping are you there',
  'text κόσmore',
  'text ',
  `binary ${'78'.repeat(200)}`,
  'pong ',
  'close 1000 bye',
];

describe('frames that a client sends', () => {
  it('are read whole, byte by byte, and at every split', () => {
    assert.deepEqual(read(CONVERSATION), TOLD);
    assert.deepEqual(read(CONVERSATION, [...CONVERSATION.keys()]), TOLD);
    for (let i = 0; i <= CONVERSATION.length; i++) assert.deepEqual(read(CONVERSATION, [i]), TOLD);
  });

  it('have lengths of every form', () => {
    for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 99_999]) {
      const payload = Buffer.alloc(length, 'ab');
      const bytes = frame(0x81, payload);
      const expected = [`text ${payload.toString('latin1')}`];
      assert.deepEqual(read(bytes), expected);
      assert.deepEqual(
        read(
          bytes,
          [1, 5, bytes.length >> 1].sort((a, b) => a - b),
        ),
        expected,
      );
    }
  });

  it('are told at once where they break a rule, whatever follows', () => {
    const long = (first: number, length: number[], rest = 0) =>
      Buffer.concat([Buffer.from([first, ...length]), Buffer.alloc(4 + rest)]);
    const cases: [string, Buffer][] = [
      ['websocket-reserved-bit', frame(0xc1, 'x')],
      ['websocket-reserved-bit', frame(0xa1, 'x')],
      ['websocket-reserved-bit', frame(0x91, 'x')],
      ['websocket-reserved-bit', frame(0xc9, 'x')],
      ['websocket-opcode', frame(0x83, 'x')],
      ['websocket-opcode', frame(0x87)],
      ['websocket-opcode', frame(0x8b)],
      ['websocket-opcode', frame(0x8f)],
      ['websocket-unmasked', Buffer.from([0x81, 0x01, 0x78])],
      ['websocket-length', long(0x82, [0xfe, 0, 125], 125)],
      ['websocket-length', long(0x82, [0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff])],
      ['websocket-length', long(0x82, [0xff, 0x80, 0, 0, 0, 0, 0, 0, 0])],
      ['websocket-too-big', long(0x82, [0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255])],
      ['websocket-too-big', frame(0x82, Buffer.alloc(100_001))],
      ['websocket-control', frame(0x09, 'x')],
      ['websocket-control', frame(0x89, 'x'.repeat(126))],
      ['websocket-control', frame(0x08)],
      ['websocket-fragment', frame(0x80, 'x')],
      ['websocket-fragment', frame(0x00, 'x')],
      ['websocket-fragment', Buffer.concat([frame(0x01, 'x'), frame(0x81, 'y')])],
      [
        'websocket-too-big',
        Buffer.concat([frame(0x02, Buffer.alloc(60_000)), frame(0x80, Buffer.alloc(40_001))]),
      ],
      ['websocket-close-code', frame(0x88, 'x')],
      ['websocket-close-code', frame(0x88, Buffer.from([0x03, 0xed]))],
      ['websocket-utf8', frame(0x88, Buffer.from([0x03, 0xe8, 0xff]))],
      ['websocket-utf8', frame(0x81, Buffer.from([0xc0, 0xaf]))],
      ['websocket-utf8', frame(0x81, Buffer.from([0xce]))],
      ['websocket-utf8', Buffer.concat([frame(0x01, Buffer.from([0xce])), frame(0x80)])],
    ];
    for (const [code, bytes] of cases) {
      const all = Buffer.concat([bytes, frame(0x81, 'later')]);
      assert.deepEqual(read(all), [code], bytes.subarray(0, 20).toString('hex'));
      assert.deepEqual(read(all, [...bytes.subarray(0, 30).keys()]), [code]);
    }
  });

  it('are told of text that cannot become UTF-8 before its frame is whole', () => {
    const text = Buffer.concat([Buffer.from('κόσμε', 'utf8'), Buffer.from([0xf4, 0x90])]);
    const bytes = frame(0x81, Buffer.concat([text, Buffer.alloc(50, 'x')]));
    const upTo = 6 + text.length;
    assert.deepEqual(read(bytes.subarray(0, upTo - 1)), []);
    assert.deepEqual(read(bytes.subarray(0, upTo)), ['websocket-utf8']);
    assert.deepEqual(read(bytes.subarray(0, upTo), [...Array(upTo).keys()]), ['websocket-utf8']);
  });

  it('may be compressed where that was agreed on, in their first frame', () => {
    const settings = { takesCompressed: true };
    assert.deepEqual(read(frame(0xc1, 'ab'), [], settings), ['compressed true 6162']);
    assert.deepEqual(read(Buffer.concat([frame(0x42, 'a'), frame(0x80, 'b')]), [], settings), [
      'compressed false 6162',
    ]);
    assert.deepEqual(read(Buffer.concat([frame(0x41, 'a'), frame(0xc0, 'b')]), [], settings), [
      'websocket-reserved-bit',
    ]);
    // Text that is compressed is none yet.
    assert.deepEqual(read(frame(0xc1, Buffer.from([0xff])), [], settings), ['compressed true ff']);
  });

  it('close without a code and without a reason', () => {
    assert.deepEqual(read(frame(0x88)), [`close ${CLOSE_NO_STATUS} `]);
    assert.deepEqual(read(frame(0x88, Buffer.from([0x0f, 0xa0]))), ['close 4000 ']);
  });

  it('come in memory that grows with them, not with what they promise', () => {
    const head = frame(0x82, Buffer.alloc(90_000)).subarray(0, 100);
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 1000 }, () => {
      const reader = new FrameReader(new Recorder(), SETTINGS, unmasking);
      reader.receive(head, 0, head.length);
      return reader;
    });
    assert.ok(process.memoryUsage().arrayBuffers - before < 5_000_000);
    assert.ok(readers.every((reader) => reader.isAmidst));
  });
});

it('close codes are those of the registry', () => {
  const allowed = [
    1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
  ];
  for (const code of allowed) assert.ok(isCloseCode(code), String(code));
  for (const code of [
    0,
    999,
    1004,
    1005,
    1006,
    1015,
    1016,
    1100,
    2000,
    2999,
    5000,
    65_535,
    1000.5,
    Number.NaN,
  ])
    assert.ok(!isCloseCode(code), String(code));
});

/** A conversation at random, with what it means. */
function randomConversation(random: SeededRandom): { bytes: Buffer; told: string[] } {
  const parts: Buffer[] = [];
  const told: string[] = [];
  for (let i = random.int(12); i > 0; i--) {
    const isText = random.int(2) === 0;
    const payload = isText
      ? Buffer.from('aé☃𝄞'.repeat(random.int(80)), 'utf8')
      : Buffer.from(Array.from({ length: random.int(300) }, () => random.int(256)));
    let at = 0;
    let opcode = isText ? 1 : 2;
    for (let left = random.int(4); left >= 0; left--) {
      const to = left === 0 ? payload.length : at + random.int(payload.length - at + 1);
      parts.push(frame((left === 0 ? 0x80 : 0) | opcode, payload.subarray(at, to), random.int(2 ** 31)));
      if (left > 0 && random.int(3) === 0) {
        parts.push(frame(0x89, String(i)));
        told.push(`ping ${i}`);
      }
      at = to;
      opcode = 0;
    }
    told.push(isText ? `text ${payload.toString('utf8')}` : `binary ${payload.toString('hex')}`);
  }
  return { bytes: Buffer.concat(parts), told };
}

describe('property', () => {
  it('any conversation is read as it was meant, however it is split', () => {
    for (let seed = 1; seed <= 300; seed++) {
      const random = new SeededRandom(seed);
      const { bytes, told } = randomConversation(random);
      const splits = Array.from({ length: random.int(20) }, () => random.int(bytes.length + 1)).sort(
        (a, b) => a - b,
      );
      assert.deepEqual(read(bytes, splits), told, `seed ${seed}`);
    }
  });

  it('whatever comes is read the same way at every split, and throws nothing', () => {
    for (let seed = 1; seed <= 2000; seed++) {
      const random = new SeededRandom(seed);
      const { bytes } = randomConversation(random);
      for (let i = random.int(6); i >= 0 && bytes.length > 0; i--)
        bytes[random.int(bytes.length)] = random.int(256);
      const whole = read(bytes, [], { payloadBytesMax: 5000 });
      const splits = Array.from({ length: random.int(9) }, () => random.int(bytes.length + 1)).sort(
        (a, b) => a - b,
      );
      assert.deepEqual(read(bytes, splits, { payloadBytesMax: 5000 }), whole, `seed ${seed}`);
    }
  });
});
