import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChunkedDecoder } from '../protocol/h1/chunked.ts';
import { DEFAULT_LIMITS } from '../protocol/limits.ts';
import { BODY_HIGH_WATER_BYTES, RequestBody } from './request-body.ts';

const NOBODY = { bodyWanted() {}, bodyCancelled() {}, takeReceived: () => false };

function chunkedBody(): RequestBody {
  return new RequestBody(NOBODY, -1, new ChunkedDecoder(DEFAULT_LIMITS));
}

function feed(body: RequestBody, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  assert.equal(body.feed(bytes, 0, bytes.length), bytes.length);
}

test('one-byte chunks that nobody reads cost memory in their bytes', () => {
  const body = chunkedBody();
  // They arrive a receive buffer at a time.
  for (let i = 0; i < 6; i++) feed(body, '1\r\nx\r\n'.repeat(10_000));
  assert.ok(body.memoryBytes >= 60_000);
  assert.ok(body.memoryBytes <= 2 * BODY_HIGH_WATER_BYTES, `${body.memoryBytes}`);
});

test('one-byte chunks that came together are read as few pieces, in order', async () => {
  const body = chunkedBody();
  let text = '';
  for (let i = 0; i < 50_000; i++) text += `1\r\n${String.fromCharCode(97 + (i % 26))}\r\n`;
  feed(body, `${text}0\r\n\r\n`);
  let pieces = 0;
  let at = 0;
  for (let piece = await body.read(); piece !== undefined; piece = await body.read()) {
    pieces++;
    for (const byte of piece) assert.equal(byte, 97 + (at++ % 26));
  }
  assert.equal(at, 50_000);
  assert.ok(pieces < 20, `${pieces} pieces`);
});

test('a reader that waits gets the first of what arrived, the rest together, and then the end', async () => {
  const body = chunkedBody();
  const first = body.read();
  feed(body, '1\r\na\r\n2\r\nbc\r\n0\r\n\r\n');
  assert.equal(Buffer.from((await first)!).toString(), 'a');
  assert.equal(Buffer.from((await body.read())!).toString(), 'bc');
  assert.equal(await body.read(), undefined);
});

test('a reader that waits learns of an end that comes alone', async () => {
  const body = chunkedBody();
  const read = body.read();
  feed(body, '0\r\n\r\n');
  assert.equal(await read, undefined);
  assert.equal(body.complete, true);
});

test('a size line or an extension wakes nobody', async () => {
  const body = chunkedBody();
  let isWoken = false;
  const read = body.read().then((piece) => {
    isWoken = true;
    return piece;
  });
  feed(body, '1;');
  feed(body, 'name=value');
  feed(body, '\r\n');
  await new Promise(setImmediate);
  assert.equal(isWoken, false);
  feed(body, 'x');
  assert.equal(Buffer.from((await read)!).toString(), 'x');
});

test('a body of known length in segments of a byte is taken whole', () => {
  const body = new RequestBody(NOBODY, 30_000, null);
  for (let i = 0; i < 30_000; i++) {
    body.feed(Uint8Array.of(i), 0, 1);
    assert.ok(body.memoryBytes <= 2 * (i + 1) + 256, `${body.memoryBytes} for ${i + 1}`);
  }
  const whole = body.takeBuffered()!;
  assert.equal(whole.length, 30_000);
  for (let i = 0; i < whole.length; i++) assert.equal(whole[i], i & 0xff);
});

function lengthBody(length: number, owner = NOBODY): RequestBody {
  return new RequestBody(owner, length, null);
}

test('who reads all gets one array of its own, whatever came before and however it comes', async () => {
  const text = 'abcdefghij'.repeat(20_000);
  for (const chunked of [false, true]) {
    for (const before of [0, 1, 70_000, 199_999]) {
      const body = chunked ? chunkedBody() : lengthBody(text.length);
      const put = (part: string) =>
        part === '' || feed(body, chunked ? `${part.length.toString(16)}\r\n${part}\r\n` : part);
      put(text.slice(0, before));
      const all = body.readAll();
      for (let at = before; at < text.length; at += 4096) put(text.slice(at, at + 4096));
      if (chunked) feed(body, '0\r\n\r\n');
      const bytes = await all;
      assert.equal(Buffer.from(bytes).toString(), text);
      assert.equal(bytes.buffer.byteLength, text.length);
    }
  }
});

