import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { fakeRequest } from './exchange.contract.ts';
import { installGlobals } from './globals.ts';
import { isLightResponse } from './parts.ts';
import { Response } from './response.ts';

const before = { Request, Response: globalThis.Response, Headers, fetch };

async function withGlobals(run: () => Promise<void> | void): Promise<void> {
  const uninstall = installGlobals();
  try {
    await run();
  } finally {
    uninstall();
  }
}

describe('the globals', () => {
  it('are put in place and back again', async () => {
    await withGlobals(() => {
      assert.equal(globalThis.Response, Response);
      assert.equal(isLightResponse(new globalThis.Response('x')), true);
      assert.equal(Request.name, 'Request');
      assert.ok(!Object.keys(globalThis).includes('Request'));
    });
    assert.deepEqual({ Request, Response: globalThis.Response, Headers, fetch }, before);
  });

  it('that somebody else has patched since are left alone', () => {
    const uninstall = installGlobals();
    const theirs = class extends before.Request {};
    globalThis.Request = theirs;
    uninstall();
    assert.equal(globalThis.Request, theirs);
    globalThis.Request = before.Request;
  });

  it('recognise old and new objects alike', async () => {
    const platform = {
      request: new Request('http://a/'),
      response: new globalThis.Response(),
      headers: new Headers(),
    };
    await withGlobals(() => {
      assert.ok(platform.request instanceof Request && new Request('http://a/') instanceof before.Request);
      assert.ok(
        platform.response instanceof globalThis.Response &&
          new globalThis.Response() instanceof before.Response,
      );
      assert.ok(platform.headers instanceof Headers && new Headers() instanceof before.Headers);
      assert.ok(fakeRequest() instanceof Request);
      class Derived extends Request {}
      assert.ok(new Derived('http://a/') instanceof Derived);
      assert.ok(!(platform.request instanceof Derived));
    });
  });

  it('have a Request that is the platform’s in all but what it takes', async () => {
    await withGlobals(() => {
      assert.equal(Request.length, before.Request.length);
      assert.equal(Request.prototype, before.Request.prototype);
      assert.equal(new Request('http://a/').constructor, Request);
      const received = fakeRequest({ target: '/x' });
      const Again = received.constructor as typeof Request;
      assert.equal(new Again(received as unknown as Request).url, 'http://example.com/x');
      class Derived extends Request {}
      assert.equal(new Derived('http://a/').constructor, Derived);
    });
    assert.equal(new Request('http://a/').constructor, before.Request);
  });

  it('make a Request from ours, with an init that overrides', async () => {
    await withGlobals(async () => {
      const request = fakeRequest({ method: 'POST', target: '/x', body: ['a', 'b'], fields: [['x', '1']] });
      const copy = new Request(request, { headers: new Headers({ y: '2' }) });
      assert.equal(copy.url, 'http://example.com/x');
      assert.deepEqual([copy.headers.get('x'), copy.headers.get('y')], [null, '2']);
      assert.equal(await copy.text(), 'ab');
      assert.equal(request.bodyUsed, true);
    });
  });

  it('fetch a Request of ours, with and without the patch', async () => {
    const server = createServer((incoming, outgoing) => {
      incoming.pipe(outgoing.setHeader('x-method', incoming.method!));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const exchange = { method: 'POST', host, body: ['a', 'b'] };
    const check = async (answer: globalThis.Response): Promise<void> => {
      assert.equal(answer.headers.get('x-method'), 'POST');
      assert.equal(await answer.text(), 'ab');
      assert.ok(answer instanceof globalThis.Response);
    };
    try {
      await check(await fetch(fakeRequest(exchange).clone()));
      await withGlobals(async () => {
        await check(await fetch(fakeRequest(exchange)));
        await assert.rejects(fetch(fakeRequest({ method: 'TRACE', host })), TypeError);
      });
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
});
