/**
 * Damage to what TLS clients send, drawn from a seed: single bits and bytes, lengths, records cut and joined in other ways,
 * and ClientHellos whose outer lengths are right, so that what is wrong lies deeper (RFC 8446 §4.1.2, §5.1).
 */
import type { SeededRandom } from '../../base/random.ts';
import { CLIENT_FLIGHTS } from './client-flights.fixture.ts';

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
/** Where the body of a ClientHello begins in its record, and what comes before the session's name in it. */
const BODY_AT = 9;
const RANDOM_END = 34;
const TELLING_BYTES = [0, 1, 2, 3, 20, 21, 22, 23, 24, 0x7f, 0x80, 0xfe, 0xff];
const FLIGHTS = Object.values(CLIENT_FLIGHTS);

type Damage = (bytes: Buffer, random: SeededRandom) => Buffer;

const DAMAGES: readonly Damage[] = [
  (bytes, random) => {
    bytes[random.int(bytes.length)]! ^= 1 << random.int(8);
    return bytes;
  },
  (bytes, random) => {
    bytes[random.int(bytes.length)] = TELLING_BYTES[random.int(TELLING_BYTES.length)]!;
    return bytes;
  },
  (bytes, random) => {
    if (bytes.length < 2) return bytes;
    const at = random.int(bytes.length - 1);
    bytes.writeUInt16BE((bytes.readUInt16BE(at) + random.between(-3, 3)) & 0xffff, at);
    return bytes;
  },
  (bytes, random) => bytes.subarray(0, random.between(1, bytes.length)),
  (bytes, random) => Buffer.concat([bytes, noise(random)]),
  (bytes, random) => {
    const at = random.int(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.between(1, 40))]);
  },
  (bytes, random) => {
    const at = random.int(bytes.length);
    const piece = bytes.subarray(at, at + random.between(1, 200));
    return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
  },
  (bytes, random) => {
    const other = pieceOf(random);
    const at = random.int(other.length);
    const piece = other.subarray(at, at + random.between(1, 100));
    const to = random.int(bytes.length);
    return Buffer.concat([bytes.subarray(0, to), piece, bytes.subarray(to + piece.length)]);
  },
  cutIntoRecords,
  (bytes, random) => Buffer.concat([recordOf(random), bytes]),
  damagedHello,
  damagedHello,
  damagedHello,
  damagedHello,
];

/** A piece of a flight, and often what a server would get behind it. */
export function damagedPieces(random: SeededRandom): Buffer[] {
  const flight = FLIGHTS[random.int(FLIGHTS.length)]!;
  const pieces: Buffer[] = flight.map((piece) => Buffer.from(piece));
  if (random.chance(0.2)) pieces.splice(random.int(pieces.length), 1);
  const which = random.chance(0.7) ? 0 : random.int(pieces.length);
  for (let left = random.between(1, 4); left > 0; left--) {
    const damage = DAMAGES[random.int(DAMAGES.length)]!;
    const damaged = damage(pieces[which]!, random);
    if (damaged.length > 0) pieces[which] = damaged;
  }
  return pieces.flatMap((piece) => split(piece, random));
}

/** One or several pieces, as packets may cut them. */
export function split(bytes: Buffer, random: SeededRandom): Buffer[] {
  if (random.chance(0.6)) return [bytes];
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = random.chance(0.5) ? random.between(1, 8) : random.between(1, 300);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}

function noise(random: SeededRandom): Buffer {
  return Buffer.from(Array.from({ length: random.between(1, 60) }, () => random.int(256)));
}

function pieceOf(random: SeededRandom): Buffer {
  const flight = FLIGHTS[random.int(FLIGHTS.length)]!;
  return flight[random.int(flight.length)]!;
}

/** A record of any type: alerts, changes of cipher, heartbeats, and empty ones among them. */
export function recordOf(random: SeededRandom): Buffer {
  const content = random.chance(0.2) ? Buffer.alloc(0) : random.chance(0.5) ? Buffer.of(1) : noise(random);
  const head = Buffer.of(random.between(19, 25), 3, random.int(5), 0, 0);
  head.writeUInt16BE(content.length, 3);
  return Buffer.concat([head, content]);
}