test('who reads all finds what is whole already, and an empty rest', async () => {
  const body = lengthBody(3);
  feed(body, 'abc');
  assert.equal(Buffer.from(await body.readAll()).toString(), 'abc');
  assert.equal((await body.readAll()).length, 0);
});

test('while somebody reads all, the reader is wanted and nothing counts as unread', () => {
  let wanted = 0;
  const body = lengthBody(300_000, { ...NOBODY, bodyWanted: () => void wanted++ });
  feed(body, 'x'.repeat(100_000));
  assert.ok(body.memoryBytes > BODY_HIGH_WATER_BYTES);
  void body.readAll();
  assert.equal(wanted, 1);
  assert.equal(body.isWaited, true);
  feed(body, 'x'.repeat(100_000));
  assert.equal(body.memoryBytes, 0);
  feed(body, 'x'.repeat(100_000));
  assert.equal(body.isWaited, false);
});

test('who reads all is told why the rest does not come, then and later', async () => {
  for (const body of [lengthBody(100), chunkedBody()]) {
    feed(body, body.contentLength === undefined ? '3\r\nabc\r\n' : 'abc');
    const all = body.readAll();
    const reason = new Error('gone');
    body.fail(reason);
    await assert.rejects(all, reason);
    await assert.rejects(body.readAll(), reason);
    assert.equal(body.isWaited, false);
  }
});

test('a body for which there is no memory fails its reader, and the rest is counted', async (context) => {
  const body = lengthBody(300_000);
  const all = body.readAll();
  const piece = new Uint8Array(100_000);
  const refusal = new RangeError('Array buffer allocation failed');
  context.mock.method(Buffer, 'allocUnsafeSlow', () => {
    throw refusal;
  });
  body.feed(piece, 0, piece.length);
  await assert.rejects(all, refusal);
  body.feed(piece, 0, piece.length);
  body.feed(piece, 0, piece.length);
  assert.equal(body.complete, true);
});

test('a body that came in one piece is given away once, as an array of its own, by whichever way it is read', async () => {
  const given = async (read: (body: RequestBody) => unknown): Promise<unknown> => {
    const body = new RequestBody(NOBODY, 5, null);
    const bytes = Buffer.from('hello and what follows', 'latin1');
    assert.equal(body.feed(bytes, 0, bytes.length), 5);
    assert.ok(body.complete);
    assert.equal(body.memoryBytes, 5);
    bytes.fill(0);
    const piece = (await read(body)) as Uint8Array | undefined;
    assert.equal(body.memoryBytes, 0);
    assert.equal(await body.read(), undefined);
    if (piece === undefined) return undefined;
    assert.equal(piece.buffer.byteLength, 5);
    return Buffer.from(piece).toString('latin1');
  };
  assert.equal(await given((body) => body.takeBuffered()), 'hello');
  assert.equal(await given((body) => body.read()), 'hello');
  assert.equal(await given((body) => body.readAll()), 'hello');
  assert.equal(await given((body) => body.cancel()), undefined);
});

test('a body in one piece that somebody waits for already is handed over', async () => {
  for (const read of ['read', 'readAll'] as const) {
    const body = new RequestBody(NOBODY, 5, null);
    const waiting = body[read]();
    feed(body, 'hello');
    assert.equal(Buffer.from((await waiting)!).toString('latin1'), 'hello');
    assert.equal(body.memoryBytes, 0);
  }
});

test('full memory that the engine gives away is a piece as it is; what is not given, or stands in no body alone, is copied', async () => {
  for (const isGiven of [true, false]) {
    let asked = 0;
    const body = lengthBody(3 * 65_536 + 10, { ...NOBODY, takeReceived: () => ++asked > 0 && isGiven });
    const full = new Uint8Array(65_536).fill(1);
    body.feed(full, 0, full.length);
    const piece = (await body.read())!;
    assert.equal(piece.buffer === full.buffer, isGiven);
    const waiting = body.read();
    const second = new Uint8Array(65_536).fill(2);
    body.feed(second, 0, second.length);
    assert.equal((await waiting)!.buffer === second.buffer, isGiven);
    // Behind these ten bytes the next request begins.
    const last = new Uint8Array(65_536 + 20).fill(3);
    assert.equal(body.feed(last, 0, 65_536), 65_536);
    assert.equal(body.feed(last, 0, last.length), 10);
    assert.equal(asked, 2);
    assert.deepEqual(body.takeBuffered(), new Uint8Array(65_546).fill(3));
  }
});

