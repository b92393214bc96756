/** HTTP/2 by curl, and gRPC by grpcurl, where they are installed: clients that are not Node's. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { GrpcService } from './grpc-handler.ts';
import { quiet } from './quiet-logger.ts';

const run = promisify(execFile);
const MIB = 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'holdfast-curl-'));
after(() => rmSync(folder, { recursive: true }));
const content = join(folder, 'content');
writeFileSync(content, Buffer.alloc(3 * MIB, 'holdfast'));
writeFileSync(
  join(folder, 'echo.proto'),
  `syntax = "proto3";
package test;
message Text { string text = 1; }
service Echo { rpc Unary(Text) returns (Text); rpc Chat(stream Text) returns (stream Text); rpc Nothing(Text) returns (Text); }
`,
);

/** @returns why it cannot be used, or false */
async function missing(program: string, flag: string, sign: RegExp): Promise<string | false> {
  const { stdout, stderr } = await run(program, [flag]).catch(() => ({ stdout: '', stderr: '' }));
  return sign.test(stdout + stderr) ? false : `${program} is not installed, or too old`;
}
const noCurl = await missing('curl', '--version', /nghttp2/);
const noGrpcurl = await missing('grpcurl', '--version', /grpcurl/);

for (const { engine, skip } of await enginesHere()) {
  describe(`curl and grpcurl (${engine})`, { skip, timeout: 60_000 }, () => {
    let server: Server;
    const service = new GrpcService();

    before(async () => {
      server = await serve({
        port: 0,
        engine,
        logger: quiet,
        fetch: async (request, context) => {
          const { pathname } = new URL(request.url);
          if (pathname.startsWith('/test.')) return service.fetch(request, context);
          if (pathname === '/echo') return new Response(await request.arrayBuffer());
          return new Response(`fine ${pathname}\n`, { headers: { 'x-engine': engine } });
        },
      });
    });
    after(() => server.close(true));

    const curl = async (...args: string[]): Promise<string> =>
      (await run('curl', ['-sS', '--http2-prior-knowledge', ...args], { timeout: 20_000 })).stdout;

    it('curl: an answer with its fields', { skip: noCurl }, async () => {
      const text = await curl('-i', `${server.url}/some/path`);
      assert.match(text, /^HTTP\/2 200 \r\n/);
      assert.match(text, new RegExp(`^x-engine: ${engine}\\r\\n`, 'm'));
      assert.ok(text.endsWith('\r\n\r\nfine /some/path\n'));
    });

    it('curl: content both ways, told the length or not', { skip: noCurl }, async () => {
      for (const args of [
        ['--data-binary', `@${content}`],
        ['-T', content, '-X', 'POST'],
        ['-T', '.', '-X', 'POST', '-H', 'expect: 100-continue'],
      ]) {
        const back = join(folder, `back-${engine}`);
        const isPiped = args[1] === '.';
        const command = isPiped ? `cat ${content} | curl` : 'curl';
        const all = ['-sS', '--http2-prior-knowledge', ...args, '-o', back, `${server.url}/echo`];
        if (isPiped) await run('sh', ['-c', `${command} "$@"`, 'sh', ...all], { timeout: 20_000 });
        else await run('curl', all, { timeout: 20_000 });
        assert.ok(readFileSync(back).equals(readFileSync(content)), args.join(' '));
      }
    });

    // With prior knowledge curl 7.88 fails at its second request of a connection, whatever the server.
    it('curl: fifty requests, at once and one by one', { skip: noCurl }, async () => {
      for (const args of [[], ['--parallel']]) {
        const { accepted } = (await server.stats()).engine;
        const all = ['-sS', '--http2', ...args, `${server.url}/n/[1-50]`];
        const { stdout } = await run('curl', all, { timeout: 20_000 });
        assert.equal(new Set(stdout.match(/fine \/n\/\d+\n/g)).size, 50);
        if (args.length === 0) assert.equal((await server.stats()).engine.accepted - accepted, 1);
      }
    });

    it('curl: HTTP/1.1 goes over to HTTP/2 when it is asked', { skip: noCurl }, async () => {
      const { stdout } = await run('curl', ['-sS', '-i', '--http2', `${server.url}/up`]);
      assert.match(
        stdout,
        /^HTTP\/1\.1 101 Switching Protocols\r\n[\s\S]*HTTP\/2 200 \r\n[\s\S]*fine \/up\n/,
      );
    });

    it('grpcurl: calls, streams and a status', { skip: noGrpcurl }, async () => {
      const call = (message: string, method: string): Promise<{ stdout: string }> => {
        const args = ['-plaintext', '-import-path', folder, '-proto', 'echo.proto', '-d', message];
        return run('grpcurl', [...args, `127.0.0.1:${server.port}`, `test.Echo/${method}`], {
          timeout: 20_000,
        });
      };
      assert.deepEqual(JSON.parse((await call('{"text":"hello"}', 'Unary')).stdout), { text: 'hello' });
      const { stdout } = await call('{"text":"a"} {"text":"b"}', 'Chat');
      assert.match(stdout, /"text": "a"[\s\S]*"text": "b"/);
      await assert.rejects(call('{}', 'Nothing'), /Code: Unimplemented[\s\S]*no method Nothing/);
    });
  });
}
