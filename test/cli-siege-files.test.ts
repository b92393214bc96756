/** siege's resource file, its log with marks, its random order, and its look at one request. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parseArguments } from '#src/cli/arguments.ts';
import { SIEGE_FLAGS } from '#src/cli/siege-flags.ts';
import { parseSiegeResource } from '#src/cli/siege-resource.ts';
import { siegeSettings } from '#src/cli/siege-settings.ts';
import { run } from './cli-run.ts';
import { freePort, OK, startServer } from './load-servers.ts';

/** A home of its own, so that no file of whoever runs the tests is read or written. */
async function home(t: TestContext): Promise<{ dir: string; env: NodeJS.ProcessEnv }> {
  const dir = await mkdtemp(join(tmpdir(), 'holdfast-siege-'));
  t.after(() => rm(dir, { recursive: true }));
  return { dir, env: { HOME: dir, SIEGERC: '', TZ: 'UTC' } };
}

const transactions = (text: string) => Number(/Transactions:\s+(\d+) hits/.exec(text)?.[1]);
const countLines = (text: string, wanted: string) =>
  text.split('\n').filter((line) => line === wanted).length;

test('the resource file says what flags do not, and flags count before it', async (t) => {
  const heads: string[] = [];
  const server = await startServer(t, (socket, head) => {
    heads.push(head);
    socket.write(OK);
  });
  const { dir, env } = await home(t);
  const rc = join(dir, 'my.conf');
  await writeFile(
    rc,
    `# as siege writes it
verbose = true
color = on
HOST = 127.0.0.1:${server.port}
url = http://$(HOST)/from-file?\${WORD}
concurrent = 3
reps = 7
benchmark = true
connection = keep-alive
user-agent = Limey The Bulldog
accept-encoding = gzip
header = X-One: file
header = X-Two: file
logging = false
# logfile =
time =
protocol = HTTP/1.1
limit = 255
`,
  );
  const ended = await run(t, ['siege', '-R', rc, '-H', 'x-two: flag'], { ...env, WORD: 'word' });
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(transactions(ended.stdout), 21);
  assert.equal(server.connections, 3);
  assert.match(ended.stderr, /Preparing 3 concurrent users/);
  for (const head of heads) {
    assert.match(head, /^GET \/from-file\?word HTTP/);
    assert.match(head, /^User-Agent: Limey The Bulldog\r$/m);
    assert.match(head, /^Accept-Encoding: gzip\r$/m);
    assert.match(head, /^X-One: file\r$/m);
    assert.match(head, /^x-two: flag\r$/m);
    assert.doesNotMatch(head, /X-Two/);
  }
  // SIEGERC names it, too; flags take its place.
  const again = await run(t, ['siege', '-c2', '-r5', server.url], { ...env, SIEGERC: rc, WORD: 'w' });
  assert.equal(transactions(again.stdout), 10);
  assert.match(heads.at(-1)!, /^GET \/ HTTP/);
});

test('the file in the home folder is read without being asked for, and -q of it silences', async (t) => {
  const server = await startServer(t, (socket) => void socket.write(OK));
  const { dir, env } = await home(t);
  await writeFile(join(dir, '.siegerc'), 'concurrent = 2\nreps = 3\nbenchmark = true\nquiet = true\n');
  const ended = await run(t, ['siege', server.url], env);
  assert.equal(transactions(ended.stdout), 6);
  assert.equal(ended.stderr, '');
});

test('what is not taken over is said, and what would load something else is refused', async (t) => {
  const server = await startServer(t, (socket) => void socket.write(OK));
  const { dir, env } = await home(t);
  const rc = join(dir, 'siege.conf');
  const siege = async (text: string, args: string[] = ['-b', '-c1', '-r1']) => {
    await writeFile(rc, text);
    return run(t, ['siege', '-R', rc, ...args, server.url], env);
  };
  // The file that siege 4 itself makes works.
  const usual = await siege(
    'parser = true\ncache = false\ngmethod = HEAD\nnofollow = ads.example\nunique = true\n',
  );
  assert.equal(usual.code, 0);
  assert.match(
    usual.stderr,
    /^warning: .*siege\.conf:1: parser = true is not taken over: what a page refers to/m,
  );
  assert.equal(usual.stderr.match(/warning:/g)?.length, 1);
  const refused = await siege('proxy-host = proxy.example\n');
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /^holdfast: .*siege\.conf:1: "proxy-host" .*no loading through a proxy\n$/);
  const capped = await siege('limit = 2\n', ['-b', '-c5', '-r4']);
  assert.equal(transactions(capped.stdout), 8);
  assert.match(capped.stderr, /warning: the number of users is capped at 2/);
  const missing = await run(t, ['siege', '-R', join(dir, 'none'), '-r1', server.url], env);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /--rc .*none: cannot be read \(ENOENT\)/);
});

