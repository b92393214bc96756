/**
 * What a handler learns of its client: `request.signal` and the stream's `cancel` exactly once when the
 * client goes before the last byte was handed over, never otherwise; and then everything is released.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { SeededRandom } from '#src/base/random.ts';
import type { EngineName } from '#src/index.ts';
import { enginesHere } from '../engines.ts';
import { RawClient } from '../raw-client.ts';
import { becomes, inParallel, report, SEED, scaled, sleep } from './figures.ts';
import type { LedgerEntry } from './subject-app.ts';
import { Subject } from './subject-process.ts';

const STREAM_COUNT = scaled(1000, 150);
const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: gone\r\n\r\n`;

const GONE = { started: 1, aborted: 1, cancelled: 1, finished: 0, completed: 'rejected', bodyError: '' };
const SERVED = { started: 1, aborted: 0, cancelled: 0, finished: 1, completed: 'resolved', bodyError: '' };

let folder = '';
let file = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-life-'));
  file = join(folder, 'large.bin');
  writeFileSync(file, Buffer.alloc(20 * 1024 * 1024, 0x61));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A third reads to the end, a third goes by RST within the stream, a third by FIN and destroy. */
async function streams(t: TestContext, engine: EngineName): Promise<void> {
  const subject = await Subject.start(t, { engine });
  const { descriptors } = await subject.resources();
  const random = new SeededRandom(SEED);
  const expected: Record<string, LedgerEntry> = {};
  await inParallel(STREAM_COUNT, 30, async (i) => {
    const id = String(i);
    const client = await RawClient.open(subject.port);
    const waitMs = random.int(30);
    if (i % 3 === 0) {
      expected[id] = SERVED;
      client.write(get(`/watched?id=${id}&pieces=5&gapMs=3`));
      await client.until((c) => c.received.includes('\r\n0\r\n\r\n'), 'the last chunk');
      client.destroy();
      return;
    }
    expected[id] = GONE;
    client.write(get(`/watched?id=${id}&pieces=100000&gapMs=5`));
    await client.until((c) => c.received.length > 0, 'the head');
    await sleep(waitMs);
    if (i % 3 === 1) client.reset();
    else client.destroy();
  });
  await subject.assertNothingLeft(descriptors);
  const { ledger, held } = await subject.ledger();
  report(t, 'signal and cancel', engine, {
    streams: STREAM_COUNT,
    exactlyOnce: Object.keys(expected).filter((id) => ledger[id]?.aborted === 1 && ledger[id].cancelled === 1)
      .length,
    never: Object.keys(expected).filter((id) => ledger[id]?.aborted === 0 && ledger[id].cancelled === 0)
      .length,
    producersLeft: held.producers,
  });
  assert.deepEqual(ledger, expected);
  assert.equal(held.producers, 0);
}

for (const { engine, skip } of await enginesHere()) {
  test(
    `signal and cancel come exactly once to ${STREAM_COUNT} streams, and only when the client has gone (${engine})`,
    { skip },
    (t) => streams(t, engine),
  );

  test(`what a handler holds is released when its client goes (${engine})`, { skip }, async (t) => {
    const subject = await Subject.start(t, { engine });
    const entryOf = async (id: string): Promise<LedgerEntry | undefined> =>
      (await subject.ledger()).ledger[id];
    const isAborted = (id: string) => becomes(async () => (await entryOf(id))?.aborted === 1, 10_000);

    await t.test('a handler that waits', async () => {
      const client = await RawClient.open(subject.port);
      client.write(get('/never?id=waiting'));
      await becomes(async () => (await entryOf('waiting')) !== undefined, 1000);
      client.reset();
      assert.ok(await isAborted('waiting'), 'the signal has not come');
      assert.equal((await entryOf('waiting'))?.completed, 'rejected');
    });

    // Nothing is read then and nothing written.
    await t.test('a handler that waits while a second request is kept back', async () => {
      const client = await RawClient.open(subject.port);
      client.write(get('/never?id=pipelined'));
      await becomes(async () => (await entryOf('pipelined')) !== undefined, 1000);
      client.write(get('/'));
      await sleep(30);
      client.reset();
      assert.ok(await isAborted('pipelined'), 'the signal has not come');
    });

    await t.test('a handler that reads a body', async () => {
      const client = await RawClient.open(subject.port);
      client.write('POST /unread?id=body HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nab');
      await becomes(async () => (await entryOf('body')) !== undefined, 1000);
      client.reset();
      assert.ok(await isAborted('body'), 'the signal has not come');
      assert.equal((await entryOf('body'))?.bodyError, 'AbortError');
    });

    await t.test('a body of which more has come than is kept, and nobody reads', async () => {
      const client = await RawClient.open(subject.port);
      client.write('POST /never?id=full HTTP/1.1\r\nHost: a\r\nContent-Length: 9000000\r\n\r\n');
      client.write(Buffer.alloc(1_000_000, 0x61));
      await becomes(async () => (await entryOf('full')) !== undefined, 1000);
      await sleep(100);
      client.reset();
      assert.ok(await isAborted('full'), 'the signal has not come');
    });

    await t.test('files', async () => {
      const { descriptors } = await subject.resources();
      const clients = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(subject.port)));
      for (const client of clients) {
        client.socket.pause();
        client.write(get(`/file?path=${encodeURIComponent(file)}`));
      }
      assert.ok(await becomes(async () => (await subject.ledger()).held.files === 20, 2000));
      await sleep(50);
      for (const client of clients) client.reset();
      assert.ok(
        await becomes(async () => (await subject.ledger()).held.files === 0, 2000),
        'files are left open',
      );
      await becomes(async () => (await subject.resources()).descriptors <= descriptors, 2000);
      assert.ok((await subject.resources()).descriptors <= descriptors);
    });

    await t.test(
      'a client that has only finished sending is answered, though the signal comes at once',
      async () => {
        const client = await RawClient.open(subject.port);
        client.write(get('/watched?id=half&pieces=20&gapMs=5'));
        client.socket.end();
        await client.until((c) => c.ended, 'the end');
        assert.ok(client.text.endsWith('\r\n0\r\n\r\n'));
        await becomes(async () => (await entryOf('half'))?.completed !== '', 1000);
        assert.deepEqual(await entryOf('half'), { ...SERVED, aborted: 1 });
      },
    );
  });
}
