import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestFields } from '../../protocol/h2/message-fields.ts';
import { FakePort } from '../../web/exchange.contract.ts';
import { createRequest } from '../../web/request.ts';
import type { ExchangeHost } from '../exchange-host.ts';
import { H2Head } from './head.ts';

const host = { proxies: undefined, scheme: 'https', defaultAuthority: 'localhost:1' } as ExchangeHost;

function fields(given: Partial<RequestFields>): RequestFields {
  return Object.assign(new RequestFields(), { method: 'GET', scheme: 'http', path: '/' }, given);
}

test('a Request reads the head of a stream as that of HTTP/1', () => {
  const head = new H2Head(
    fields({
      method: 'PURGE',
      authority: 'a.example:8443',
      path: '/x/../y?z=1',
      names: ['accept', 'x-a', 'x-a', 'host'],
      values: ['*/*', '1', 'é: 2', 'a.example:8443'],
    }),
  );
  const request = createRequest(new FakePort(), head, head.text, head.urlOn(host));
  assert.equal(request.method, 'PURGE');
  assert.equal(request.url, 'https://a.example:8443/y?z=1');
  assert.deepEqual(
    [...request.headers],
    [
      ['accept', '*/*'],
      ['host', 'a.example:8443'],
      ['x-a', '1, é: 2'],
    ],
  );
});

test('without an authority the server has its own name, and there is no empty Host', () => {
  const head = new H2Head(fields({ names: ['host'], values: [''] }));
  const request = createRequest(new FakePort(), head, head.text, head.urlOn(host));
  assert.equal(request.url, 'https://localhost:1/');
  assert.equal(request.headers.has('host'), false);
});

test('where proxies are trusted, the URL is not known of the head alone', () => {
  const head = new H2Head(fields({}));
  assert.equal(head.urlOn({ ...host, proxies: {} } as unknown as ExchangeHost), undefined);
});
