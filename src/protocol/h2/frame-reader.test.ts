import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { HTTP2_PREFACE } from '../detect.ts';
import * as fault from './error-codes.ts';
import { FieldList } from './field-list.ts';
import { type FrameHandler, FrameReader } from './frame-reader.ts';
import * as frame from './frames.ts';
import { HpackDecoder } from './hpack-decoder.ts';

const LIMITS = { frameBytesMax: 16_384, blockBytesMax: 20_000, continuationCountMax: 4 };
const hexOf = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.subarray(start, end)).toString('hex');

/** Writes down what it hears; pieces of DATA that follow each other as one. */
class Recorder implements FrameHandler {
  readonly events: string[] = [];
  #say(event: string): undefined {
    this.events.push(event);
  }
  onData(id: number, length: number): undefined {
    this.#say(`data ${id} ${length} `);
  }
  onDataPiece(_id: number, bytes: Uint8Array, start: number, end: number): undefined {
    this.events[this.events.length - 1] += hexOf(bytes, start, end);
  }
  onDataEnd(id: number, isLast: boolean): undefined {
    this.#say(`data-end ${id} ${isLast}`);
  }
  onFieldBlock(
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    isLast: boolean,
    dependsOn: number,
  ): undefined {
    this.#say(`block ${id} ${hexOf(bytes, start, end)} ${isLast} ${dependsOn}`);
  }
  onPriority(id: number, dependsOn: number): undefined {
    this.#say(`priority ${id} ${dependsOn}`);
  }
  onReset(id: number, code: number): undefined {
    this.#say(`reset ${id} ${code}`);
  }
  onSetting(identifier: number, value: number): undefined {
    this.#say(`setting ${identifier} ${value}`);
  }
  onSettingsEnd(): undefined {
    this.#say('settings-end');
  }
  onSettingsAck(): undefined {
    this.#say('settings-ack');
  }
  onPing(bytes: Uint8Array, start: number): undefined {
    this.#say(`ping ${hexOf(bytes, start, start + 8)}`);
  }
  onPingAck(bytes: Uint8Array, start: number): undefined {
    this.#say(`ping-ack ${hexOf(bytes, start, start + 8)}`);
  }
  onGoAway(lastStreamId: number, code: number): undefined {
    this.#say(`goaway ${lastStreamId} ${code}`);
  }
  onWindowUpdate(id: number, increment: number): undefined {
    this.#say(`window ${id} ${increment}`);
  }
  onPushPromise(id: number): fault.Http2Fault | undefined {
    this.#say(`push ${id}`);
    return fault.FAULT_PUSH;
  }
  onPriorityUpdate(id: number, bytes: Uint8Array, start: number, end: number): undefined {
    this.#say(`priority-update ${id} ${Buffer.from(bytes.subarray(start, end)).toString('latin1')}`);
  }
  onUnknown(type: number, length: number): undefined {
    this.#say(`unknown ${type} ${length}`);
  }
  onStreamFault(id: number, its: fault.Http2Fault): undefined {
    this.#say(`stream-fault ${id} ${its.code}`);
  }
}

function frameOf(type: number, flags: number, streamId: number, payload: string | Buffer = ''): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload.replaceAll(' ', ''), 'hex') : payload;
  const head = Buffer.alloc(9);
  frame.frameHeaderInto(head, 0, bytes.length, type, flags, streamId);
  return Buffer.concat([head, bytes]);
}

const SETTINGS = frameOf(frame.FRAME_SETTINGS, 0, 0);

/** Each piece in memory of its own that is overwritten behind it: nothing may be kept by reference. */
function readIn(pieces: readonly Buffer[], limits = LIMITS): { events: string[]; fault: string | undefined } {
  const recorder = new Recorder();
  const reader = new FrameReader(recorder, limits);
  let found: fault.Http2Fault | undefined;
  for (const piece of pieces) {
    const bytes = Buffer.concat([Buffer.alloc(3, 0xee), piece, Buffer.alloc(3, 0xee)]);
    found = reader.read(bytes, 3, 3 + piece.length);
    bytes.fill(0xdd);
    if (found !== undefined) break;
  }
  return { events: recorder.events, fault: found?.code };
}

