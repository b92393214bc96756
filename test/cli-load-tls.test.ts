/** `holdfast load https://…`: which certificates are refused, and what is told of those that are taken. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { ServerOptions } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { CERTIFICATE, KEY } from '#src/engine/node/tls-keys.fixture.ts';
import { EXPIRED, LOCALHOST, OTHER_HOST } from '#src/engine/tls/tls-chains.fixture.ts';
import { run } from './cli-run.ts';
import { httpsServer, tlsFolder } from './load-tls.ts';

const folder = tlsFolder();
const CACERT = join(folder, 'root.pem');

const refusals: [what: string, options: ServerOptions, args: string[], wanted: RegExp][] = [
  [
    'self-signed',
    { cert: CERTIFICATE, key: KEY },
    [],
    /its certificate is self-signed, and nothing here trusts it \(DEPTH_ZERO_SELF_SIGNED_CERT\); trust its root with --cacert FILE, or take any certificate with --insecure/,
  ],
  ['of an unknown root', LOCALHOST, [], /do not lead to a root that is trusted here .*--cacert/],
  [
    'expired',
    EXPIRED,
    ['--cacert', CACERT],
    /its certificate has expired \(CERT_HAS_EXPIRED\); take any certificate with --insecure/,
  ],
  [
    "another host's",
    OTHER_HOST,
    ['--cacert', CACERT],
    /its certificate is another host's, not 127\.0\.0\.1's \(ERR_TLS_CERT_ALTNAME_INVALID\); name whose it is with --server-name/,
  ],
];
for (const [what, options, args, wanted] of refusals)
  test(`a certificate that is ${what} is refused in one line before the run`, async (t) => {
    const url = await httpsServer(t, options);
    const ended = await run(t, ['load', '-n', '5', ...args, url]);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, wanted);
    assert.match(ended.stderr, /^holdfast: https:\/\/127\.0\.0\.1:\d+: [^\n]+\n$/);
    assert.equal(ended.stdout, '');
  });

test('text and HTML tell of handshakes', async (t) => {
  const url = await httpsServer(t, LOCALHOST);
  const file = join(folder, 'report.html');
  const ended = await run(t, ['load', '--cacert', CACERT, '-n', '20', '-c', '2', '--html', file, url]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /^ {2}handshakes +[\d.]+ [mµ]s/m);
  assert.match(ended.stdout, /^Handshakes +2 full, 0 resumed\n +TLSv1\.3 TLS_/m);
  assert.match(readFileSync(file, 'utf8'), /TLS handshakes, full.*TLSv1\.3 TLS_/s);
});
