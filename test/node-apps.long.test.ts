/**
 * Applications of frameworks of node:http (examples/apps/node) on every engine: each answers byte for byte what it answers on node:http, and
 * OpenTelemetry's instrumentation of node:http traces them. What they are made of is installed by
 * `node scripts/reference-apps.mjs --node`; without it these tests skip.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CliProcess, PACKAGE } from './cli-run.ts';
import { enginesHere } from './engines.ts';
import { openTwins, request } from './node-twins.ts';

const APPS = fileURLToPath(new URL('examples/apps/node/', PACKAGE));
const notInstalled = existsSync(`${APPS}node_modules/holdfast`)
  ? false
  : 'node scripts/reference-apps.mjs --node has not installed what they are made of';

const json = (line: string, value: unknown, fields: string[] = []): string =>
  request(line, ['Content-Type: application/json', ...fields], JSON.stringify(value));

/** Requests of each, with something that its answer holds. */
const ASKED: Readonly<Record<string, readonly (readonly [bytes: string, answer: RegExp])[]>> = {
  nest: [
    [request('GET /cats'), /^HTTP\/1\.1 200 OK[\s\S]*\["Tom","Felix"\]$/],
    [request('GET /cats/1'), /\{"name":"Felix"\}$/],
    [request('GET /cats/x'), /^HTTP\/1\.1 400 [\s\S]*numeric string/],
    [request('GET /cats/picture'), /application\/octet-stream[\s\S]*meow \r\n4\r\nmeow/],
    [request('GET /cats/secret'), /^HTTP\/1\.1 401 /],
    [request('GET /cats/secret', ['X-Token: let-me-in']), /let in$/],
    [json('POST /cats', { name: 'Kit' }), /^HTTP\/1\.1 202 [\s\S]*"id":"c3"/],
    [json('POST /cats', {}), /^HTTP\/1\.1 400 [\s\S]*a cat has a name/],
    [request('GET /dogs'), /^HTTP\/1\.1 404 /],
  ],
  trpc: [
    [request('GET /greet?input=%22you%22'), /"hello you"/],
    [
      request('GET /greet,greet?batch=1&input=%7B%220%22%3A%22a%22%2C%221%22%3A%22b%22%7D'),
      /"hello a"[\s\S]*"hello b"/,
    ],
    [json('POST /shout', 'quiet'), /"QUIET"/],
    [request('GET /fail'), /^HTTP\/1\.1 404 [\s\S]*there is none/],
    [request('GET /count'), /text\/event-stream[\s\S]*data: 3/],
    [request('GET /nothing'), /^HTTP\/1\.1 404 /],
  ],
  graphql: [
    [json('POST /yoga', { query: '{ hello(name: "y") }' }), /"hello y"/],
    [json('POST /yoga', { query: 'mutation { add(a: 2, b: 3) }' }), /"add":5/],
    [json('POST /yoga', { query: '{ fails }' }), /"errors"/],
    [
      json('POST /yoga', { query: 'subscription { count(to: 2) }' }, ['Accept: text/event-stream']),
      /text\/event-stream[\s\S]*"count":2/,
    ],
    [json('POST /apollo', { query: '{ hello(name: "a") }' }), /"hello a"/],
    [json('POST /apollo', { query: '{ nothing }' }), /^HTTP\/1\.1 400 /],
  ],
  'react-router': [
    [request('GET /'), /<h1>home of \/<\/h1>/],
    [request('HEAD /'), /^HTTP\/1\.1 200 OK/],
    [request('GET /api/thing'), /^HTTP\/1\.1 203 [\s\S]*x-loader: yes[\s\S]*"item":"thing"/i],
    [
      request('POST /api/thing', ['Content-Type: application/x-www-form-urlencoded'], 'name=form'),
      /\{"got":"form"\}/,
    ],
    [request('GET /old'), /^HTTP\/1\.1 302 [\s\S]*location: \//i],
  ],
};

const apps = new Map<string, RequestListener>();
if (notInstalled === false)
  for (const name of Object.keys(ASKED)) {
    const module = (await import(`${APPS}${name}.mjs`)) as { default: RequestListener };
    apps.set(name, module.default);
  }

interface Span {
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly parent?: string;
}

for (const { engine, skip } of await enginesHere()) {
  describe(`applications of node:http on ${engine}`, { skip: skip || notInstalled }, () => {
    for (const [name, asked] of Object.entries(ASKED))
      it(`${name} answers as on node:http`, async () => {
        const app = apps.get(name)!;
        const twins = await openTwins(engine, app, app);
        try {
          for (const [bytes, answer] of asked) {
            const { ours, theirs } = await twins.ask(bytes);
            assert.match(ours, answer, bytes);
            assert.equal(ours, theirs, bytes);
          }
        } finally {
          await twins.close();
        }
      });

    it('OpenTelemetry traces requests, and knows in handlers which it is', async (t) => {
      const cli = new CliProcess(t, ['serve', '-w', '1', '-p', '0', '--engine', engine, `${APPS}traced.mjs`]);
      const url = (await cli.ready())['url']!;
      const traceId = '0af7651916cd43dd8448eb211c80319c';
      const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
      const hello = await fetch(`${url}/hello`, { headers });
      assert.equal(await hello.text(), `trace ${traceId}`);
      assert.equal((await fetch(`${url}/fails`)).status, 503);
      const spans = (await (await fetch(`${url}/spans`)).json()) as Span[];
      assert.deepEqual(
        spans.map(({ name, kind, attributes, parent }) => [
          name,
          kind,
          attributes['url.path'],
          attributes['http.response.status_code'],
          parent,
        ]),
        [
          ['GET', 1, '/hello', 200, 'b7ad6b7169203331'],
          ['GET', 1, '/fails', 503, undefined],
        ],
      );
    });
  });
}