function pairs(bytes: Buffer, at: number): Buffer[] {
  return [bytes.subarray(0, at), bytes.subarray(at)];
}

const MIXED = Buffer.concat([
  frameOf(frame.FRAME_SETTINGS, 0, 0, '0003 00000064 0004 0000ffff'),
  frameOf(frame.FRAME_SETTINGS, frame.FLAG_ACK, 0),
  frameOf(frame.FRAME_HEADERS, frame.FLAG_END_HEADERS | frame.FLAG_END_STREAM, 1, '8286 84'),
  frameOf(frame.FRAME_HEADERS, 0x2c, 3, '02 80000001 10 8286 0000'),
  frameOf(frame.FRAME_DATA, frame.FLAG_PADDED, 3, '03 616263 000000'),
  frameOf(frame.FRAME_DATA, frame.FLAG_END_STREAM, 3, '646566'),
  frameOf(frame.FRAME_DATA, 0, 3),
  frameOf(frame.FRAME_DATA, frame.FLAG_PADDED, 3, '00'),
  frameOf(frame.FRAME_HEADERS, 0, 5, '8286'),
  frameOf(frame.FRAME_CONTINUATION, 0, 5, ''),
  frameOf(frame.FRAME_CONTINUATION, 0, 5, '84'),
  frameOf(frame.FRAME_CONTINUATION, frame.FLAG_END_HEADERS, 5, '41 00'),
  frameOf(frame.FRAME_PRIORITY, 0, 7, '80000003 10'),
  frameOf(frame.FRAME_PRIORITY, 0, 7, '80000003'),
  frameOf(frame.FRAME_PING, 0, 0, '0102030405060708'),
  frameOf(frame.FRAME_PING, frame.FLAG_ACK, 0, '0807060504030201'),
  frameOf(frame.FRAME_WINDOW_UPDATE, 0, 0, '80000001'),
  frameOf(frame.FRAME_WINDOW_UPDATE, 0, 5, '7fffffff'),
  frameOf(frame.FRAME_PRIORITY_UPDATE, 0, 0, Buffer.from('\0\0\0\x05u=1, i', 'latin1')),
  frameOf(0xfa, 0xff, 9, '00112233'),
  frameOf(frame.FRAME_RST_STREAM, 0, 5, '00000008'),
  frameOf(frame.FRAME_GOAWAY, 0, 0, '80000005 00000002 6465627567'),
]);
const MIXED_EVENTS = [
  'setting 3 100',
  'setting 4 65535',
  'settings-end',
  'settings-ack',
  'block 1 828684 true -1',
  'block 3 8286 false 1',
  'data 3 7 616263',
  'data-end 3 false',
  'data 3 3 646566',
  'data-end 3 true',
  'data 3 0 ',
  'data-end 3 false',
  'data 3 1 ',
  'data-end 3 false',
  'block 5 8286844100 false -1',
  'priority 7 3',
  'stream-fault 7 h2-bad-priority-size',
  'ping 0102030405060708',
  'ping-ack 0807060504030201',
  'window 0 1',
  'window 5 2147483647',
  'priority-update 5 u=1, i',
  'unknown 250 4',
  'reset 5 8',
  'goaway 5 2',
];

test('frames of every type are read the same whole, split at every byte, and byte by byte', () => {
  assert.deepEqual(readIn([MIXED]), { events: MIXED_EVENTS, fault: undefined });
  for (let at = 1; at < MIXED.length; at++)
    assert.deepEqual(readIn(pairs(MIXED, at)), { events: MIXED_EVENTS, fault: undefined }, `split at ${at}`);
  const bytes = [...MIXED].map((byte) => Buffer.from([byte]));
  assert.deepEqual(readIn(bytes), { events: MIXED_EVENTS, fault: undefined });
});

