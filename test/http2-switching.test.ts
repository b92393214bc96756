/** How a connection comes to speak HTTP/2, and what both protocols say behind their content, on each engine. */
import assert from 'node:assert/strict';
import http2 from 'node:http2';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type FetchHandler, type ServeOptions, serve } from '#src/index.ts';
import { enginesHere } from './engines.ts';

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const UPGRADE =
  'GET /asked HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n' +
  'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n';

const echo: FetchHandler = async (request, context) => {
  const text = await request.text();
  const came = Object.fromEntries(await context.requestTrailers);
  context.trailers({ 'grpc-status': '0', 'x-came': JSON.stringify(came) });
  return new Response(`${request.method} ${request.url} ${text}`);
};

async function started(t: TestContext, options: Omit<ServeOptions, 'fetch'>) {
  const server = await serve({ port: 0, fetch: echo, ...options });
  t.after(() => server.close({ force: true }));
  return server;
}

/** Writes `pieces` one after the other, and reads until the other side ends or `until` has come. */
function talk(t: TestContext, port: number, pieces: readonly Uint8Array[], until?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
    t.after(() => socket.destroy());
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
      if (until !== undefined && text.includes(until)) resolve(text);
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
    socket.setTimeout(5000, () => reject(new Error(`nothing more came behind ${JSON.stringify(text)}`)));
    void (async () => {
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((next) => setTimeout(next, 5));
      }
    })();
  });
}

const bytesOf = (data: Uint8Array): Uint8Array[] => Array.from(data, (byte) => Uint8Array.of(byte));

for (const { engine, skip } of await enginesHere()) {
  test(`the preface is known whole and byte by byte, and a wrong one is closed without text (${engine})`, {
    skip,
  }, async (t) => {
    const { port } = await started(t, { engine });
    for (const pieces of [[Buffer.concat([PREFACE, SETTINGS])], [...bytesOf(PREFACE), SETTINGS]]) {
      const text = await talk(t, port, pieces, '\x04\x01\x00\x00\x00\x00');
      assert.equal(text.charCodeAt(3), 4, 'SETTINGS first');
      assert.ok(!text.includes('HTTP/1.1'));
    }
    for (const wrong of ['INVALID CONNECTION PREFACE\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n'])
      assert.ok(!(await talk(t, port, [Buffer.from(wrong)])).includes('HTTP/1.1'), wrong);
  });

  test(`without HTTP/2 its preface is a version that is not supported (${engine})`, { skip }, async (t) => {
    const { port } = await started(t, { engine, http2: false });
    assert.match(await talk(t, port, [PREFACE]), /^HTTP\/1\.1 505 /);
    assert.match(await talk(t, port, [Buffer.from(UPGRADE)], 'GET http'), /^HTTP\/1\.1 200 /);
  });

  test(`Upgrade: h2c answers the request that asks for it in HTTP/2 (${engine})`, { skip }, async (t) => {
    const { port } = await started(t, { engine });
    const begin = [Buffer.from(UPGRADE), Buffer.concat([PREFACE, SETTINGS])];
    for (const pieces of [begin, [Buffer.concat(begin)]]) {
      const text = await talk(t, port, pieces, '/asked ');
      assert.match(
        text,
        /^HTTP\/1\.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n/,
      );
      assert.ok(text.includes('GET http://a.example/asked '), JSON.stringify(text));
    }
    // Settings that are none: the request is answered all the same.
    const bad = UPGRADE.replace('AAMAAABkAAQAoAAAAAIAAAAA', 'AAMAAA');
    assert.match(await talk(t, port, [Buffer.from(bad)], 'GET http'), /^HTTP\/1\.1 200 /);
  });

  test(`trailers go and come in both protocols (${engine})`, { skip }, async (t) => {
    const { port, url } = await started(t, { engine });
    const chunked =
      'POST / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 7\r\n\r\n';
    const text = await talk(t, port, [Buffer.from(chunked)], 'x-came');
    assert.match(
      text,
      /Transfer-Encoding: chunked\r\n[\s\S]*\r\n0\r\ngrpc-status: 0\r\nx-came: \{"x-sum":"7"\}/,
    );
    const plain = await talk(t, port, [Buffer.from(chunked.replace('TE: trailers\r\n', ''))], ' hi');
    assert.match(plain, /Content-Length: \d+\r\n/, 'who does not say TE gets none');

    const client = http2.connect(url);
    t.after(() => client.destroy());
    const trailers = await new Promise<http2.IncomingHttpHeaders>((resolve, reject) => {
      const stream = client.request({ ':method': 'POST' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '42' }));
      stream.on('trailers', resolve);
      stream.on('error', reject);
      stream.resume();
      stream.end('hi');
    });
    assert.equal(trailers['grpc-status'], '0');
    assert.equal(trailers['x-came'], '{"x-sum":"42"}');
  });
}