const REFUSED: [string, RegExp][] = [
  ['\nlogin = jeff:secret\n', /siege\.conf:2: "login" .*credentials stand in the URL/],
  ['protocol = HTTP/1.0\n', /protocol \(siege\.conf\): "HTTP\/1\.0"/],
  ['concurent = 5\n', /siege\.conf:1: "concurent" .*did you mean concurrent\?/],
  ['concurrent = many\n', /concurrent \(siege\.conf\): "many"/],
  ['internet = ture\n', /internet \(siege\.conf\): "ture" .*true or false/],
  ['time = soon\n', /time \(siege\.conf\): "soon"/],
  ['delay = soon\n', /delay \(siege\.conf\): "soon"/],
  ['header = no colon\n', /header \(siege\.conf\): "no colon"/],
  ['url = $(NOWHERE_SET)/\n', /siege\.conf:1: .*NOWHERE_SET is set on a line before/],
];

for (const [text, wanted] of REFUSED) {
  test(`a resource file with ${text.trim()} is refused by its place`, () => {
    const { values: flags } = parseArguments(SIEGE_FLAGS, [], {}, 1);
    assert.throws(
      () => siegeSettings(flags, parseSiegeResource(text, 'siege.conf', {}), 'http://a/'),
      wanted,
    );
  });
}

test('a file with both time and repetitions is taken as siege takes it, and a flag for both', () => {
  const resource = parseSiegeResource('time = 5S\nreps = 3\nURLS = x\nfile = $URLS/u.txt', 'f', {});
  const settings = (argv: string[]) =>
    siegeSettings(parseArguments(SIEGE_FLAGS, argv, {}, 1).values, resource, undefined);
  const { durationMs, reps, warnings, file } = settings([]);
  assert.deepEqual([durationMs, reps, warnings.length, file], [5000, undefined, 1, 'x/u.txt']);
  const flagged = settings(['-r', '9', '-f', 'mine.txt']);
  assert.deepEqual(
    [flagged.durationMs, flagged.reps, flagged.warnings.length, flagged.file],
    [undefined, 9, 0, 'mine.txt'],
  );
});

test('a secret that is refused is not repeated', () => {
  assert.throws(
    () => parseSiegeResource('login = jeff:secret\n', 'siege.conf', {}),
    (error: Error) => !error.message.includes('secret'),
  );
});

test('each run adds a line to the log, below its mark, in columns of siege', async (t) => {
  const server = await startServer(t, (socket) => void socket.write(OK));
  const { dir, env } = await home(t);
  const log = join(dir, 'siege.log');
  const first = await run(t, ['siege', '-b', '-c2', '-r10', `--log=${log}`, server.url], env);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /LOG FILE: .*siege\.log\n/);
  const second = await run(
    t,
    ['siege', '-b', '-c1', '-r3', '-q', `-l${log}`, '-m', 'new\nbuild', server.url],
    env,
  );
  assert.equal(second.stderr, '');
  const [head, one, mark, two, end] = (await readFile(log, 'utf8')).split('\n');
  assert.equal(
    head,
    '      Date & Time,  Trans,  Elap Time,  Data Trans,  Resp Time,  Trans Rate,  Throughput,  Concurrent,    OKAY,   Failed',
  );
  assert.match(
    one!,
    /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d, {5}20, {7}\d\.\d\d, {11}0, {7}\d\.\d\d, +\d+\.\d\d, {8}\d\.\d\d, {8}\d\.\d\d, {6}20, {7}0$/,
  );
  assert.equal(mark, '**** new build ****');
  assert.match(two!, /, {6}3,.*, {7}3, {7}0$/);
  assert.equal(end, '');
  // Without a name, and as siege has it within other letters: the next word is no file.
  const plain = await run(t, ['siege', '-bl', '-c1', '-r2', server.url], env);
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(await readFile(join(dir, '.siege', 'siege.log'), 'utf8'), /, {6}2,/);
  const none = await run(t, ['siege', '-b', '-r1', `-l${join(dir, 'no', 'folder')}`, server.url], env);
  assert.equal(none.code, 1);
  assert.match(none.stderr, /^holdfast: --log .*: cannot be written \(ENOENT\)\n$/);
  assert.equal(server.requests, 25);
});