test('a frame that breaks a rule ends the connection with the fault of that rule, however it is split', () => {
  const cases: [string, Buffer, fault.Http2Fault][] = [
    ['no SETTINGS first', frameOf(frame.FRAME_PING, 0, 0, '0000000000000000'), fault.FAULT_FIRST_FRAME],
    ['an acknowledgement first', frameOf(frame.FRAME_SETTINGS, 1, 0), fault.FAULT_FIRST_FRAME],
    ['DATA on 0', frameOf(frame.FRAME_DATA, 0, 0, '61'), fault.FAULT_STREAM_ID],
    ['HEADERS on 0', frameOf(frame.FRAME_HEADERS, 4, 0, '82'), fault.FAULT_STREAM_ID],
    ['PRIORITY on 0', frameOf(frame.FRAME_PRIORITY, 0, 0, '00000001 10'), fault.FAULT_STREAM_ID],
    ['RST_STREAM on 0', frameOf(frame.FRAME_RST_STREAM, 0, 0, '00000008'), fault.FAULT_STREAM_ID],
    ['SETTINGS on 1', frameOf(frame.FRAME_SETTINGS, 0, 1), fault.FAULT_STREAM_ID],
    ['PING on 1', frameOf(frame.FRAME_PING, 0, 1, '0000000000000000'), fault.FAULT_STREAM_ID],
    ['GOAWAY on 1', frameOf(frame.FRAME_GOAWAY, 0, 1, '00000001 00000000'), fault.FAULT_STREAM_ID],
    ['PUSH_PROMISE', frameOf(frame.FRAME_PUSH_PROMISE, 4, 1, '00000002 82'), fault.FAULT_PUSH],
    ['a long RST_STREAM', frameOf(frame.FRAME_RST_STREAM, 0, 1, '0000000800'), fault.FAULT_FRAME_SIZE],
    ['a short SETTINGS', frameOf(frame.FRAME_SETTINGS, 0, 0, '000300'), fault.FAULT_FRAME_SIZE],
    [
      'SETTINGS ACK with content',
      frameOf(frame.FRAME_SETTINGS, 1, 0, '000300000001'),
      fault.FAULT_FRAME_SIZE,
    ],
    ['a short PING', frameOf(frame.FRAME_PING, 0, 0, '00'), fault.FAULT_FRAME_SIZE],
    ['a short GOAWAY', frameOf(frame.FRAME_GOAWAY, 0, 0, '00000001'), fault.FAULT_FRAME_SIZE],
    ['a long WINDOW_UPDATE', frameOf(frame.FRAME_WINDOW_UPDATE, 0, 0, '0000000100'), fault.FAULT_FRAME_SIZE],
    ['padded DATA without a length', frameOf(frame.FRAME_DATA, 8, 1), fault.FAULT_FRAME_SIZE],
    ['padding as long as DATA', frameOf(frame.FRAME_DATA, 8, 1, '03 6161'), fault.FAULT_PADDING],
    ['padding longer than HEADERS', frameOf(frame.FRAME_HEADERS, 0xc, 1, '03 8282'), fault.FAULT_PADDING],
    ['a priority cut short', frameOf(frame.FRAME_HEADERS, 0x24, 1, '00000000'), fault.FAULT_FRAME_SIZE],
    ['a frame too large', frameOf(frame.FRAME_DATA, 0, 1, Buffer.alloc(16_385)), fault.FAULT_FRAME_TOO_LARGE],
    ['CONTINUATION alone', frameOf(frame.FRAME_CONTINUATION, 4, 1, '82'), fault.FAULT_CONTINUATION],
    [
      'CONTINUATION of another stream',
      Buffer.concat([
        frameOf(frame.FRAME_HEADERS, 0, 1, '82'),
        frameOf(frame.FRAME_CONTINUATION, 4, 3, '82'),
      ]),
      fault.FAULT_CONTINUATION,
    ],
    [
      'a frame between',
      Buffer.concat([frameOf(frame.FRAME_HEADERS, 0, 1, '82'), frameOf(0xfa, 0, 1, '82')]),
      fault.FAULT_CONTINUATION,
    ],
    [
      'CONTINUATION without end',
      Buffer.concat([
        frameOf(frame.FRAME_HEADERS, 0, 1, '82'),
        ...Array.from({ length: 5 }, () => frameOf(frame.FRAME_CONTINUATION, 0, 1)),
      ]),
      fault.FAULT_EMPTY_CONTINUATIONS,
    ],
    [
      'a block too large, in two frames',
      Buffer.concat([
        frameOf(frame.FRAME_HEADERS, 0, 1, Buffer.alloc(16_384, 0x82)),
        frameOf(frame.FRAME_CONTINUATION, 4, 1, Buffer.alloc(3617, 0x82)),
      ]),
      fault.FAULT_BLOCK_TOO_LARGE,
    ],
  ];
  for (const [why, bytes, expected] of cases) {
    const isFirst = expected === fault.FAULT_FIRST_FRAME;
    const whole = isFirst ? bytes : Buffer.concat([SETTINGS, bytes]);
    const outcome = readIn([whole]);
    assert.equal(outcome.fault, expected.code, why);
    const step = whole.length > 1000 ? 997 : 1;
    for (let at = 1; at < whole.length; at += step)
      assert.deepEqual(readIn(pairs(whole, at)), outcome, `${why}, split at ${at}`);
  }
});

