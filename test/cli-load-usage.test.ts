/** What can be wrong with a load run before it begins: one clear line, and the right exit code. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCount, parseRate, parseTime, parseTimeRange } from '#src/cli/load-numbers.ts';
import { widthOf } from '#src/cli/load-run.ts';
import { parseSiegeTime } from '#src/cli/siege-flags.ts';
import { run } from './cli-run.ts';

const URL = 'http://127.0.0.1:9/';

const CASES: [string, string[], number, RegExp][] = [
  ['no URL', [], 2, /a URL is missing, as in: holdfast load http/],
  ['another scheme', ['ftp://127.0.0.1/'], 2, /a target is an http or https URL/],
  ['http and https in one run', ['https://127.0.0.1/', URL], 2, /http and https are not loaded in one run/],
  ['a flag of TLS without TLS', ['--insecure', URL], 2, /--insecure goes with https targets/],
  ['a choice of protocols without TLS', ['--alpn', URL], 2, /--alpn goes with https targets/],
  ['a certificate without its key', ['--cert', 'a.pem', 'https://127.0.0.1/'], 2, /--cert and --key are given together/],
  ['roots that are not there', ['--cacert', '/no/such.pem', 'https://127.0.0.1/'], 2, /--cacert: "\/no\/such\.pem" .*ENOENT/],
  ['roots that are none', ['--cacert', '/dev/null', 'https://127.0.0.1/'], 2, /--cacert: .* a file with certificates in PEM/],
  ['a server name that is none', ['--server-name', 'a b', 'https://127.0.0.1/'], 2, /--server-name: "a b" is not allowed; a host name/],
  ['no URL at all', ['http://'], 2, /a target is a URL such as/],
  ['an unknown host', ['http://no.such.host.invalid/'], 1, /no\.such\.host\.invalid: the name cannot be looked up/],
  ['an unknown flag', ['--conections', '5', URL], 2, /unknown flag --conections; did you mean --connections\?/],
  ['no connections', ['-c', '0', URL], 2, /--connections: "0" is not allowed; a whole number from 1/],
  ['a bad duration', ['-d', 'soon', URL], 2, /--duration: "soon" is not allowed; a time such as 500ms, 10s or 2m; a number without a unit is seconds/],
  ['a report that cannot be written', ['--html', '/no/such/report.html', URL], 1, /--html \/no\/such\/report\.html: cannot be written \(ENOENT\)/],
  ['a result that cannot be written', ['--save', '/no/such/result.json', URL], 1, /--save \/no\/such\/result\.json: cannot be written \(ENOENT\)/],
  ['two uses of standard input', ['--body-file', '-', '-f', '-', URL], 2, /there is one standard input/],
  ['a bad URL with a password', ['ftp://bob:s3cret@127.0.0.1/'], 2, /ftp:\/\/bob:\*\*\*@127\.0\.0\.1\/" .* a target is an http or https URL/],
  ['a bad list of a URL with a password', ['http://bob:s3cret@127.0.0.1/ x y'], 2, /http:\/\/bob:\*\*\*@127\.0\.0\.1\/ x y" is not allowed; a line is URL/],
  ['a limit that is off', ['--slo', 'p99=off', URL], 2, /--slo: "off" is not allowed; a time above 0 with its unit/],
  ['a limit without its unit', ['--find-limit', 'p99=10', URL], 2, /--find-limit: "10" is not allowed; a time above 0 with its unit/],
  ['think time with streams', ['--h2', '-m', '8', '--think', '1s', URL], 2, /--streams: 8 is not allowed; it goes without --think/],
  ['nothing on standard input', ['-f', '-'], 2, /standard input: "" is not allowed; it holds at least one URL/],
  ['a bad rate', ['-r', 'fast', URL], 2, /--rate: "fast" is not allowed; a number of requests a second/],
  ['a bad range', ['--think', '2s-1s', URL], 2, /--think: "2s-1s" is not allowed; a range goes upwards/],
  ['a bad threshold', ['--slo', 'p99=fast', URL], 2, /--slo: "fast" is not allowed/],
  ['a bad share', ['--max-error-rate', '200%', URL], 2, /--max-error-rate: "200%" is not allowed/],
  ['a bad header', ['-H', 'nothing', URL], 2, /--header: "nothing" is not allowed; a header is 'Name: value'/],
  ['a header that is no token', ['-H', 'a b: c', URL], 2, /--header: "a b: c" is not allowed; a header name is a token/],
  ['a method that is none', ['--method', 'G T', URL], 2, /--method: "G T" is not allowed; a method is a token such as GET/],
  ['two bodies', ['-b', 'a', '--body-file', 'b', URL], 2, /--body and --body-file are not given together/],
  ['a missing body', ['--body-file', '/no/such/file', URL], 2, /--body-file: "\/no\/such\/file" is not allowed; it cannot be read \(ENOENT\)/],
  ['a missing list', ['-f', '/no/such/file'], 1, /\/no\/such\/file: cannot be read \(ENOENT\)/],
  ['a missing script', ['--script', '/no/such.mjs', URL], 1, /--script \/no\/such\.mjs: no such file/],
  ['a missing earlier result', ['--compare', '/no/such.json', URL], 1, /--compare \/no\/such\.json: cannot be read/],
  ['an address of another machine', ['--source-addresses', '192.0.2.1', URL], 2, /--source-addresses: "192\.0\.2\.1" .*EADDRNOTAVAIL/],
  ['a rate with think time', ['-r', '10', '--think', '1s', URL], 2, /a constant rate has no think time/],
  ['pipelined new connections', ['--pipeline', '4', '--new-connection', URL], 2, /goes without --new-connection/],
  ['a search with a rate', ['--find-limit', 'p99=1ms', '-r', '5', URL], 2, /it goes without --rate/],
  ['a group without agents', ['--agents-group', 'a', URL], 2, /--agents-group goes with --agents/],
  ['a group that is none', ['--agents', 'nats://127.0.0.1', '--agents-group', 'a.b', URL], 2, /--agents-group: "a\.b" is not allowed/],
  ['a ramp longer than the run', ['--ramp', '20s', '-d', '10s', URL], 2, /a ramp ends within --duration/],
]; // biome-ignore format: a case a line

for (const [what, args, code, wanted] of CASES) {
  test(`${what} is told in one line and ends with ${code}`, async (t) => {
    const ended = await run(t, ['load', ...args]);
    assert.match(ended.stderr, wanted);
    assert.match(ended.stderr, /^holdfast: [^\n]+\n$/);
    assert.equal(ended.code, code);
    assert.equal(ended.stdout, '');
  });
}

test('a terminal without a size is as wide as a pipe', () => {
  assert.equal(widthOf({ columns: 0 }), widthOf({}));
  assert.equal(widthOf({ columns: 72 }), 72);
});

test('help pages fit 80 columns', async (t) => {
  for (const command of ['load', 'siege', 'load-agent']) {
    const ended = await run(t, [command, '--help']);
    assert.equal(ended.code, 0);
    for (const line of ended.stdout.split('\n')) assert.ok(line.length <= 80, line);
  }
});

test('numbers are read as users of such tools write them', () => {
  assert.deepEqual(
    ['1', '10k', '1.5m', '1.1k'].map((text) => parseCount('-n', text)),
    [1, 10_000, 1_500_000, 1100],
  );
  assert.deepEqual(
    ['0.5', '50k', '100/s'].map((text) => parseRate('-r', text)),
    [0.5, 50_000, 100],
  );
  assert.deepEqual(
    ['10', '1.5', '500ms', '2m', '0'].map((text) => parseTime('-d', text)),
    [10_000, 1500, 500, 120_000, 0],
  );
  assert.deepEqual(parseTimeRange('--think', '0-2s'), { minMs: 0, maxMs: 2000 });
  assert.deepEqual(parseTimeRange('--think', '1s'), { minMs: 1000, maxMs: 1000 });
  assert.deepEqual(parseTimeRange('--think', '500ms-1s'), { minMs: 500, maxMs: 1000 });
  assert.deepEqual(
    ['20S', '5m', '1H', '2', '0.5S'].map((text) => parseSiegeTime('-t', text)),
    [20_000, 300_000, 3_600_000, 120_000, 500],
  );
  for (const wrong of ['0', '1.5', '-3', 'k', '']) assert.throws(() => parseCount('-n', wrong), /-n/);
});
