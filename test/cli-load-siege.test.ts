/** `holdfast siege`: siege's flags mean what siege's users expect, and the summary is siege's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CliProcess, run } from './cli-run.ts';
import { OK, startServer } from './load-servers.ts';

const SUMMARY = new RegExp(
  [
    '^Transactions:\\t\\t +(\\d+) hits',
    'Availability:\\t\\t +(\\d+\\.\\d\\d) %',
    'Elapsed time:\\t\\t +\\d+\\.\\d\\d secs',
    'Data transferred:\\t +\\d+\\.\\d\\d MB',
    'Response time:\\t\\t +\\d+\\.\\d\\d secs',
    'Transaction rate:\\t +\\d+\\.\\d\\d trans/sec',
    'Throughput:\\t\\t +\\d+\\.\\d\\d MB/sec',
    'Concurrency:\\t\\t +\\d+\\.\\d\\d',
    'Successful transactions: *(\\d+)',
    'Failed transactions:\\t +(\\d+)',
    'Longest transaction:\\t +\\d+\\.\\d\\d secs',
    'Shortest transaction:\\t +\\d+\\.\\d\\d secs\n',
  ].join('\n'),
);

test('repetitions are of each user, and each request has a connection', async (t) => {
  const server = await startServer(t, (socket) => void socket.write(OK));
  const ended = await run(t, ['siege', '-b', '-c5', '-r20', server.url]);
  assert.equal(ended.code, 0, ended.stderr);
  const [, transactions, availability, successful, failed] =
    SUMMARY.exec(ended.stdout) ?? assert.fail(ended.stdout);
  assert.deepEqual([transactions, availability, successful, failed], ['100', '100.00', '100', '0']);
  assert.equal(server.connections, 100);
  assert.match(ended.stderr, /Preparing 5 concurrent users/);
  assert.match(ended.stdout, /\nlimited by: /);
});

test('a time ends it, without -b users think, and connections may be kept', async (t) => {
  const server = await startServer(t, (socket) => void socket.write(OK));
  const startMs = performance.now();
  const ended = await run(t, ['siege', '-c4', '-t1S', '-d0.2', '--keep-alive', '-q', server.url]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.ok(performance.now() - startMs < 10_000);
  assert.equal(ended.stderr, '');
  assert.equal(server.connections, 4);
  // Pauses of 100 ms on average: some 40 requests, and far from what a server can answer.
  assert.ok(server.requests >= 12 && server.requests < 120, String(server.requests));
});

test('JSON goes to standard output, the summary beside it', async (t) => {
  const server = await startServer(
    t,
    (socket) => void socket.write('HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n'),
  );
  const ended = await run(t, ['siege', '-b', '-c2', '-r3', '-j', '-q', server.url]);
  const figures = JSON.parse(ended.stdout);
  assert.equal(figures.transactions, 6);
  assert.equal(figures.successful_transactions, 0);
  assert.equal(figures.failed_transactions, 0);
  assert.equal(figures.availability, 100);
  assert.match(ended.stderr, SUMMARY);
});

test('without time and repetitions it lasts until Ctrl-C, which is no failure', async (t) => {
  const server = await startServer(t, (socket) => void socket.write(OK));
  const siege = new CliProcess(t, ['siege', '-b', '-c2', server.url]);
  await siege.until(() => server.requests > 50, 'the siege');
  siege.child.kill('SIGINT');
  const ended = await siege.ended;
  assert.equal(ended.code, 0);
  assert.match(ended.stdout, SUMMARY);
});

const REFUSED: [string[], RegExp][] = [
  [[], /a URL or --file is missing/],
  [['-t', 'soon', 'http://a/'], /--time: "soon" is not allowed; a time such as 20S/],
  [['-r', '0', 'http://a/'], /--reps: "0" .*whole number from 1, or 'once'/],
  [['-t', '1S', '-r', '2', 'http://a/'], /not given together/],
  [['-d', '-1', 'http://a/'], /-d needs a value|--delay: "-1"/],
];

for (const [args, wanted] of REFUSED) {
  test(`siege ${args.join(' ')} is refused in one line`, async (t) => {
    const ended = await run(t, ['siege', ...args]);
    assert.equal(ended.code, 2);
    assert.match(ended.stderr, wanted);
    assert.match(ended.stderr, /^holdfast: [^\n]+\n$/);
  });
}
