/** Files that are not in memory: read into it off the loop, whole and in order, and given back once however the connection ends. */
import assert from 'node:assert/strict';
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { POSIX_FADV_DONTNEED } from '../../sys/abi/file.ts';
import { ERRNO } from '../../sys/errno.ts';
import { adviseFile, readCachedByte } from '../../sys/page-cache.ts';
import { type CreateEngine, onStage, until, type Watched } from '../contract/harness.contract.ts';
import type { EngineHandler, EngineOptions } from '../engine.ts';
import type { EpollConnection } from '../epoll/connection.ts';
import { createEpollEngine } from '../epoll/create.ts';
import type { IouringConnection } from '../iouring/connection.ts';
import { createIouringEngine } from '../iouring/create.ts';

const FILE_BYTES = 5 * 1024 * 1024 + 12_345;
const engines: Record<string, CreateEngine> = {
  iouring: (options) => createIouringEngine(options as EngineOptions<IouringConnection>),
  epoll: (options) => createEpollEngine(options as EngineOptions<EpollConnection>),
};
const capabilities = {
  acceptPauses: true,
  reusePort: true,
  abstractNames: true,
  module: { url: '', createEngine: '' },
};

/** @returns why that engine, or a cold file, is not to be had */
async function refusal(create: CreateEngine): Promise<string | undefined> {
  try {
    const engine = await create({ handler: {} as EngineHandler });
    await engine.close();
    return undefined;
  } catch (error) {
    return String(error);
  }
}

class ColdFile {
  readonly fd: number;
  readonly content = Buffer.alloc(FILE_BYTES);
  readonly #folder = mkdtempSync(join(tmpdir(), 'holdfast-cold-'));
  released = 0;

  constructor() {
    for (let at = 0; at + 4 <= FILE_BYTES; at += 4) this.content.writeUInt32LE((at * 2654435761) >>> 0, at);
    this.fd = openSync(join(this.#folder, 'file'), 'w+');
    writeSync(this.fd, this.content);
    fsyncSync(this.fd);
  }

  /** @returns whether nothing of it is in memory now */
  drop(): boolean {
    adviseFile(this.fd, 0, 0, POSIX_FADV_DONTNEED);
    return readCachedByte(this.fd, FILE_BYTES - 1) === -ERRNO.EAGAIN;
  }

  commitTo({ conn }: Watched, offset: number): void {
    const onReleased = (): void => void this.released++;
    conn.commitFile({ fd: this.fd, offset, length: FILE_BYTES - offset, onReleased });
  }

  close(): void {
    closeSync(this.fd);
    rmSync(this.#folder, { recursive: true });
  }
}

for (const [name, create] of Object.entries(engines)) {
  test(`${name}: a file that is not in memory comes whole, to one and to many`, async (t) => {
    const why = await refusal(create);
    if (why !== undefined) return t.skip(why);
    const file = new ColdFile();
    try {
      if (!file.drop()) return t.skip('the temporary folder is in memory');
      for (const count of [1, 50]) {
        file.drop();
        file.released = 0;
        await onStage({ create, capabilities }, {}, async ({ connect, accepted }) => {
          const clients = [];
          for (let i = 0; i < count; i++) clients.push(await connect());
          const its = await accepted(count);
          for (const it of its) file.commitTo(it, 777);
          for (const client of clients) {
            await client.received(FILE_BYTES - 777);
            assert.ok(Buffer.concat(client.chunks).equals(file.content.subarray(777)));
          }
          await until(() => file.released === count, 'released');
        });
        assert.equal(readCachedByte(file.fd, FILE_BYTES - 1), 1);
      }
    } finally {
      file.close();
    }
  });

  test(`${name}: connections that end while the disk is read give it back`, async (t) => {
    const why = await refusal(create);
    if (why !== undefined) return t.skip(why);
    const file = new ColdFile();
    try {
      if (!file.drop()) return t.skip('the temporary folder is in memory');
      await onStage({ create, capabilities }, {}, async ({ connect, accepted, engine }) => {
        const clients = [];
        for (let i = 0; i < 90; i++) clients.push(await connect());
        const its = await accepted(90);
        for (const it of its) file.commitTo(it, 0);
        for (const it of its.slice(0, 30)) it.conn.reset('enough');
        // In a later turn, when reads are under way.
        setImmediate(() => {
          for (const it of its.slice(30, 60)) it.conn.reset('enough');
        });
        await until(() => its.slice(0, 60).every(({ closed }) => closed === 'enough'), 'the ends');
        await engine.close();
      });
      await until(
        () => file.released === 90,
        () => `90 released, not ${file.released}`,
      );
    } finally {
      file.close();
    }
  });
}
