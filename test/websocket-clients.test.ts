/** The client of ws, which most programs use, against WebSockets of ours on every engine: with its compression, and beside it. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';

/** As much of its client as is used here: ws brings no types. */
interface WsClient {
  readonly protocol: string;
  readonly extensions: string;
  send(data: string | Buffer): void;
  ping(data: string): void;
  close(code: number, reason: string): void;
  on(event: string, listener: (...args: never[]) => void): void;
}
type WsClientClass = new (url: string, protocols: string[], options: object) => WsClient;

const { WebSocket: Client } = createRequire(import.meta.url)('ws') as { WebSocket: WsClientClass };

for (const { engine, skip } of await enginesHere()) {
  describe(`the client of ws on ${engine}`, { skip }, () => {
    for (const perMessageDeflate of [false, true]) {
      it(`speaks ${perMessageDeflate ? 'compressed' : 'plainly'}`, async () => {
        const closed: unknown[] = [];
        const server = await serve({
          port: 0,
          engine,
          logger: quiet,
          fetch: (_request, context) => context.upgrade({ protocol: 'b' }),
          websocket: {
            compress: true,
            message: (peer, message) => void peer.send(message.data),
            close: (_peer, details) => void closed.push(details),
          },
        });
        const client = new Client(server.url.replace('http', 'ws'), ['a', 'b'], { perMessageDeflate });
        const emitter = client as unknown as NodeJS.EventEmitter;
        await once(emitter, 'open');
        assert.equal(client.protocol, 'b');
        assert.equal(client.extensions, perMessageDeflate ? 'permessage-deflate' : '');
        for (const text of ['', 'hello', 'κόσμε '.repeat(1000), 'x'.repeat(500_000)]) {
          client.send(text);
          const [data, isBinary] = (await once(emitter, 'message')) as [Buffer, boolean];
          assert.equal(isBinary, false);
          assert.equal(data.toString('utf8'), text);
        }
        const bytes = Buffer.alloc(500_000, 'ab\xff', 'latin1');
        client.send(bytes);
        const [data] = (await once(emitter, 'message')) as [Buffer];
        assert.ok(data.equals(bytes));
        client.ping('there?');
        assert.equal(String(((await once(emitter, 'pong')) as [Buffer])[0]), 'there?');
        client.close(4000, 'enough');
        assert.equal(((await once(emitter, 'close')) as [number])[0], 4000);
        assert.deepEqual(closed, [{ code: 4000, reason: 'enough', wasClean: true }]);
        await server.close({ force: true });
      });
    }
  });
}
