/** gRPC by its own client, `@grpc/grpc-js`, through real sockets on every engine. */
import assert from 'node:assert/strict';
import { type EventEmitter, once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { Client, credentials, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { GrpcService } from './grpc-handler.ts';
import { quiet } from './quiet-logger.ts';
import { until } from './until.ts';

const same = (message: Buffer): Buffer => message;
const WAIT_MS = 10_000;

/** What a call ends with, be it an error too. */
function statusOf(call: EventEmitter): Promise<StatusObject> {
  return new Promise((resolve) => call.on('error', () => {}).on('status', resolve));
}

for (const { engine, skip } of await enginesHere()) {
  describe(`gRPC (${engine})`, { skip, timeout: 60_000 }, () => {
    let server: Server;
    let client: Client;
    const service = new GrpcService();

    before(async () => {
      server = await serve({ port: 0, engine, logger: quiet, fetch: service.fetch });
      client = new Client(`127.0.0.1:${server.port}`, credentials.createInsecure());
    });
    after(async () => {
      client.close();
      await server.close(true);
    });

    function unary(method: string, message: Buffer, timeoutMs = WAIT_MS): Promise<Buffer> {
      return new Promise((resolve, reject) => {
        const options = { deadline: Date.now() + timeoutMs };
        client.makeUnaryRequest(`/test.Echo/${method}`, same, same, message, options, (error, value) =>
          error === null ? resolve(value!) : reject(error),
        );
      });
    }

    it('unary calls, small and large', async () => {
      assert.equal(String(await unary('Unary', Buffer.from('hello'))), 'hello');
      assert.equal((await unary('Unary', Buffer.alloc(0))).length, 0);
      const large = Buffer.alloc(3_000_000, 'holdfast');
      assert.ok((await unary('Unary', large)).equals(large));
    });

    it('a method that is not there is a status without a message', async () => {
      await assert.rejects(unary('Nothing', Buffer.from('x')), (error: ServiceError) => {
        assert.equal(error.code, status.UNIMPLEMENTED);
        assert.equal(error.details, 'no method Nothing');
        return true;
      });
    });

    it('a stream of answers', async () => {
      const message = Buffer.alloc(20_000, 200);
      const call = client.makeServerStreamRequest('/test.Echo/Repeat', same, same, message);
      let count = 0;
      for await (const answer of call) {
        assert.ok(message.equals(answer));
        count++;
      }
      assert.equal(count, 200);
    });

    it('a stream of requests', async () => {
      const collected = new Promise<Buffer>((resolve, reject) => {
        const call = client.makeClientStreamRequest('/test.Echo/Collect', same, same, (error, value) =>
          error === null ? resolve(value!) : reject(error),
        );
        for (let n = 0; n < 500; n++) call.write(Buffer.alloc(1000, n));
        call.end();
      });
      assert.equal((await collected).length, 500_000);
    });

    it('both at once, each answer before the next request', async () => {
      const call = client.makeBidiStreamRequest('/test.Echo/Chat', same, same);
      for (let n = 0; n < 50; n++) {
        const answered = once(call, 'data');
        call.write(Buffer.from(`message ${n}`));
        assert.equal(String((await answered)[0]), `message ${n}`);
      }
      const ended = statusOf(call);
      call.end();
      assert.equal((await ended).code, status.OK);
    });

    it('a status that is an error, behind messages', async () => {
      const call = client.makeBidiStreamRequest('/test.Echo/Chat', same, same);
      const failed = statusOf(call);
      call.on('data', () => {});
      call.write(Buffer.from('first'));
      call.write(Buffer.from('fail'));
      const { code, details } = await failed;
      assert.deepEqual([code, details], [status.FAILED_PRECONDITION, 'as you wish']);
    });

    it('a call that is cancelled tells the handler', async () => {
      const { aborted } = service;
      const call = client.makeBidiStreamRequest('/test.Echo/Never', same, same);
      const failed = statusOf(call);
      call.write(Buffer.from('x'));
      await until(() => service.open === 1, 'it is begun');
      call.cancel();
      assert.equal((await failed).code, status.CANCELLED);
      await until(() => service.aborted === aborted + 1 && service.open === 0, 'the handler knows');
    });

    it('a deadline ends the call on both sides', async () => {
      const { aborted } = service;
      await assert.rejects(unary('Never', Buffer.from('x'), 150), { code: status.DEADLINE_EXCEEDED });
      assert.match(service.timeouts.at(-1)!, /^\d+m$/);
      await until(() => service.aborted === aborted + 1 && service.open === 0, 'the handler knows');
    });

    it('a thousand unary calls in flight, and none is cut', async () => {
      const { accepted } = (await server.stats()).engine;
      const calls = Array.from({ length: 1000 }, (_, n) => unary('Later', Buffer.from(`call ${n}`)));
      for (const [n, answer] of (await Promise.all(calls)).entries())
        assert.equal(String(answer), `call ${n}`);
      assert.ok(service.mostOpen > 100, `${service.mostOpen} at once`);
      assert.equal((await server.stats()).engine.accepted, accepted, 'the connection is the same');
    });

    it('hundreds that give up do not end the connection of the others', async () => {
      for (let round = 0; round < 5; round++) {
        const given = Array.from({ length: 100 }, () =>
          assert.rejects(unary('Never', Buffer.from('x'), 50), { code: status.DEADLINE_EXCEEDED }),
        );
        assert.equal(String(await unary('Later', Buffer.from('beside'))), 'beside');
        await Promise.all(given);
      }
      assert.equal(String(await unary('Unary', Buffer.from('behind'))), 'behind');
    });
  });
}
