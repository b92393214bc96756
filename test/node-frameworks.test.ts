/** Express 5 and 4 with their middleware, Koa, Connect and Fastify: the same bytes on every engine as on node:http. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { enginesHere } from './engines.ts';
import { frameworkApps } from './node-frameworks.ts';
import { openTwins, request } from './node-twins.ts';

const FORM = [
  '--limit',
  'Content-Disposition: form-data; name="text"',
  '',
  'value',
  '--limit',
  'Content-Disposition: form-data; name="file"; filename="a.txt"',
  'Content-Type: text/plain',
  '',
  'content of a file',
  '--limit--',
  '',
].join('\r\n');

const JSON_TYPE = 'Content-Type: application/json';
const paths = [
  '/',
  '/json?a=1&b[]=2',
  '/long',
  '/redirect',
  '/cookie',
  '/file',
  '/throws',
  '/rejects',
  '/sub/x',
  '/stream',
  '/none',
  '/nowhere',
];

const CASES = [
  ...paths.map((path) => request(`GET ${path}`, ['Accept-Encoding: gzip', 'Accept: */*'])),
  ...paths.map((path) => request(`GET ${path}`, ['Origin: http://other.example'])),
  ...paths.map((path) => request(`HEAD ${path}`)),
  `GET / HTTP/1.0\r\n\r\n`,
  request('OPTIONS /json', ['Origin: http://other.example', 'Access-Control-Request-Method: PUT']),
  request('POST /json', [JSON_TYPE], '{"a":[1,2,3]}'),
  request('POST /json', [JSON_TYPE], '{"broken'),
  request('POST /json', ['Content-Type: application/x-www-form-urlencoded'], 'a=1&b=2'),
  request('POST /upload', ['Content-Type: multipart/form-data; boundary=limit'], FORM),
  request('PUT /json', [JSON_TYPE], '{}'),
  `POST /json HTTP/1.1\r\nHost: h\r\n${JSON_TYPE}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n`,
  `GET /json HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n${request('GET /nowhere')}`,
];

for (const { engine, skip } of await enginesHere())
  describe(`frameworks on ${engine}`, { skip }, async () => {
    for (const { name, app, listener, log } of skip === false ? await frameworkApps() : [])
      it(`answer as on node:http: ${name}`, async () => {
        const twins = await openTwins(engine, app, listener);
        for (const bytes of CASES) {
          const { ours, theirs } = await twins.ask(bytes);
          assert.equal(ours, theirs, bytes.slice(0, 80));
        }
        await twins.close();
        // Both have logged every request.
        if (log !== undefined) assert.equal(log.length, 2 * (CASES.length + 2));
      });
  });
