/**
 * Peers that never get as far as HTTP on a port of TLS: half a handshake, plain text, records that are none, and a client's
 * hello that comes byte by byte, which is slow and right.
 */

import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { seconds } from '../slow/deadlines.ts';
import { Wire } from '../wire/wire.ts';
import { lookBefore, reportIfDeaf, reportIfHeld } from './aftermath.ts';
import type { Sighting, Slice, SliceContext } from './slice.ts';

const HANDSHAKE_RECORD = 0x16;
const ANSWER_MS = 4000;
const AFTER_MS = 5000;
const CLIENTS = 20;

export const tls: Slice = {
  name: 'tls',
  does: 'half handshakes, plain text on a port of TLS, records that are none, a hello byte by byte',
  version: 'h1',
  mustBeZero:
    'a handshake that is never ended; plain text answered as if it were safe; a slow handshake refused',
  async run(context) {
    if (!context.target.isSecure) return 'the target is not https';
    const before = await lookBefore(context);
    const hello = await clientHello(context.target.authority.replace(/:\d+$/, ''));
    await Promise.all([
      neverEnds(context, 'silent', 'A client that connects and begins no handshake', ''),
      neverEnds(context, 'half-hello', 'Half a hello, and then nothing', hello.slice(0, 40)),
      neverEnds(context, 'half-handshake', 'A hello, and then nothing', hello),
      plainText(context),
      garbage(context),
      byteByByte(context, hello),
    ]);
    await reportIfDeaf(context, 'handshakes that were not finished');
    await reportIfHeld(context, before, 'handshakes that were not finished');
    return undefined;
  },
};

const bare = ({ target }: SliceContext): Wire =>
  new Wire({ ...target, isSecure: false }, { onBytes: () => {} });

/** What Node's own client begins with. */
async function clientHello(servername: string): Promise<string> {
  return new Promise((resolve) => {
    const wire = new Duplex({
      read() {},
      write(bytes: Buffer, _encoding, done) {
        resolve(bytes.toString('latin1'));
        done();
      },
    });
    const client = connect({
      socket: wire,
      ...(/[a-z]/i.test(servername) ? { servername } : {}),
      ALPNProtocols: ['http/1.1'],
    });
    client.on('error', () => {});
    setTimeout(() => client.destroy(), 100);
  });
}

async function neverEnds(context: SliceContext, id: string, kind: string, bytes: string): Promise<void> {
  const promiseMs = context.promises.headerMs ?? 0;
  if (promiseMs === Number.POSITIVE_INFINITY) return;
  const patienceMs = promiseMs > 0 ? 2 * promiseMs + AFTER_MS : context.patienceMs;
  const wires = Array.from({ length: CLIENTS }, () => bare(context));
  await Promise.all(
    wires.map(async (wire) => {
      if (bytes !== '') wire.write(bytes);
      await wire.until(() => wire.isEnded || context.signal.aborted, patienceMs);
    }),
  );
  const held = wires.filter((wire) => !wire.isEnded);
  for (const wire of wires) wire.destroy();
  context.count(`${id}: ended`, CLIENTS - held.length);
  if (held.length > 0)
    await report(context, held[0]!, {
      ...{ id: `never-ended-${id}`, severity: promiseMs > 0 ? 'high' : 'low', rule: 'the header deadline' },
      title: `${kind}: not ended within ${seconds(patienceMs)}.`,
      meaning: 'Each such client holds a connection for as long as it likes.',
    });
}

async function plainText(context: SliceContext): Promise<void> {
  const wire = bare(context);
  wire.write(`GET ${context.target.paths.small} HTTP/1.1\r\nHost: ${context.target.authority}\r\n\r\n`);
  const isOver = await wire.until(() => wire.isEnded, ANSWER_MS);
  wire.destroy();
  context.count('plain text');
  if (/^HTTP\/1\.1 2/.test(wire.received))
    await report(context, wire, {
      ...{ id: 'plain-text-answered', severity: 'high', rule: 'RFC 9110 §4.2.2' },
      title: 'A request in plain text was answered with success on a port of TLS.',
      meaning: 'Clients that believe themselves safe can be read.',
    });
  else if (!isOver)
    await report(context, wire, {
      ...{ id: 'plain-text-held', severity: 'medium', rule: 'RFC 8446 §6.2' },
      title: 'Plain text on a port of TLS did not end the connection within four seconds.',
      meaning: 'What is no handshake is to be refused at once.',
    });
}

async function garbage(context: SliceContext): Promise<void> {
  for (let times = 0; times < CLIENTS; times++) {
    const bytes = new Uint8Array(context.random.between(5, 600));
    context.random.bytesInto(bytes, 0, bytes.length);
    // A record whose length is beyond what a record may have: it cannot be waited for.
    bytes.set([HANDSHAKE_RECORD, 3, 1, 0xff, 0xff]);
    const wire = bare(context);
    wire.write(bytes);
    const isOver = await wire.until(() => wire.isEnded || context.signal.aborted, ANSWER_MS);
    wire.destroy();
    context.count('records that are none');
    if (isOver) continue;
    await report(context, wire, {
      ...{ id: 'bad-record-held', severity: 'medium', rule: 'RFC 8446 §5.1' },
      title: 'A record of 65,535 bytes, which none may have, did not end the connection within four seconds.',
      meaning: 'What is no handshake is to be refused at once.',
    });
    return;
  }
}

async function byteByByte(context: SliceContext, hello: string): Promise<void> {
  const wire = bare(context);
  for (const byte of hello) {
    wire.write(byte);
    if (wire.isEnded) break;
    await sleep(0);
  }
  await wire.until(() => wire.receivedBytes > 0 || wire.isEnded, ANSWER_MS);
  const isAnswered = wire.received.charCodeAt(0) === HANDSHAKE_RECORD;
  wire.destroy();
  context.count('hellos byte by byte');
  if (!isAnswered)
    await report(context, wire, {
      ...{ id: 'slow-hello-refused', severity: 'high', rule: 'RFC 8446 §5.1' },
      title: 'A hello that came byte by byte was not answered by one of the server.',
      meaning: 'Clients behind networks that cut segments cannot connect.',
    });
}

async function report(context: SliceContext, wire: Wire, sighting: Sighting): Promise<void> {
  if (!context.signal.aborted) await context.report({ ...sighting, exchange: wire.events });
}
