/** A protocol that is not HTTP in the place of an exchange, over real sockets: what had come, what comes, ends and counts. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { EngineConnection } from '#src/engine/engine.ts';
import { offerTakeover } from '#src/http/context.ts';
import type { ExchangeHost, ExchangeRecord } from '#src/http/exchange-host.ts';
import type { ReplacedSession } from '#src/http/session.ts';
import { UpgradedSession } from '#src/http/upgraded-session.ts';
import { type FetchHandler, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { quiet } from './quiet-logger.ts';
import { RawClient } from './raw-client.ts';

/** Sends back in capitals what comes, and FIN for FIN. */
class Loud extends UpgradedSession {
  readonly #greeting: string;
  readonly #ends: string[];

  constructor(
    host: ExchangeHost,
    record: ExchangeRecord,
    from: ReplacedSession,
    greeting: string,
    gone: string[],
  ) {
    super(host, record, from);
    this.#greeting = greeting;
    this.#ends = gone;
  }

  begin(): void {
    if (this.#greeting === 'throw') throw new Error('begin fails');
    this.#say(this.#greeting);
    if (this.host.isDraining) this.drain();
  }

  protected take(bytes: Uint8Array, start: number, end: number): void {
    this.#say(Buffer.from(bytes.subarray(start, end)).toString('latin1').toUpperCase());
  }

  drained(): void {}

  protected takeEnd(): void {
    this.#say('bye');
    this.close('client-closed');
  }

  drain(): void {
    this.#say('closing');
    this.linger('drained');
  }

  protected due(): void {}

  protected over(): void {
    this.#ends.push('gone');
  }

  #say(text: string): void {
    if (text === '') return;
    const at = this.engine.reserve(text.length);
    for (let i = 0; i < text.length; i++) (this.engine as EngineConnection).out[at + i] = text.charCodeAt(i);
    this.engine.commit(text.length);
    this.bytesWritten += text.length;
  }
}

const asking = (path: string, version = '1.1') =>
  `GET ${path} HTTP/${version}\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: loud\r\n\r\n`;

/** Paths: `/plain` is no upgrade, `/later` one that takes a while, `/raw` one that answers by itself, `/throws` one that fails. */
function handlerOf(gone: string[]): FetchHandler {
  return (request, context) => {
    const { pathname } = new URL(request.url);
    if (pathname === '/plain') return new Response('plain');
    const greeting = pathname === '/throws' ? 'throw' : pathname === '/raw' ? 'RAW ' : '';
    const response = offerTakeover(
      context,
      (exchange) => ({
        isRaw: pathname === '/raw',
        succeed: (from) => new Loud(exchange.host, exchange, from, greeting, gone),
      }),
      { upgrade: 'loud', 'x-more': '1' },
    );
    if (pathname === '/other') return new Response('other');
    if (pathname !== '/later') return response;
    return new Promise((resolve) => setTimeout(resolve, 30, response));
  };
}

for (const { engine, skip } of await enginesHere()) {
  describe(`a connection that changes its protocol, on ${engine}`, { skip }, () => {
    const gone: string[] = [];
    let server: Server;
    before(async () => {
      server = await serve({ port: 0, engine, logger: quiet, fetch: handlerOf(gone) });
    });
    after(() => server.close({ force: true }));

    async function talk(ask: string, last: string, bye = 'bye'): Promise<string> {
      const client = await RawClient.open(server.port);
      client.write(ask);
      await client.until((c) => c.text.includes(last), last);
      client.socket.end();
      await client.until((c) => c.ended, 'FIN');
      assert.ok(client.text.endsWith(bye), client.text);
      return client.text;
    }

    for (const path of ['/now', '/later']) {
      it(`hands on what has come behind the request, ${path}`, async () => {
        const text = await talk(`${asking(path)}abc`, 'ABC');
        const [head = '', rest] = text.split('\r\n\r\n');
        assert.match(head, /^HTTP\/1\.1 101 Switching Protocols\r\n/);
        assert.match(head, /\r\nconnection: upgrade/i);
        assert.match(head, /\r\nupgrade: loud/i);
        assert.match(head, /\r\nx-more: 1/i);
        assert.doesNotMatch(head, /content-length|transfer-encoding|keep-alive/i);
        assert.equal(rest, 'ABCbye');
      });

      it(`is there for what comes later, and behind other requests, ${path}`, async () => {
        const client = await RawClient.open(server.port);
        client.write(`GET /plain HTTP/1.1\r\nHost: a\r\n\r\n${asking(path)}`);
        assert.equal((await client.response()).body, 'plain');
        assert.equal((await client.response()).status, 101);
        client.write('one');
        await client.until((c) => c.text === 'ONE', 'ONE');
        client.write('two');
        await client.until((c) => c.text === 'ONETWO', 'TWO');
        client.destroy();
      });

      it(`learns of a FIN that came with the request, ${path}`, async () => {
        const client = await RawClient.open(server.port);
        client.socket.end(`${asking(path)}abc`);
        await client.until((c) => c.ended, 'FIN');
        assert.ok(client.text.endsWith('\r\n\r\nABCbye'), client.text);
      });
    }

    it('may answer by itself', async () => {
      assert.equal(await talk(`${asking('/raw')}x`, 'X'), 'RAW Xbye');
    });

    it('leaves the connection to HTTP where the handler returns another answer', async () => {
      const client = await RawClient.open(server.port);
      client.write(asking('/other') + asking('/plain'));
      assert.equal((await client.response()).body, 'other');
      assert.equal((await client.response()).body, 'plain');
      client.destroy();
    });

    it('is not to be had with HTTP/1.0 or content', async () => {
      for (const ask of [
        asking('/now', '1.0'),
        'POST /now HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: loud\r\nContent-Length: 1\r\n\r\nx',
      ]) {
        const client = await RawClient.open(server.port);
        client.write(ask);
        assert.equal((await client.response()).status, 500);
        client.destroy();
      }
    });

    it('costs its own connection where it fails to begin', async () => {
      const client = await RawClient.open(server.port);
      client.write(asking('/throws'));
      await client.until((c) => c.closed || c.ended, 'the end');
      assert.equal((await fetch(`${server.url}/plain`)).status, 200);
    });

    it('is counted, shown and told of its end', async () => {
      const before = gone.length;
      const client = await RawClient.open(server.port);
      client.write(asking('/now'));
      assert.equal((await client.response()).status, 101);
      const stats = await server.stats();
      assert.equal(stats.states.upgraded, 1);
      client.reset();
      await client.until((c) => c.closed, 'the end');
      for (let i = 0; i < 100 && (await server.stats()).states.upgraded > 0; i++)
        await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal((await server.stats()).states.upgraded, 0);
      assert.equal(gone.length, before + 1);
    });
  });

  it(`drains on ${engine}`, { skip }, async () => {
    const server = await serve({ port: 0, engine, logger: quiet, fetch: handlerOf([]) });
    const client = await RawClient.open(server.port);
    client.write(asking('/now'));
    await client.response();
    const closed = server.close();
    await client.until((c) => c.ended, 'FIN');
    assert.equal(client.text, 'closing');
    client.socket.end();
    await closed;
  });
}
