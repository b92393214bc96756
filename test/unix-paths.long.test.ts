/** The path of a unix socket: left behind by a killed server, in use, somebody else's. On every engine, and with workers. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { get } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ServeOptions, type Server, serve } from '#src/index.ts';
import { MAIN } from './cli-run.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';

/** The body of an answer, or the error's code. How it is framed is for the release of Node to say. */
function ask(path: string): Promise<string> {
  return new Promise((resolve) => {
    const request = get({ socketPath: path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.on('end', () => resolve(text));
    });
    request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });
}

for (const { engine, skip } of await enginesHere())
  for (const workers of [0, 2])
    describe(`unix sockets (${engine}, ${workers} workers)`, {
      skip: skip || (workers > 0 && process.platform !== 'linux' ? 'workers are for Linux' : false),
    }, () => {
      let folder: string;
      let path: string;
      let module: string;
      before(() => {
        folder = mkdtempSync(join(tmpdir(), 'hf-'));
        path = join(folder, 'a.sock');
        module = join(folder, 'app.mjs');
        writeFileSync(module, "export default () => new Response('ok');\n");
      });
      const opened: Server[] = [];
      // Also those of a test that failed, which would keep the file's process.
      after(async () => {
        for (const server of opened) await server.close(true);
        rmSync(folder, { recursive: true, force: true });
      });

      const open = async (options: ServeOptions = {}): Promise<Server> => {
        const server = await serve({ unix: path, module, workers, engine, logger: quiet, ...options });
        opened.push(server);
        return server;
      };

      it('a path that a killed server has left is replaced, and gone after the close', async (t) => {
        const victim = spawn(
          process.execPath,
          [
            MAIN,
            'serve',
            '-w',
            String(Math.max(1, workers)),
            '--engine',
            engine,
            '-l',
            `unix:${path}`,
            module,
          ],
          { stdio: ['ignore', 'pipe', 'inherit'] },
        );
        t.after(() => victim.kill('SIGKILL'));
        await once(victim.stdout, 'data');
        assert.equal(await ask(path), 'ok');
        victim.kill('SIGKILL');
        await once(victim, 'exit');
        assert.equal(existsSync(path), true);
        const server = await open();
        assert.equal(server.url, `unix:${path}`);
        assert.equal(await ask(path), 'ok');
        await server.close();
        assert.deepEqual(readdirSync(folder), ['app.mjs']);
      });

      it('what is in use, and what is no socket, is left alone and named', async () => {
        const server = await open();
        await assert.rejects(
          open(),
          /^ListenError: the unix socket .*a\.sock is in use: another server listens there \(EADDRINUSE\)/,
        );
        assert.equal(await ask(path), 'ok', 'the first serves on');
        await server.close();
        writeFileSync(path, 'dear');
        await assert.rejects(
          open(),
          /a\.sock is in use: a file is there and no socket; it is not replaced \(EADDRINUSE\)/,
        );
        rmSync(path);
        symlinkSync('elsewhere', path);
        await assert.rejects(open(), /a symbolic link is there and no socket/);
        rmSync(path);
        assert.deepEqual(readdirSync(folder), ['app.mjs'], 'nothing is left of those that failed');
      });

      it('a server that does not accept is not taken for a dead one', async () => {
        const held: Socket[] = [];
        const busy = createServer({ pauseOnConnect: true }, (socket) => held.push(socket)).listen(path);
        await once(busy, 'listening');
        await assert.rejects(open(), /another server listens there/);
        busy.close();
        for (const socket of held) socket.destroy();
        await once(busy, 'close');
      });

      it('only its own path is removed at the close', async () => {
        const server = await open();
        renameSync(path, join(folder, 'moved.sock'));
        const other = await open();
        await server.close();
        assert.equal(await ask(path), 'ok', 'the path of the other server is still there');
        await other.close();
        rmSync(join(folder, 'moved.sock'));
        assert.deepEqual(readdirSync(folder), ['app.mjs']);
      });

      it('two that start at once on a stale path: one serves, the other is told', async () => {
        const dead = spawn(process.execPath, [
          '-e',
          `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`,
        ]);
        await once(dead, 'exit');
        const starts = await Promise.allSettled([open(), open(), open()]);
        const servers = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
        assert.equal(servers.length, 1);
        assert.equal(await ask(path), 'ok');
        await servers[0]!.close();
        assert.deepEqual(readdirSync(folder), ['app.mjs']);
      });

      it('a folder in which nothing may be made is told as the system tells it', {
        skip: process.getuid?.() === 0 ? 'root may' : false,
      }, async () => {
        const closed = join(folder, 'closed');
        writeFileSync(closed, '');
        chmodSync(closed, 0o500);
        await assert.rejects(open({ unix: join(closed, 'a.sock') }), { code: /EACCES|ENOTDIR/ });
        rmSync(closed);
      });
    });