test('in internet mode users take the URLs at random', async (t) => {
  const paths: string[] = [];
  const server = await startServer(t, (socket, head) => {
    paths.push(head.split(' ')[1]!);
    socket.write(OK);
  });
  const { dir, env } = await home(t);
  const file = join(dir, 'urls.txt');
  await writeFile(file, ['a', 'b', 'c', 'd'].map((path) => `${server.url}${path}\n`).join(''));
  await run(t, ['siege', '-b', '-c1', '-r80', '-f', file], env);
  const inOrder = paths.splice(0);
  assert.ok(inOrder.every((path, at) => path === ['/a', '/b', '/c', '/d'][at % 4]));
  const ended = await run(t, ['siege', '-b', '-i', '-c1', '-r200', '-f', file], env);
  assert.equal(paths.length, 200);
  for (const path of ['/a', '/b', '/c', '/d']) {
    const count = paths.filter((each) => each === path).length;
    assert.ok(count > 25 && count < 85, `${path} ${count} times`);
    assert.match(ended.stdout, new RegExp(` +${count} .*  ${path}\n`));
  }
  const repeats = paths.filter((path, at) => path === paths[at + 1]).length;
  assert.ok(repeats > 20, `${repeats} follow themselves`);
});

test('--get shows what is sent and the head of the answer, and its exit code tells', async (t) => {
  const server = await startServer(t, (socket, head) => {
    const status = head.includes('/missing') ? '404 Not Found' : '200 OK';
    const isHead = head.startsWith('HEAD');
    socket.end(
      `HTTP/1.1 ${status}\r\nX-Colour: \x9b31mred\r\nContent-Length: 5\r\n\r\n${isHead ? '' : 'page\n'}`,
    );
  });
  const { dir, env } = await home(t);
  const url = `http://user:pa55word@127.0.0.1:${server.port}/x`;
  const ended = await run(t, ['siege', '-g', '-A', 'Limey', url], env);
  assert.equal(ended.code, 0, ended.stderr);
  assert.equal(
    ended.stdout,
    `HEAD /x HTTP/1.1
Host: 127.0.0.1:${server.port}
User-Agent: Limey
Connection: close
Authorization: Basic ***

HTTP/1.1 200 OK
X-Colour: Â\\x9b31mred
Content-Length: 5

`,
  );
  assert.equal(ended.stderr, '');
  const missing = await run(t, ['siege', '-g', '-q', `${server.url}missing`], env);
  assert.deepEqual([missing.code, missing.stdout], [1, '']);
  const page = await run(t, ['siege', '-p', server.url], env);
  assert.match(page.stdout, /^GET \/ HTTP\/1\.1\n[\s\S]*\n\nHTTP\/1\.1 200 OK\n[\s\S]*\n\npage\n$/);
  await writeFile(join(dir, '.siegerc'), 'gmethod = GET\n');
  const byFile = await run(t, ['siege', '-g', server.url], env);
  assert.match(byFile.stdout, /^GET \//);
  assert.doesNotMatch(byFile.stdout, /^page$/m);
  const post = await run(t, ['siege', '-g', `${server.url} POST a=b`], env);
  assert.match(post.stdout, /^POST \/ HTTP[\s\S]*Content-Length: 3\n/);
  const gone = await run(t, ['siege', '-g', `http://127.0.0.1:${await freePort()}/`], env);
  assert.equal(gone.code, 1);
  assert.match(gone.stderr, /^holdfast: http:.*: no answer \(ECONNREFUSED\)\n$/);
  assert.equal(countLines(gone.stdout, 'HTTP/1.1 200 OK'), 0);
});

for (const [what, answer, wanted] of [
  ['garbage', 'SSH-2.0-OpenSSH\r\n', /no answer \(garbage: .*RFC 9112/],
  ['nothing', '', /no answer \(closed early\)/],
] as const) {
  test(`--get says what was wrong when ${what} comes`, async (t) => {
    const server = await startServer(t, (socket) => void socket.end(answer));
    const { env } = await home(t);
    const ended = await run(t, ['siege', '-g', server.url], env);
    assert.equal(ended.code, 1);
    assert.match(ended.stderr, wanted);
  });
}