/** The same handshake in records of other sizes. */
function cutIntoRecords(bytes: Buffer, random: SeededRandom): Buffer {
  if (bytes[0] !== HANDSHAKE_RECORD || bytes.length < BODY_AT) return bytes;
  const length = Math.min(bytes.readUInt16BE(3), bytes.length - 5);
  const out: Buffer[] = [];
  for (let at = 0; at < length; ) {
    const size = Math.min(random.between(random.chance(0.05) ? 0 : 1, 100), length - at);
    const head = Buffer.of(HANDSHAKE_RECORD, 3, 1, 0, size);
    out.push(head, bytes.subarray(5 + at, 5 + at + size));
    at += size;
    if (random.chance(0.02)) out.push(recordOf(random));
  }
  return Buffer.concat([...out, bytes.subarray(5 + length)]);
}

/** Extensions moved, doubled, left out, cut, stretched and swapped, within lengths that are right. */
function damagedHello(bytes: Buffer, random: SeededRandom): Buffer {
  const hello = readHello(bytes);
  if (hello === undefined) return bytes;
  const { extensions } = hello;
  for (let left = random.between(1, 4); left > 0 && extensions.length > 0; left--) {
    const at = random.int(extensions.length);
    const one = extensions[at]!;
    switch (random.int(8)) {
      case 0:
        extensions.splice(at, 1);
        break;
      case 1:
        extensions.splice(random.int(extensions.length + 1), 0, one);
        break;
      case 2:
        extensions.push(extensions.splice(at, 1)[0]!);
        break;
      case 3:
        one.content = one.content.subarray(0, random.int(one.content.length + 1));
        break;
      case 4:
        one.content = Buffer.concat([one.content, noise(random)]);
        break;
      case 5:
        one.type = random.chance(0.7) ? random.int(60) : random.int(65_536);
        break;
      case 6:
        if (one.content.length > 0)
          one.content[random.int(one.content.length)] = TELLING_BYTES[random.int(TELLING_BYTES.length)]!;
        break;
      default:
        if (one.content.length > 0) one.content[random.int(one.content.length)]! ^= 1 << random.int(8);
    }
  }
  if (random.chance(0.1)) hello.front[random.int(hello.front.length)]! ^= 1 << random.int(8);
  return writeHello(hello);
}

interface Hello {
  /** Version, random, session, ciphers, compression: up to the length of the extensions. */
  readonly front: Buffer;
  readonly extensions: { type: number; content: Buffer }[];
  readonly rest: Buffer;
}

function readHello(bytes: Buffer): Hello | undefined {
  if (bytes[0] !== HANDSHAKE_RECORD || bytes[5] !== CLIENT_HELLO) return undefined;
  const end = 5 + bytes.readUInt16BE(3);
  try {
    let at = BODY_AT + RANDOM_END;
    at += 1 + bytes.readUInt8(at);
    at += 2 + bytes.readUInt16BE(at);
    at += 1 + bytes.readUInt8(at);
    const front = Buffer.from(bytes.subarray(BODY_AT, at));
    at += 2;
    const extensions: Hello['extensions'] = [];
    while (at + 4 <= end && end <= bytes.length) {
      const size = bytes.readUInt16BE(at + 2);
      extensions.push({
        type: bytes.readUInt16BE(at),
        content: Buffer.from(bytes.subarray(at + 4, at + 4 + size)),
      });
      at += 4 + size;
    }
    return { front, extensions, rest: bytes.subarray(end) };
  } catch {
    // Cut off by damage before.
    return undefined;
  }
}

function writeHello({ front, extensions, rest }: Hello): Buffer {
  const list = Buffer.concat(
    extensions.map(({ type, content }) => {
      const head = Buffer.alloc(4);
      head.writeUInt16BE(type);
      head.writeUInt16BE(content.length, 2);
      return Buffer.concat([head, content]);
    }),
  );
  const body = Buffer.concat([front, Buffer.of(list.length >> 8, list.length & 255), list]);
  const record = Buffer.of(
    HANDSHAKE_RECORD,
    3,
    1,
    0,
    0,
    CLIENT_HELLO,
    0,
    body.length >> 8,
    body.length & 255,
  );
  record.writeUInt16BE((body.length + 4) & 0xffff, 3);
  return Buffer.concat([record, body, rest]);
}
