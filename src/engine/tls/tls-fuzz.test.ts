/**
 * Damaged handshakes and records, into memory between guard pages. HOLDFAST_FUZZ_CASES says how many, from HOLDFAST_FUZZ_SEED on;
 * a failure names the seed that shows it again. The server's own randomness is OpenSSL's, and no seed's.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { SeededRandom } from '../../base/random.ts';
import type { Engine, EngineConnection, EngineHandler } from '../engine.ts';
import { CERTIFICATE, KEY } from '../node/tls-keys.fixture.ts';
import { CLIENT_FLIGHTS } from './client-flights.fixture.ts';
import { damagedPieces, recordOf, split } from './hello-damage.fixture.ts';
import { type MemoryConnection, MemoryEngine } from './memory-engine.fixture.ts';
import { OpenSslClient } from './openssl-client.fixture.ts';
import { probeTls } from './probe-tls.ts';
import { createTlsEngine } from './tls-engine.ts';
import { TICKET_KEY_BYTES } from './tls-options.ts';

const FIRST_SEED = Number(process.env['HOLDFAST_FUZZ_SEED'] ?? 1);
const ASKED = process.env['HOLDFAST_FUZZ_CASES'];
/** One in twenty has a client that is in order up to where its records are damaged. */
const CASES = ASKED === undefined ? 3000 : Number(ASKED);
const STANDING_CASES = Math.ceil(CASES / 20);

/** What the layer above hears. */
class Hearer implements EngineHandler {
  accepted = 0;
  closed = 0;
  text = '';

  onAccept(): void {
    this.accepted++;
  }

  onReceive(conn: EngineConnection, bytes: Uint8Array, start: number, end: number): void {
    this.text += Buffer.from(bytes.subarray(start, end)).toString('latin1');
    const at = conn.reserve(end - start);
    conn.out.set(bytes.subarray(start, end), at);
    conn.commit(end - start);
  }

  onDrained(): void {}

  onPeerEnd(conn: EngineConnection): void {
    conn.close('done');
  }

  onDeadline(): void {}

  onClosed(): void {
    this.closed++;
  }
}

/** Whole records of versions and lengths that are allowed: RFC 8446 §5.1, §5.2. */
function assertRecords(sent: readonly Buffer[]): void {
  const bytes = Buffer.concat(sent);
  // HTTP in the clear is answered in the clear.
  if (bytes[0] === 0x48) return;
  let at = 0;
  while (at < bytes.length) {
    assert.ok(at + 5 <= bytes.length, 'a record without its head');
    const type = bytes[at]!;
    // OpenSSL says in the client's version, whatever that is, that there is no such version.
    assert.ok(type === 21 || (type >= 20 && type <= 23 && bytes[at + 1] === 3), 'no record');
    const length = bytes.readUInt16BE(at + 3);
    assert.ok(length <= 16_384 + 256, 'a record that is too long');
    at += 5 + length;
  }
  assert.equal(at, bytes.length, 'a record that is cut off');
}

describe('damaged TLS', { skip: !probeTls().available }, () => {
  const hearer = new Hearer();
  let engine: Engine;
  let below: MemoryEngine;

  before(async () => {
    engine = await createTlsEngine(
      { handler: hearer },
      {
        certificates: [{ cert: CERTIFICATE, key: KEY, keyType: 'ec', names: ['localhost'] }],
        alpn: ['h2', 'http/1.1'],
        ticketKeys: [new Uint8Array(TICKET_KEY_BYTES).fill(7)],
        answerToPlainText: Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
      },
      (options) => (below = new MemoryEngine(options)),
    );
  });
  after(() => engine.close());

  async function run(name: string, cases: number, one: (random: SeededRandom) => void): Promise<void> {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + cases; seed++) {
      try {
        one(new SeededRandom(seed));
      } catch (error) {
        throw new Error(`${name}: HOLDFAST_FUZZ_SEED=${seed} HOLDFAST_FUZZ_CASES=1`, { cause: error });
      }
      // So that what the layer puts off comes, and the test runner is heard.
      if (seed % 500 === 0) await new Promise(setImmediate);
    }
    assert.equal(below.connectionCount, 0);
  }

  /** A client that is in order, after its handshake. */
  function standing(random: SeededRandom): [OpenSslClient, MemoryConnection] {
    const client = new OpenSslClient({ isTls12: random.chance(0.4) });
    const conn = below.accept();
    for (let round = 0; round < 4; round++) {
      const isComplete = client.shakeHands();
      const bytes = client.take();
      if (bytes.length > 0) below.receive(conn, bytes, true);
      client.feed(Buffer.concat(conn.sent.splice(0)));
      if (isComplete && bytes.length === 0) break;
    }
    return [client, conn];
  }

  it('handshakes that are not in order end, and nobody hears of them', async () => {
    const before = hearer.accepted;
    await run('handshakes', CASES, (random) => {
      const conn = below.accept();
      for (const piece of damagedPieces(random)) below.receive(conn, piece, random.chance(0.8));
      assertRecords(conn.sent);
      if (random.chance(0.5)) below.peerEnds(conn);
      below.drop(conn);
    });
    assert.equal(hearer.accepted, before);
    assert.equal(hearer.text, '');
  });

  it('records that are not in order end a connection, and nothing of them is heard', async () => {
    const before = hearer.accepted;
    let ended = 0;
    await run('records', STANDING_CASES, (random) => {
      const [client, conn] = standing(random);
      assert.ok(conn.isOpen);
      hearer.text = '';
      let said = '';
      for (let left = random.between(1, 6); left > 0; left--) {
        if (random.chance(0.3)) client.updateKeys(random.chance(0.5));
        const text = `${left} `.repeat(random.between(1, 2000));
        client.write(Buffer.from(text));
        let bytes = client.take();
        if (random.chance(0.4)) {
          bytes = Buffer.from(bytes);
          bytes[random.int(bytes.length)]! ^= 1 << random.int(8);
        } else said += text;
        if (random.chance(0.1)) bytes = Buffer.concat([recordOf(random), bytes]);
        for (const piece of split(bytes, random)) below.receive(conn, piece, random.chance(0.8));
      }
      assert.ok(said.startsWith(hearer.text), 'what was heard was not said');
      assertRecords(conn.sent);
      if (!conn.isOpen) ended++;
      below.drop(conn);
      client.free();
    });
    assert.equal(hearer.accepted - before, STANDING_CASES);
    if (STANDING_CASES > 20) assert.ok(ended > STANDING_CASES / 4, `only ${ended} were ended`);
  });

  it('canary: the same flights undamaged are answered', () => {
    for (const [name, pieces] of Object.entries(CLIENT_FLIGHTS)) {
      const conn = below.accept();
      below.receive(conn, pieces[0]!, true);
      const sent = Buffer.concat(conn.sent);
      // ServerHello, in a record of a handshake.
      assert.deepEqual([sent[0], sent[5]], [22, 2], name);
      below.drop(conn);
    }
  });
});
