/** `holdfast load` against servers that answer before an upload is through, and close: on every engine, over real sockets. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { run } from './cli-run.ts';

const UPLOAD_BYTES = 2_000_000;
const REFUSAL = 'HTTP/1.1 413 Content Too Large\r\nConnection: close\r\n';
/** By what the answer ends. */
const ANSWERS = {
  'its length': `${REFUSAL}Content-Length: 3\r\n\r\nno\n`,
  chunks: `${REFUSAL}Transfer-Encoding: chunked\r\n\r\n3\r\nno\n\r\n0\r\n\r\n`,
  'the close': `${REFUSAL}\r\nno\n`,
};

/** Answers when the first bytes come, sends FIN and closes without having read the rest, which makes RST follow. */
async function refusing(t: TestContext, answer: string): Promise<string> {
  const refuse = (socket: Socket): void => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.pause();
      socket.end(answer, () => socket.destroy());
    });
  };
  const server = createServer({ allowHalfOpen: true }, refuse);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
}

for (const engine of ['iouring', 'epoll', 'node']) {
  test(`an answer that comes before the upload is through is counted as what it is (engine ${engine})`, async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'early-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, 'upload.bin');
    writeFileSync(file, Buffer.alloc(UPLOAD_BYTES, 'x'));
    for (const [end, answer] of Object.entries(ANSWERS)) {
      const url = await refusing(t, answer);
      const args = ['-n', '40', '-c', '3', '-m', 'POST', '--body-file', file, '--engine', engine, url];
      const { stdout, stderr } = await run(t, ['load', '-q', '--json', ...args]);
      assert.notEqual(stdout, '', stderr);
      const { statuses, errors } = JSON.parse(stdout) as LoadResult;
      assert.deepEqual({ statuses, errors }, { statuses: { 413: 40 }, errors: {} }, `ended by ${end}`);
    }
  });
}
