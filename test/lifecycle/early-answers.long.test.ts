/**
 * Answers given before the body of the request has been read: the client that is still sending gets them
 * whole. A server that simply closes would have its kernel reset the connection for the bytes that nobody
 * read, and the reset destroys the answer on its way (RFC 9112 §9.6).
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { EngineName } from '#src/index.ts';
import { enginesHere } from '../engines.ts';
import { inParallel, report, scaled } from './figures.ts';
import { REFUSAL } from './subject-app.ts';
import { Subject } from './subject-process.ts';

const UPLOAD_BYTES = 10 * 1024 * 1024;
const PIECE = Buffer.alloc(64 * 1024, 0x61);
const TIMES = scaled(50, 3);

interface Case {
  readonly name: string;
  readonly head: string;
  readonly chunked?: boolean;
  /** Reads nothing until the whole body is written, as a simple client does. */
  readonly writesFirst: boolean;
  /** Waits this long in the middle of the body, longer than the answer takes. */
  readonly pauseMs?: number;
  readonly status: string;
  readonly body: RegExp;
}

const refused = new RegExp(`${REFUSAL.replaceAll('.', '\\.')}$`);
const head = (path: string, framing: string): string =>
  `POST ${path} HTTP/1.1\r\nHost: early\r\n${framing}\r\n\r\n`;
const LENGTH = `Content-Length: ${UPLOAD_BYTES}`;
const CASES: readonly Case[] = [
  {
    name: '401 by the handler',
    head: head('/refuse?status=401', LENGTH),
    writesFirst: false,
    status: '401',
    body: refused,
  },
  {
    name: '401 by the handler, read when all is written',
    head: head('/refuse?status=401', LENGTH),
    writesFirst: true,
    status: '401',
    body: refused,
  },
  {
    name: '401 to a chunked upload',
    head: head('/refuse?status=401', 'Transfer-Encoding: chunked'),
    chunked: true,
    writesFirst: true,
    status: '401',
    body: refused,
  },
  {
    name: '401 to an upload that pauses',
    head: head('/refuse?status=401', LENGTH),
    writesFirst: true,
    pauseMs: 300,
    status: '401',
    body: refused,
  },
  {
    name: '413 by the limit',
    head: head('/read', `Content-Length: ${UPLOAD_BYTES}`),
    writesFirst: false,
    status: '413',
    body: /\n$/,
  },
  {
    name: '413 by the limit, read when all is written',
    head: head('/read', LENGTH),
    writesFirst: true,
    status: '413',
    body: /\n$/,
  },
  {
    name: '413 to a chunked upload that is found too long',
    head: head('/read', 'Transfer-Encoding: chunked'),
    chunked: true,
    writesFirst: true,
    status: '413',
    body: /\n$/,
  },
  {
    name: '413 to an upload that pauses',
    head: head('/read', LENGTH),
    writesFirst: true,
    pauseMs: 300,
    status: '413',
    body: /\n$/,
  },
];

/** @returns what was received, and the error if there was one before the end of it */
async function upload(port: number, plan: Case): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let text = '';
  let isOver = false;
  const over = new Promise<void>((resolve) => {
    const end = (): void => {
      isOver = true;
      resolve();
    };
    socket.on('end', end);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // Writing on after the answer and its FIN may fail; what was answered must have come before.
      if (!/^(EPIPE|ECONNRESET)$/.test(error.code ?? '') || text === '') text += ` ${error.code}`;
      end();
    });
    socket.on('close', end);
  });
  if (plan.writesFirst) socket.pause();
  socket.on('data', (data: Buffer) => (text += data.toString('latin1')));
  if (plan.writesFirst) socket.pause();
  socket.write(plan.head);
  for (let sent = 0; sent < UPLOAD_BYTES && !isOver; sent += PIECE.length) {
    if (plan.pauseMs !== undefined && sent === UPLOAD_BYTES / 2)
      await new Promise((r) => setTimeout(r, plan.pauseMs));
    if (plan.chunked === true) socket.write(`${PIECE.length.toString(16)}\r\n`);
    const isTaken = socket.write(PIECE);
    if (plan.chunked === true) socket.write('\r\n');
    if (!isTaken) await drained(socket, over);
  }
  if (plan.chunked === true && !isOver) socket.write('0\r\n\r\n');
  socket.resume();
  const late = setTimeout(() => socket.destroy(new Error('no end within 5 s')), 5000);
  await over;
  clearTimeout(late);
  socket.destroy();
  return text;
}

const drained = (socket: Socket, over: Promise<void>): Promise<unknown> =>
  Promise.race([new Promise((resolve) => socket.once('drain', resolve)), over]);

async function run(t: TestContext, engine: EngineName): Promise<void> {
  const strict = await Subject.start(t, { engine, limits: { bodyBytes: '1m' } });
  const lenient = await Subject.start(t, { engine });
  const before = [await strict.resources(), await lenient.resources()];
  let whole = 0;
  for (const plan of CASES)
    await t.test(plan.name, async () => {
      // The handler is only asked where the limit on bodies has no objection.
      const { port } = plan.status === '413' ? strict : lenient;
      await inParallel(TIMES, 2, async () => {
        const text = await upload(port, plan);
        assert.match(text, new RegExp(`^HTTP/1\\.1 ${plan.status} `));
        assert.match(text, plan.body);
        const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(text)?.[1]);
        assert.equal(text.length - text.indexOf('\r\n\r\n') - 4, length, 'the answer is whole');
        whole++;
      });
    });
  report(t, 'answers before the body', engine, {
    uploads: CASES.length * TIMES,
    mib: 10,
    answeredWhole: whole,
  });
  await strict.assertNothingLeft(before[0]!.descriptors);
  await lenient.assertNothingLeft(before[1]!.descriptors);
}

for (const { engine, skip } of await enginesHere())
  test(`an answer before the end of a 10 MiB upload arrives whole (${engine})`, { skip }, (t) =>
    run(t, engine),
  );
