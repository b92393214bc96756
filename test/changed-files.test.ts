/** Files that change while they are asked for again and again, on every engine: who asks afterwards gets what is there now. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { files, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';

/** In memory, and sent by the kernel from its own. */
const SIZES = { small: 3000, large: 200_000 };
/** What has been left alone for so long counts as settled, and is kept. */
const SETTLED_MS = 60;
/** A look at the disk, or the last news, hold for a millisecond. */
const LOOK_MS = 3;

for (const { engine, skip } of await enginesHere())
  describe(`files that change, on ${engine}`, { skip }, () => {
    let root: string;
    let server: Server;
    let client: RawClient;

    before(async () => {
      root = mkdtempSync(join(tmpdir(), 'holdfast-changed-'));
      server = await serve({ port: 0, engine, fetch: files(root), logger: quiet });
      client = await RawClient.open(server.port);
    });
    after(async () => {
      client.socket.destroy();
      await server.close({ force: true });
      rmSync(root, { recursive: true });
    });

    function put(path: string, letter: string, size: number): void {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), letter.repeat(size));
      // One that is being written is not kept.
      utimesSync(join(root, path), 1_500_000_000, 1_500_000_000);
    }

    /** @returns the status, and the letter that all of the content is made of */
    async function ask(path: string): Promise<string> {
      client.received = Buffer.alloc(0);
      client.write(`GET /${path} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n`);
      const { status, body } = await client.response();
      return status === 200 ? `200 ${body[0]} ${new Set(body).size}` : String(status);
    }

    async function settle(path: string, letter: string): Promise<void> {
      await sleep(SETTLED_MS);
      for (let i = 0; i < 5; i++) {
        assert.equal(await ask(path), `200 ${letter} 1`);
        await sleep(LOOK_MS);
      }
    }

    for (const [kind, size] of Object.entries(SIZES)) {
      it(`sends a ${kind} file as it is when it was overwritten, replaced, moved with its folder, and removed`, async () => {
        const path = `${kind}/in/file.bin`;
        put(path, 'a', size);
        await settle(path, 'a');
        put(path, 'b', size);
        await sleep(LOOK_MS);
        assert.equal(await ask(path), '200 b 1', 'overwritten');
        await settle(path, 'b');
        put('new', 'c', size);
        renameSync(join(root, 'new'), join(root, path));
        await sleep(LOOK_MS);
        assert.equal(await ask(path), '200 c 1', 'replaced');
        await settle(path, 'c');
        put(`${kind}-other/in/file.bin`, 'd', size);
        renameSync(join(root, kind), join(root, `${kind}-old`));
        renameSync(join(root, `${kind}-other`), join(root, kind));
        await sleep(LOOK_MS);
        assert.equal(await ask(path), '200 d 1', 'its parent folder replaced');
        await settle(path, 'd');
        rmSync(join(root, path));
        await sleep(LOOK_MS);
        assert.equal(await ask(path), '404', 'removed');
        put(path, 'e', size);
        await sleep(LOOK_MS);
        assert.equal(await ask(path), '200 e 1', 'there again');
      });
    }
  });
