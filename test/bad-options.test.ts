/** Whatever is wrong with an option is told before anything listens: which, what was given, what is allowed. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OptionError, type Server, serve } from '#src/index.ts';
import { CERT, ENCRYPTED_KEY, KEY, OTHER_KEY } from './tls-keys.ts';

const fetch = () => new Response('ok');
const throwing = (name: string) =>
  Object.defineProperty({ fetch }, name, {
    enumerable: true,
    get() {
      throw new Error('mine');
    },
  });

/** Each: the options, and how the message begins. */
const CASES: [object, string][] = [
  [{ fetch: null }, 'fetch: null is not allowed; a function'],
  [{ fetch: 'x' }, 'fetch: "x" is not allowed; a function'],
  [{ fetch: Object.assign(() => {}, { handle() {}, use() {} }) }, 'fetch: function (anonymous) is not allowed; it is an Express or Connect app: it takes (req, res)'],
  [{ node: 5 }, 'node: 5 is not allowed; a listener (req, res) => void'],
  [{ node: {} }, 'node: an object (Object) is not allowed; a listener (req, res) => void'],
  [{ node: true }, 'node: true is not allowed; true speaks of what a `module` exports'],
  [{ node: () => {}, fetch }, 'node: function node is not allowed; not together with `fetch`'],
  [{ node: () => {}, module: 'x' }, 'node: function node is not allowed; true, with `module`'],
  [{ fetch, module: 'x' }, 'module: "x" is not allowed; not together with `fetch`'],
  [{ module: 5 }, 'module: 5 is not allowed; a path or a URL'],
  [{ module: '' }, 'module: "" is not allowed; a path or a URL'],
  [{ fetch, port: -1 }, 'port: -1 is not allowed; a port is'],
  [{ fetch, port: Number.NaN }, 'port: NaN is not allowed; a port is'],
  [{ fetch, port: null }, 'port: null is not allowed; a port is'],
  [{ fetch, port: '80a' }, 'port: "80a" is not allowed; a port is'],
  [{ fetch, hostname: '' }, 'hostname: "" is not allowed; a host name'],
  [{ fetch, hostname: {} }, 'hostname: an object (Object) is not allowed; a host name'],
  [{ fetch, unix: '' }, 'unix: "" is not allowed; a path'],
  [{ fetch, unix: '/a', port: 1 }, 'unix: "/a" is not allowed; not together'],
  [{ fetch, fd: -1 }, 'fd: -1 is not allowed; a whole number'],
  [{ fetch, reusePort: 1 }, 'reusePort: 1 is not allowed; true or false'],
  [{ fetch, globals: 'yes' }, 'globals: "yes" is not allowed; true or false'],
  [{ module: 'x', workers: -1 }, 'workers: -1 is not allowed; a whole number'],
  [{ module: 'x', workers: Number.NaN }, 'workers: NaN is not allowed; a whole number'],
  [{ fetch, workers: 2 }, 'workers: 2 is not allowed; threads load a `module`'],
  [{ fetch, balance: 'even' }, "balance: \"even\" is not allowed; one of 'kernel', 'least'"],
  [{ fetch, engine: 'steam' }, 'engine: "steam" is not allowed; one of \'auto\''],
  [{ fetch, engine: null }, 'engine: null is not allowed; one of'],
  [{ fetch, error: {} }, 'error: an object (Object) is not allowed; a function'],
  [{ fetch, onListen: true }, 'onListen: true is not allowed; a function'],
  [{ fetch, signal: {} }, 'signal: an object (Object) is not allowed; an AbortSignal'],
  [{ fetch, signal: null }, 'signal: null is not allowed; an AbortSignal'],
  [{ fetch, signal: new AbortController() }, 'signal: an object (AbortController) is not allowed; an AbortSignal'],
  [{ fetch, logger: {} }, 'logger: an object (Object) is not allowed; an object with the methods debug, info, warn, error'],
  [{ fetch, logger: null }, 'logger: null is not allowed; an object with the methods'],
  [{ fetch, logger: { info() {}, warn() {} } }, 'logger: an object (Object) is not allowed; an object with the methods debug, info, warn, error, such as console or pino; it has no error'],
  [{ fetch, accessLog: true }, "accessLog: true is not allowed; one of 'pretty'"],
  [{ fetch, timeouts: 5 }, 'timeouts: 5 is not allowed; an object with header'],
  [{ fetch, timeouts: null }, 'timeouts: null is not allowed; an object with'],
  [{ fetch, timeouts: [] }, 'timeouts: an array is not allowed; an object with'],
  [{ fetch, timeouts: { idel: 5 } }, 'timeouts.idel: "(given)" is not allowed; no such option; known are header'],
  [{ fetch, timeouts: { idle: -5 } }, 'timeouts.idle: -5 is not allowed; a duration is'],
  [{ fetch, timeouts: { idle: 0 } }, 'timeouts.idle: 0 is not allowed; a duration is'],
  [{ fetch, timeouts: { idle: null } }, 'timeouts.idle: null is not allowed; a duration is'],
  [{ fetch, timeouts: { idle: Number.NaN } }, 'timeouts.idle: NaN is not allowed; a duration is'],
  [{ fetch, timeouts: { idle: '500' } }, 'timeouts.idle: "500" is not allowed; say the unit, as \'500ms\' or \'500s\''],
  [{ fetch, limits: 'x' }, 'limits: "x" is not allowed; an object with headerBytes'],
  [{ fetch, limits: { bodyBytes: -1 } }, 'limits.bodyBytes: -1 is not allowed; a size is'],
  [{ fetch, limits: { bodyBytes: null } }, 'limits.bodyBytes: null is not allowed; a size is'],
  [{ fetch, limits: { headerBytes: 10 } }, 'limits.headerBytes: 10 is not allowed; 256 bytes to 1m'],
  [{ fetch, limits: { headerCount: 1.5 } }, 'limits.headerCount: 1.5 is not allowed; a whole number'],
  [{ fetch, limits: { connections: '10' } }, 'limits.connections: "10" is not allowed; a whole number'],
  [{ fetch, limits: { whenFull: 'wait' } }, "limits.whenFull: \"wait\" is not allowed; one of 'refuse'"],
  [{ fetch, limits: { http2: true } }, 'limits.http2: true is not allowed; an object with concurrentStreams, openHeaderBytes'],
  [{ fetch, limits: { http2: { pigns: {} } } }, 'limits.http2.pigns: "(given)" is not allowed; no such option; known are concurrentStreams'],
  [{ fetch, limits: { http2: { concurrentStreams: Infinity } } }, 'limits.http2.concurrentStreams: Infinity is not allowed; a whole number from 1 to 2147483647'],
  [{ fetch, limits: { http2: { openHeaderBytes: '1x' } } }, 'limits.http2.openHeaderBytes: "1x" is not allowed; a size is'],
  [{ fetch, limits: { http2: { continuations: -1 } } }, 'limits.http2.continuations: -1 is not allowed; a whole number from 0 to 2147483647, or Infinity for no limit'],
  [{ fetch, limits: { http2: { stalledAnswers: null } } }, 'limits.http2.stalledAnswers: null is not allowed; a whole number'],
  [{ fetch, limits: { http2: { unreadTinyData: '5' } } }, 'limits.http2.unreadTinyData: "5" is not allowed; a whole number'],
  [{ fetch, limits: { http2: { resets: 1000 } } }, 'limits.http2.resets: 1000 is not allowed; an object with burst, perSecond'],
  [{ fetch, limits: { http2: { resets: { burst: 0 } } } }, 'limits.http2.resets.burst: 0 is not allowed; a whole number from 1 to 2147483647, or Infinity for no limit'],
  [{ fetch, limits: { http2: { pings: { perSecond: Infinity } } } }, 'limits.http2.pings.perSecond: Infinity is not allowed; a whole number from 0 to 2147483647'],
  [{ fetch, limits: { http2: { pings: { rate: 5 } } } }, 'limits.http2.pings.rate: "(given)" is not allowed; no such option; known are burst, perSecond'],
  [{ fetch, timeouts: { stall: 0 } }, 'timeouts.stall: 0 is not allowed; a duration is'],
  [
    { fetch, engine: 'node', limits: { whenFull: 'pause' } },
    "limits.whenFull: \"pause\" is not allowed; 'refuse', with the node engine",
  ],
  [{ fetch, admin: '0.0.0.0:9090' }, 'admin: "0.0.0.0:9090" is not allowed; a port is a whole number from 0 (any free one) to 65535, or { port, hostname }'],
  [{ fetch, health: ':9090' }, 'health: ":9090" is not allowed; a port is a whole number from 0 (any free one) to 65535, or { port, hostname }'],
  [{ fetch, timeouts: { idle: '0s' } }, 'timeouts.idle: "0s" is not allowed; a duration is'],
  [{ fetch, timeouts: { idle: '0' } }, 'timeouts.idle: "0" is not allowed; a duration is'],
  [{ fetch, gracefulShutdown: { timeout: 0 } }, 'gracefulShutdown.timeout: 0 is not allowed; a duration is'],
  [{ fetch, gracefulShutdown: { delay: 'Infinity' } }, 'gracefulShutdown.delay: "Infinity" is not allowed; a time that ends, or 0 for none'],
  [{ fetch, admin: {} }, 'admin.port: undefined is not allowed; a port is'],
  [{ fetch, admin: null }, 'admin: null is not allowed; '],
  [{ fetch, admin: true }, 'admin: true is not allowed; a port is'],
  [{ fetch, admin: { port: 0, hostname: 5 } }, 'admin.hostname: 5 is not allowed; a host name'],
  [{ fetch, admin: { port: 0, host: 'a' } }, 'admin.host: "(given)" is not allowed; no such option'],
  [{ fetch, trustProxy: 'localhost' }, 'trustProxy: "localhost" is not allowed; true, false, a number of hops'],
  [{ fetch, trustProxy: null }, 'trustProxy: null is not allowed; true, false'],
  [{ fetch, gracefulShutdown: 5 }, 'gracefulShutdown: 5 is not allowed; true, false or'],
  [{ fetch, tls: {} }, 'tls.cert: undefined is not allowed; PEM text, or the path'],
  [{ fetch, tls: null }, 'tls: null is not allowed; an object with cert, key'],
  [{ fetch, tls: { cert: CERT } }, 'tls.key: undefined is not allowed; PEM text, or the path'],
  [{ fetch, tls: { cert: '/no/such.pem', key: KEY } }, 'tls.cert: "/no/such.pem" is not allowed; PEM text, or the path of a file that holds it; the file cannot be read (ENOENT)'],
  [{ fetch, tls: { cert: KEY, key: CERT } }, 'tls.cert: "(a private key)" is not allowed; cert and key are swapped'],
  [{ fetch, tls: { cert: CERT, key: CERT } }, 'tls.key: "(a certificate)" is not allowed; it takes the private key'],
  [{ fetch, tls: { cert: CERT, key: OTHER_KEY } }, 'tls.key: "(a private key)" is not allowed; it does not belong to the certificate'],
  [{ fetch, tls: { cert: CERT, key: KEY, passphrase: 5 } }, 'tls.passphrase: 5 is not allowed; text'],
  [{ fetch, tls: { cert: CERT, key: KEY, certs: 'x' } }, 'tls.certs: "(given)" is not allowed; no such option'],
  [{ fetch, tls: { cert: CERT, key: KEY, SNICallback: fetch } }, 'tls.SNICallback: "(given)" is not allowed; here it is `sni`'],
  [{ fetch, tls: [] }, 'tls: an array is not allowed; a list of one certificate'],
  [{ fetch, tls: [{ cert: CERT, key: KEY }, { cert: CERT, key: OTHER_KEY }] }, 'tls[1].key: "(a private key)" is not allowed; it does not belong'],
  [{ fetch, tls: [{ cert: CERT, key: KEY }, { cert: CERT, key: KEY }] }, 'tls[1].cert: "(a certificate)" is not allowed; it is for the same names as `tls[0].cert`'],
  [{ fetch, tls: [{ cert: CERT, key: KEY }, { cert: CERT, key: KEY, minVersion: 'TLSv1.3' }] }, 'tls[1].minVersion: "(given)" is not allowed; it is for the whole server'],
  [{ fetch, tls: { cert: CERT, key: KEY, serverName: '10.0.0.1:80' } }, 'tls.serverName: "10.0.0.1:80" is not allowed; a host name'],
  [{ fetch, tls: { cert: CERT, key: KEY, minVersion: 'TLSv1.1' } }, "tls.minVersion: \"TLSv1.1\" is not allowed; 'TLSv1.2' or 'TLSv1.3': those before are broken"],
  [{ fetch, tls: { cert: CERT, key: KEY, maxVersion: 'TLS1.3' } }, "tls.maxVersion: \"TLS1.3\" is not allowed; one of 'TLSv1.2', 'TLSv1.3'"],
  [{ fetch, tls: { cert: CERT, key: KEY, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' } }, 'tls.maxVersion: "TLSv1.2" is not allowed; no version is left'],
  [{ fetch, tls: { cert: CERT, key: KEY, ciphers: 'ECDHE-RSA-AES128-GCM-SHA256:ROT13' } }, 'tls.ciphers: "ROT13" is not allowed; no cipher of OpenSSL 3'],
  [{ fetch, tls: { cert: CERT, key: KEY, ciphers: ['TLS_ROT13_SHA1'] } }, 'tls.ciphers: "TLS_ROT13_SHA1" is not allowed; no cipher of OpenSSL 3'],
  [{ fetch, tls: { cert: CERT, key: KEY, ciphers: 5 } }, 'tls.ciphers: 5 is not allowed; names of ciphers'],
  [{ fetch, tls: { cert: CERT, key: KEY, groups: 'X25519:X25518' } }, 'tls.groups: "X25518" is not allowed; no group of OpenSSL 3'],
  [{ fetch, tls: { cert: CERT, key: KEY, ca: CERT } }, 'tls.ca: "(given)" is not allowed; it is about certificates of clients'],
  [{ fetch, tls: { cert: CERT, key: KEY, requestCert: 'yes' } }, 'tls.requestCert: "yes" is not allowed; true or false'],
  [{ fetch, tls: { cert: CERT, key: KEY, requestCert: true } }, 'tls.ca: undefined is not allowed; PEM or paths'],
  [{ fetch, tls: { cert: CERT, key: KEY, requestCert: true, ca: KEY } }, 'tls.ca: "(PEM)" is not allowed; it holds no CERTIFICATE'],
  [{ fetch, tls: { cert: CERT, key: KEY, requestCert: true, ca: [CERT, '/no/such'] } }, 'tls.ca[1]: "/no/such" is not allowed; PEM text'],
  [{ fetch, tls: { cert: CERT, key: KEY, requestCert: true, ca: CERT, crl: CERT } }, 'tls.crl: "(PEM)" is not allowed; it holds no X509 CRL'],
  [{ fetch, tls: { cert: CERT, key: KEY, ocsp: new Uint8Array([48, 3, 10, 1, 6]) } }, 'tls.ocsp: "(bytes)" is not allowed; an answer of OCSP in DER'],
  [{ fetch, tls: { cert: CERT, key: KEY, sni: {} } }, 'tls.sni: an object (Object) is not allowed; a function'],
  [throwing('port'), 'port: an object (Error) is not allowed; it could not be read: a getter threw mine'],
  [throwing('timeouts'), 'timeouts: an object (Error) is not allowed; it could not be read: a getter threw mine'],
  [{ fetch, timeouts: throwing('fetch') }, 'timeouts.fetch: "(given)" is not allowed'],
]; // biome-ignore format: one case a line

for (const [options, message] of CASES) {
  test(`refused: ${message}`, async () => {
    await assert.rejects(serve(options as never), (error) => {
      assert.ok(error instanceof OptionError, String(error));
      assert.equal(error.message.slice(0, message.length), message);
      assert.equal(error.code, 'HOLDFAST_OPTION');
      assert.ok(message.startsWith(`${error.option}:`));
      return true;
    });
  });
}

test('PORT and HOST of the environment are held to the same rules, and named', async () => {
  process.env['PORT'] = 'http';
  try {
    await assert.rejects(serve({ fetch }), /^OptionError: PORT: "http" is not allowed; a port is/);
  } finally {
    delete process.env['PORT'];
  }
});

test('options may be inherited and come from getters, each read once', async () => {
  let reads = 0;
  class Base {
    get port() {
      reads++;
      return 0;
    }
  }
  class Options extends Base {
    module = 'data:text/javascript,export default () => new Response("ok")';
  }
  const server = await serve(new Options());
  assert.equal(await (await globalThis.fetch(server.url)).text(), 'ok');
  assert.equal(reads, 1);
  await server.close(true);
});

const ask = (port: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const agent = new Agent({ ca: CERT, keepAlive: false });
    get({ host: 'localhost', port, agent }, (response) => {
      response.setEncoding('utf8').once('data', resolve);
    }).on('error', reject);
  });

test('certificate and key may be PEM, bytes or paths, and the key encrypted', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-tls-'));
  t.after(() => rm(folder, { recursive: true }));
  const certFile = join(folder, 'cert.pem');
  const keyFile = join(folder, 'key.pem');
  await writeFile(certFile, CERT);
  await writeFile(keyFile, KEY);
  for (const tls of [
    { cert: CERT, key: KEY },
    { cert: Buffer.from(CERT), key: new TextEncoder().encode(KEY) },
    { cert: certFile, key: keyFile },
    { cert: certFile, key: ENCRYPTED_KEY, passphrase: 'secret' },
  ]) {
    const server: Server = await serve({ fetch, port: 0, tls });
    assert.match(server.url, /^https:/);
    assert.equal(await ask(server.port), 'ok');
    await server.close(true);
  }
  for (const passphrase of [undefined, 'wrong'])
    await assert.rejects(
      serve({
        fetch,
        tls: { cert: CERT, key: ENCRYPTED_KEY, ...(passphrase === undefined ? {} : { passphrase }) },
      }),
      /^OptionError: tls\.passphrase: .* the private key is encrypted(?:, and this does not open it| and needs its passphrase)$/,
    );
});