test('a block of exactly the limit, and a frame of exactly its limit, are read', () => {
  const block = Buffer.alloc(3616, 0x82);
  const bytes = Buffer.concat([
    SETTINGS,
    frameOf(frame.FRAME_HEADERS, 0, 1, Buffer.alloc(16_384, 0x82)),
    frameOf(frame.FRAME_CONTINUATION, 4, 1, block),
  ]);
  const { events, fault: found } = readIn([bytes]);
  assert.equal(found, undefined);
  assert.equal(events.at(-1), `block 1 ${'82'.repeat(20_000)} false -1`);
});

test('after a fault nothing more is read', () => {
  const recorder = new Recorder();
  const reader = new FrameReader(recorder, LIMITS);
  const bytes = Buffer.concat([SETTINGS, frameOf(frame.FRAME_DATA, 0, 0, '61'), MIXED]);
  assert.equal(reader.read(bytes, 0, bytes.length), fault.FAULT_STREAM_ID);
  assert.deepEqual(recorder.events, ['settings-end']);
  assert.equal(reader.read(MIXED, 0, MIXED.length), undefined);
  assert.deepEqual(recorder.events, ['settings-end']);
});

test('what a real client sends is read as it was meant', async () => {
  const sent: Buffer[] = [];
  const pipe = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      sent.push(chunk);
      done();
    },
  });
  const session = http2.connect('http://a.example:81', { createConnection: () => pipe });
  const requests = [
    { ':method': 'GET', ':path': '/first', 'x-long': 'v'.repeat(9000), 'user-agent': 'test/1' },
    { ':method': 'POST', ':path': '/second', 'user-agent': 'test/1', cookie: 'a=b; c=d' },
    { ':method': 'GET', ':path': '/first', 'user-agent': 'test/1' },
  ];
  for (const headers of requests) {
    const stream = session.request(headers, { endStream: headers[':method'] === 'GET' });
    stream.on('error', () => {});
    if (headers[':method'] === 'POST') stream.end('content');
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  session.on('error', () => {});
  session.destroy();
  const bytes = Buffer.concat(sent);
  assert.deepEqual(bytes.subarray(0, HTTP2_PREFACE.length), Buffer.from(HTTP2_PREFACE));
  const body = bytes.subarray(HTTP2_PREFACE.length);

  for (const size of [1, 7, 1000, body.length]) {
    const decoder = new HpackDecoder((from, start, end) =>
      Buffer.from(from.subarray(start, end)).toString('latin1'),
    );
    const heads: Record<string, string>[] = [];
    const recorder = new Recorder();
    recorder.onFieldBlock = (_id, from, start, end): undefined => {
      const list = new FieldList({ listBytesMax: 65_536, fieldCountMax: 100 });
      assert.equal(decoder.decode(from, start, end, list), undefined);
      assert.equal(list.isMalformed, false);
      const head: Record<string, string> = {};
      for (let i = 0; i < list.count; i++) head[list.names[i]!] = list.values[i]!;
      heads.push(head);
    };
    const reader = new FrameReader(recorder, LIMITS);
    for (let at = 0; at < body.length; at += size)
      assert.equal(reader.read(body, at, Math.min(at + size, body.length)), undefined);
    assert.deepEqual(
      heads,
      requests.map((each) => ({ ':authority': 'a.example:81', ':scheme': 'http', ...each })),
    );
    assert.ok(recorder.events.includes(`data 3 7 ${Buffer.from('content').toString('hex')}`));
  }
});
