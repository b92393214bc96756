/** What the limits on connections hold over real sockets: in all over several threads, and of one address with TLS. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { serve } from '#src/index.ts';
import type { Status } from '#src/observe/status.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';
import { CERT, KEY } from './tls-keys.ts';
import { until } from './until.ts';

const folder = mkdtempSync(join(tmpdir(), 'holdfast-limits-'));
after(() => rmSync(folder, { recursive: true }));
const module = join(folder, 'app.mjs');
writeFileSync(module, `export default () => new Response('fine');`);

for (const { engine, skip: whyNot } of await enginesHere()) {
  const skip = process.platform === 'linux' ? whyNot : 'threads share a port on Linux';

  describe(`limits.connections over several workers (${engine})`, { skip }, () => {
    for (const [workers, connections] of [
      [3, 2],
      [3, 7],
    ] as const) {
      it(`${connections} connections for ${workers} workers are ${connections} in all`, async () => {
        const told: string[] = [];
        const logger = { ...quiet, warn: (text: unknown) => void told.push(String(text)) };
        const server = await serve({ module, workers, port: 0, engine, logger, limits: { connections } });
        const held: RawClient[] = [];
        const ask = async (): Promise<boolean> => {
          const client = await RawClient.open(server.port);
          client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
          const { status } = await client.response();
          if (status === 200) held.push(client);
          else client.destroy();
          return status === 200;
        };
        try {
          // Which worker is asked is the kernel's choice, and one may be full before the others are.
          for (let i = 0; i < 500 && held.length < connections; i++) await ask();
          assert.equal(held.length, connections);
          for (let i = 0; i < 30; i++) assert.equal(await ask(), false);
          const isTold = told.some((text) => text.startsWith('limits.connections: '));
          assert.equal(isTold, connections < workers, told.join());
          held.pop()!.destroy();
          for (let i = 0; i < 500 && held.length < connections; i++) await ask();
          assert.equal(held.length, connections);
        } finally {
          for (const client of held) client.destroy();
          await server.close(true);
        }
      });
    }
  });
}

describe('limits.connectionsPerAddress with TLS', () => {
  const open = async (port: number, localAddress: string): Promise<string> => {
    const tcp = connect({ port, host: '127.0.0.1', localAddress });
    const socket = connectTls({ socket: tcp, rejectUnauthorized: false });
    try {
      socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      const [data] = (await once(socket, 'data')) as [Buffer];
      return data.toString().slice(9, 12);
    } catch {
      return 'cut off';
    } finally {
      socket.destroy();
    }
  };

  it('counts handshakes: who begins many and ends none holds a few, and nobody else out', async () => {
    const server = await serve({
      port: 0,
      logger: quiet,
      tls: { cert: CERT, key: KEY },
      limits: { connectionsPerAddress: 3 },
      fetch: () => new Response('fine'),
    });
    try {
      const idle = await Promise.all(Array.from({ length: 20 }, () => RawClient.open(server.port)));
      const held = (): number => idle.filter((client) => !client.closed && !client.ended).length;
      for (let i = 0; i < 100 && held() > 6; i++) await sleep(20);
      // Twice as many as may be connections: those beyond the limit are to read a 503.
      assert.equal(held(), 6);
      assert.equal(await open(server.port, '127.0.0.1'), 'cut off');
      assert.equal(await open(server.port, '127.0.0.2'), '200');
      for (const client of idle) client.destroy();
      for (let i = 0; i < 100 && (await open(server.port, '127.0.0.1')) !== '200'; i++) await sleep(20);
      assert.equal(await open(server.port, '127.0.0.1'), '200');
    } finally {
      await server.close(true);
    }
  });
});

const ENGINES = await enginesHere();
describe('who goes beyond the limits of an address, or is late with a handshake, is told by address', () => {
  for (const { engine, skip } of ENGINES)
    it(engine, { skip }, async () => {
      const open = (header: string) =>
        serve({
          port: 0,
          engine,
          logger: quiet,
          admin: 0,
          tls: { cert: CERT, key: KEY },
          timeouts: { header },
          limits: { handshakesPerAddress: 4, connectionsPerAddress: 6 },
          fetch: () => new Response('fine'),
        });
      let server = await open('300ms');
      const told = async (): Promise<Record<string, number>> => {
        const response = await fetch(`${server.admin!.url}/status`);
        const { offenders } = (await response.json()) as Status;
        return { ...offenders.rows.find(({ address }) => address === '127.0.0.1')?.byOption };
      };
      try {
        const idle = await Promise.all(Array.from({ length: 7 }, () => RawClient.open(server.port)));
        await until(async () => (await told())['timeouts.header'] === 4, 'four late handshakes');
        assert.deepEqual(await told(), { 'timeouts.header': 4, 'limits.handshakesPerAddress': 3 });
        await until(() => idle.every((client) => client.closed || client.ended), 'all to be let go');
        const { tls } = await server.stats();
        assert.deepEqual([tls.events.late, tls.events.refused, tls.events.full], [4, 3, 0]);

        // One after another, and each stays, however slow the machine is: the seventh is a connection too many.
        await server.close(true);
        server = await open('60s');
        const sockets: TLSSocket[] = [];
        for (let i = 0; i < 7; i++) {
          const socket = connectTls({ port: server.port, host: '127.0.0.1', rejectUnauthorized: false });
          sockets.push(socket);
          await once(socket, 'secureConnect');
        }
        const [answer] = (await once(sockets[6]!, 'data')) as [Buffer];
        assert.match(String(answer), /^HTTP\/1\.1 503 /);
        assert.equal((await told())['limits.connectionsPerAddress'], 1);
        for (const socket of sockets) socket.destroy();
      } finally {
        await server.close(true);
      }
    });
});
