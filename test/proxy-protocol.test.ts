/** The PROXY protocol in front of HTTP and TLS, on every engine: who the client is, and what becomes of connections that begin otherwise. */
import assert from 'node:assert/strict';
import { connect as connectTcp } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, before, describe, it, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { OptionError, type ProxyHeaderFacts, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';
import { CERT, KEY } from './tls-keys.ts';
import { until } from './until.ts';

const V1 = 'PROXY TCP4 203.0.113.7 198.51.100.2 4660 443\r\n';
const V2_BEGIN = '\r\n\r\n\0\r\nQUIT\n';
const V2 = `${V2_BEGIN}\x21\x11\0\x0c\xcb\0\x71\x08\xc6\x33\x64\x02\x12\x34\x01\xbb`;
const LOCAL = `${V2_BEGIN}\x20\x00\0\0`;
const REQUEST = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
/** 255 in front of the id: no text. */
const EXTENSIONS =
  '\x01\0\x02h2' +
  '\x02\0\x0cshop.example' +
  '\x05\0\x03\xff\x01\x02' +
  '\x20\0\x22\x03\0\0\0\0' + // TLS, and a certificate that was found good
  '\x21\0\x07TLSv1.3\x22\0\x08d\xc3\xa9vice7\x23\0\x05AES-1' +
  '\xea\0\x07\x01vpce-1';
const EXTENDED = `${V2_BEGIN}\x21\x11\0${String.fromCharCode(12 + EXTENSIONS.length)}\xcb\0\x71\x08\xc6\x33\x64\x02\x12\x34\x01\xbb${EXTENSIONS}`;
const EXTENDED_TOLD = {
  authority: 'shop.example',
  alpnProtocol: 'h2',
  uniqueId: 'ff0102',
  tls: {
    version: 'TLSv1.3',
    cipher: 'AES-1',
    hasCertificate: true,
    authorized: true,
    commonName: 'd\u00e9vice7',
  },
  extensions: [[0xea, '\x01vpce-1']],
};
const told = (_request: Request, { proxyHeader }: { proxyHeader: ProxyHeaderFacts | undefined }) => {
  if (proxyHeader === undefined) return new Response('nothing');
  const { uniqueId, extensions, ...rest } = proxyHeader;
  return Response.json({
    ...rest,
    uniqueId: Buffer.from(uniqueId!).toString('hex'),
    extensions: extensions.map(({ type, value }) => [type, Buffer.from(value).toString('latin1')]),
  });
};
const who = (
  _request: Request,
  context: { remoteAddress: { address: string; port: number } | undefined; ip: string | undefined },
) => new Response(`${context.remoteAddress?.address}:${context.remoteAddress?.port} ${context.ip}`);

for (const { engine, skip } of await enginesHere()) {
  describe(`PROXY protocol (${engine})`, { skip }, () => {
    let server: Server;
    before(async () => {
      server = await serve({
        port: 0,
        engine,
        logger: quiet,
        proxyProtocol: true,
        fetch: who,
      });
    });
    after(() => server.close(true));

    for (const [name, header, expected] of [
      ['version 1', V1, '203.0.113.7:4660 203.0.113.7'],
      ['version 2', V2, '203.0.113.8:4660 203.0.113.8'],
    ] as const) {
      it(`knows the client by ${name}, in one piece and in single bytes`, async () => {
        const whole = await RawClient.open(server.port);
        whole.write(header + REQUEST + REQUEST);
        assert.equal((await whole.response()).body, expected);
        assert.equal((await whole.response()).body, expected);
        whole.destroy();
        const drip = await RawClient.open(server.port);
        for (const byte of header + REQUEST.slice(0, 4)) {
          drip.write(byte);
          await new Promise((resolve) => setImmediate(resolve));
        }
        drip.write(REQUEST.slice(4));
        assert.equal((await drip.response()).body, expected);
        drip.destroy();
      });
    }

    it('tells handlers what the header says beside addresses, on each request of the connection and of no other', async () => {
      const own = await serve({ port: 0, engine, logger: quiet, proxyProtocol: true, fetch: told });
      try {
        const client = await RawClient.open(own.port);
        client.write(EXTENDED + REQUEST + REQUEST);
        for (let i = 0; i < 2; i++)
          assert.deepEqual(
            JSON.parse(Buffer.from((await client.response()).body, 'latin1').toString()),
            EXTENDED_TOLD,
          );
        client.destroy();
        const other = await RawClient.open(own.port);
        other.write(V2 + REQUEST);
        assert.equal((await other.response()).body, 'nothing');
        other.destroy();
      } finally {
        await own.close(true);
      }
    });

    it('answers a health check of the proxy itself by its own address', async () => {
      const client = await RawClient.open(server.port);
      client.write(LOCAL + REQUEST);
      assert.match((await client.response()).body, /^127\.0\.0\.1:\d+ 127\.0\.0\.1$/);
      client.destroy();
    });

    it('closes who sends none, a wrong one or a part of one, without an answer', async (t) => {
      const timeouts = { header: 300 };
      const own = await serve({ port: 0, engine, logger: quiet, proxyProtocol: true, fetch: who, timeouts });
      t.after(() => own.close(true));
      for (const bytes of [REQUEST, 'PROXY TCP4 1.2.3.4\r\n', `${V2_BEGIN}\x21\x12\0\0`]) {
        const client = await RawClient.open(own.port);
        client.write(bytes);
        await client.until(({ ended, closed }) => ended || closed, 'the end');
        assert.equal(client.text, '');
        client.destroy();
      }
      const client = await RawClient.open(own.port);
      client.write('PROXY TC');
      await client.until(({ ended, closed }) => ended || closed, 'the end of who says no more');
      assert.equal(client.text, '');
      client.destroy();
      const leaving = await RawClient.open(own.port);
      leaving.socket.end();
      await leaving.until(({ closed }) => closed, 'the end of who only looked');
      const { closeReasons, deadlines } = await own.stats();
      assert.ok(
        closeReasons['proxy-header']! >= 3 && closeReasons['proxy-timeout']! >= 1 && deadlines.header >= 1,
      );
      await until(async () => (await own.stats()).engine.open === 0, 'that all are gone');
    });

    it('shows connections whose header has not come to nobody, and closes with them', async () => {
      const own = await serve({
        port: 0,
        engine,
        logger: quiet,
        proxyProtocol: true,
        fetch: who,
        timeouts: { header: '1m' },
      });
      const client = await RawClient.open(own.port);
      client.write('PROXY');
      await until(async () => (await own.stats()).engine.open === 1, 'the connection');
      assert.deepEqual(await own.connections(), []);
      await own.close(true);
      await client.until(({ ended, closed }) => ended || closed, 'the end');
    });

    it('is asked only of the addresses that are named', async () => {
      for (const [from, expected] of [
        ['127.0.0.0/8', '203.0.113.7:4660'],
        ['192.0.2.1', undefined],
      ] as const) {
        // biome-ignore format: two cases
        const own = await serve({ port: 0, engine, logger: quiet, proxyProtocol: from, fetch: who });
        const client = await RawClient.open(own.port);
        client.write(expected === undefined ? REQUEST : V1 + REQUEST);
        const { status, body } = await client.response();
        assert.equal(status, 200);
        assert.ok(body.startsWith(expected ?? '127.0.0.1:'), body);
        client.destroy();
        await own.close(true);
      }
    });

    it('comes before TLS', async () => {
      const starting = serve({
        port: 0,
        engine,
        logger: quiet,
        proxyProtocol: true,
        fetch: who,
        tls: { cert: CERT, key: KEY },
      });
      if (engine === 'node') {
        await assert.rejects(starting, /cannot read a header before TLS/);
        return;
      }
      const own = await starting;
      const socket = connectTcp(own.port, '127.0.0.1');
      socket.write(Buffer.from(V2, 'latin1'));
      const tls = connectTls({ socket, rejectUnauthorized: false });
      tls.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      assert.match(await text(tls), /\r\n\r\n203\.0\.113\.8:4660 203\.0\.113\.8$/);
      await own.reload(told);
      const extended = connectTcp(own.port, '127.0.0.1');
      extended.write(Buffer.from(EXTENDED, 'latin1'));
      const second = connectTls({ socket: extended, rejectUnauthorized: false });
      second.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      const answer = await text(second);
      assert.deepEqual(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))), EXTENDED_TOLD);
      await own.close(true);
    });
  });
}

test('what is no list of proxies is refused', async () => {
  for (const given of [1, 'nowhere', [], {}] as never[]) {
    if (Array.isArray(given) && (given as unknown[]).length === 0) continue;
    await assert.rejects(serve({ port: 0, logger: quiet, fetch: who, proxyProtocol: given }), OptionError);
  }
});