test('memory is not taken for a body that is put together in one array, or of which nobody wants more', async () => {
  const refusing = { ...NOBODY, takeReceived: () => assert.fail('taken') };
  const full = new Uint8Array(65_536).fill(1);
  const whole = lengthBody(2 * full.length, refusing);
  const all = whole.readAll();
  const cancelled = lengthBody(2 * full.length, refusing);
  cancelled.cancel();
  for (const body of [whole, cancelled, whole, cancelled]) body.feed(full, 0, full.length);
  assert.equal((await all).length, 2 * full.length);
  assert.equal(cancelled.memoryBytes, 0);
});

function lentBody(text: string): { body: RequestBody; overwrite: () => void } {
  const bytes = new Uint8Array(Buffer.from(`head ${text} and what follows`));
  const body = new RequestBody(NOBODY, Buffer.byteLength(text), null);
  assert.equal(body.lend(bytes, 5, bytes.length), 5 + Buffer.byteLength(text));
  assert.equal(body.complete, true);
  return { body, overwrite: () => bytes.fill(0x2e) };
}

test('text is read from lent bytes where they lie, once', async () => {
  const { body, overwrite } = lentBody('gr\u00fc\u00dfe');
  assert.equal(body.takeText(), 'gr\u00fc\u00dfe');
  body.keepLent();
  overwrite();
  assert.equal(body.memoryBytes, 0);
  assert.equal(await body.read(), undefined);
});

test('what nobody has taken of lent bytes outlives them', async () => {
  for (const read of ['takeText', 'takeBuffered', 'read', 'readAll'] as const) {
    const { body, overwrite } = lentBody('hello');
    body.keepLent();
    overwrite();
    assert.equal(body.memoryBytes, 5);
    const given = await body[read]();
    assert.equal(typeof given === 'string' ? given : Buffer.from(given!).toString(), 'hello');
    if (typeof given !== 'string') assert.equal(given!.buffer.byteLength, 5);
    assert.equal(await body.read(), undefined);
  }
});

test('what is taken of lent bytes is an array of its own', async () => {
  for (const read of ['takeBuffered', 'read', 'readAll'] as const) {
    const { body, overwrite } = lentBody('hello');
    const given = body[read]();
    body.keepLent();
    overwrite();
    const bytes = (await given)!;
    assert.equal(Buffer.from(bytes).toString(), 'hello');
    assert.equal(bytes.buffer.byteLength, 5);
    assert.equal(await body.read(), undefined);
  }
});

test('nothing is kept of lent bytes that the handler has cancelled', () => {
  const { body } = lentBody('hello');
  body.cancel();
  body.keepLent();
  assert.equal(body.memoryBytes, 0);
});

test('bytes of a body that is not whole, or chunked, are not lent', () => {
  const bytes = Buffer.from('5\r\nhello\r\n0\r\n\r\n');
  for (const body of [lengthBody(bytes.length + 1), chunkedBody()]) {
    assert.equal(body.lend(bytes, 0, bytes.length), -1);
    assert.equal(body.complete, false);
  }
});

test('the text of a body that came in pieces is that of all of them', () => {
  const text = 'na\u00efve '.repeat(5000);
  const bytes = Buffer.from(text);
  const body = lengthBody(bytes.length);
  for (let at = 0; at < bytes.length; at += 1001) {
    assert.equal(body.takeText(), undefined);
    body.feed(bytes, at, Math.min(at + 1001, bytes.length));
  }
  assert.equal(body.takeText(), text);
});

test('content in many frames comes as one piece, and waits in small blocks where it is small', async () => {
  const bytes = Uint8Array.from({ length: 40_018 }, (_, n) => n);
  const body = new RequestBody(NOBODY, -1, null);
  const piece = body.read();
  body.feedFramed(bytes, [9, 20_009, 20_018, 40_018]);
  assert.deepEqual(
    await piece,
    Uint8Array.of(...bytes.subarray(9, 20_009), ...bytes.subarray(20_018, 40_018)),
  );
  body.feedFramed(bytes, [0, 2, 5, 6]);
  assert.equal(body.memoryBytes < 1024, true);
  body.finish(undefined);
  assert.deepEqual(await body.readAll(), Uint8Array.of(0, 1, 5));
});
