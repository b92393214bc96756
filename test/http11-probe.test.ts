/** The cases of public HTTP/1.1 probes, over real sockets on every engine that this host offers. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Response, type Server, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';
import { PROBE_CASES, type ProbeCase } from './http11-probe-cases.ts';
import { RawClient } from './raw-client.ts';

const SILENCE_MS = 100;
const AT_ONCE = 10;

/** Answers the way a careful program would. */
async function answer(request: Request): Promise<globalThis.Response> {
  const allow = { allow: 'GET, HEAD, POST, OPTIONS' };
  const { pathname } = new URL(request.url);
  switch (request.method) {
    case 'OPTIONS':
      return new Response(null, { status: 204, headers: allow });
    case 'POST':
      return new Response(await request.bytes());
    case 'GET':
    case 'HEAD':
      return new Response(pathname.startsWith('/url/') ? pathname : 'OK');
    default:
      return new Response('not allowed', { status: 405, headers: allow });
  }
}

async function hold(server: Server, it: ProbeCase): Promise<void> {
  const client = await RawClient.open(server.port);
  try {
    if (it.bytes !== '') client.write(it.bytes);
    if (it.waits === true) {
      await new Promise((resolve) => setTimeout(resolve, SILENCE_MS));
      assert.equal(client.text, '');
      assert.equal(client.ended, false);
      return;
    }
    const statuses = it.refusedWith === undefined ? it.answeredWith! : [it.refusedWith];
    const isHead = it.bytes.startsWith('HEAD');
    for (const [i, status] of statuses.entries()) {
      await client.until((c) => c.text.includes('\r\n\r\n') || c.closed, 'a head');
      const head = client.text.slice(0, client.text.indexOf('\r\n\r\n') + 2);
      const response = await client.response({ head: isHead });
      assert.equal(response.status, status);
      if (i < statuses.length - 1) continue;
      if (it.content !== undefined) assert.equal(response.body, it.content);
      if (it.field !== undefined) assert.match(head, it.field);
      if (it.without !== undefined) assert.doesNotMatch(head, it.without);
    }
    if (it.refusedWith !== undefined || it.closes === true) {
      await client.until((c) => c.ended, 'FIN');
      assert.equal(client.text, '', 'nothing behind the last answer');
      assert.equal(client.error, undefined);
      return;
    }
    // The next request is answered, and nothing else came before that.
    client.write('GET /url/next HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal((await client.response()).body, '/url/next');
  } finally {
    client.destroy();
  }
}

for (const { engine, skip } of await enginesHere()) {
  describe(`what probes ask, on the ${engine} engine`, {
    skip,
    concurrency: AT_ONCE,
  }, () => {
    let server: Server;
    before(async () => {
      server = await serve({ port: 0, engine, fetch: answer });
    });
    after(() => server.close(true));
    for (const probe of PROBE_CASES) it(probe.rule, () => hold(server, probe));
  });
}
