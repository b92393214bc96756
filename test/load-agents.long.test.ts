/**
 * `holdfast load --agents` and `holdfast load-agent` as users run them: a NATS server, agents and
 * coordinators, each a process, and what happens when one of them dies.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { LOCALHOST } from '#src/engine/tls/tls-chains.fixture.ts';
import type { LoadResult } from '#src/load/measure/load-result.ts';
import { CliProcess, type Ended, run } from './cli-run.ts';
import { freePort, OK, startServer, type TestServer } from './load-servers.ts';
import { httpsServer, tlsFolder } from './load-tls.ts';
import { NATS_MISSING, startNats } from './nats-server.ts';

const skip = NATS_MISSING;
const tls = tlsFolder();

async function startAgents(
  t: TestContext,
  url: string,
  names: readonly string[],
  flags: readonly string[] = [],
) {
  const agents = names.map((name) => new CliProcess(t, ['load-agent', url, '--name', name, ...flags]));
  await Promise.all(agents.map((agent) => agent.ready()));
  return agents;
}

/** Answers at once. */
function quickServer(t: TestContext): Promise<TestServer> {
  return startServer(t, (socket) => void socket.write(OK));
}

function resultOf(ended: Ended): LoadResult {
  assert.notEqual(ended.stdout, '', ended.stderr);
  return JSON.parse(ended.stdout);
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

test('two agents make one run: counts add up, percentiles are those of all answers', { skip }, async (t) => {
  const nats = await startNats(t);
  await startAgents(t, nats.url, ['east', 'west']);
  // Four of five requests are answered after 5 ms, the fifth after 50 ms.
  const server = await startServer(t, (socket, _head, { requests }) => {
    setTimeout(() => void socket.write(OK), requests % 5 === 0 ? 50 : 5);
  });
  const ended = await run(t, [
    ...['load', '--json', '--agents', nats.url, '--agent-count', '2'],
    ...['-n', '2001', '-c', '21', server.url],
  ]);
  assert.equal(ended.code, 0, ended.stderr);
  assert.match(ended.stderr, /^agents: east, west$/m);
  const result = resultOf(ended);
  assert.equal(server.requests, 2001);
  assert.equal(server.connections, 21);
  assert.equal(result.requests.answered, 2001);
  assert.deepEqual(result.statuses, { '200': 2001 });
  assert.equal(result.bytesReceived, 2001 * OK.length);
  assert.deepEqual(
    result.machines.map(({ name }) => name),
    ['east', 'west'],
  );
  assert.equal(sum(result.machines.map(({ answered }) => answered)), 2001);
  // By connections, 11 and 10.
  assert.ok(result.machines.every(({ answered }) => Math.abs(answered - 1000) < 60));
  assert.ok(result.machines.every(({ startUncertaintyMs }) => startUncertaintyMs! < 1000));
  assert.equal(result.latency.count, 2001);
  assert.equal(sum(result.series.map(({ answered }) => answered)), 2001);
  // 80 % are quick. Up to 5 % of all (a hundred, five stalls of both agents) may be late for reasons of
  // the machine's; nothing can be early by more than the millisecond that timers are cut to.
  const { percentilesMs } = result.latency;
  assert.ok(percentilesMs['50']! >= 4 && percentilesMs['75']! < 45, JSON.stringify(percentilesMs));
  assert.ok(percentilesMs['90']! >= 49, JSON.stringify(percentilesMs));
  assert.ok(result.latency.meanMs! >= 0.8 * 4 + 0.2 * 49, `mean ${result.latency.meanMs}`);
  assert.match(result.verdict.evidence.join('\n'), /^east: 1 thread at work .*\nwest: 1 thread at work /);
});

test('figures of each URL are added over agents', { skip }, async (t) => {
  const nats = await startNats(t);
  await startAgents(t, nats.url, ['east', 'west']);
  const seen = new Map<string, number>();
  const server = await startServer(t, (socket, head) => {
    const path = head.split(' ')[1]!;
    seen.set(path, (seen.get(path) ?? 0) + 1);
    socket.write(path === '/b' ? OK.replace('200 OK', '500 No') : OK);
  });
  const urls = ['a', 'b', 'c'].map((path) => server.url + path);
  const ended = await run(t, [
    ...['load', '--json', '--agents', nats.url, '--agent-count', '2', '-n', '301', '-c', '5', ...urls],
  ]);
  const { byUrl } = resultOf(ended);
  assert.deepEqual(
    byUrl.map(({ url, answered }) => [url, answered]),
    urls.map((url) => [url, seen.get(new URL(url).pathname)]),
  );
  assert.deepEqual(
    byUrl.map(({ failed }) => failed),
    [0, seen.get('/b'), 0],
  );
});

test('agents load over TLS, each by its own handshakes', { skip }, async (t) => {
  const nats = await startNats(t);
  await startAgents(t, nats.url, ['east', 'west']);
  const url = await httpsServer(t, LOCALHOST);
  const asked = ['load', '--json', '--agents', nats.url, '--agent-count', '2', '-n', '40', '-c', '4'];
  const ended = await run(t, [...asked, '--cacert', join(tls, 'root.pem'), url]);
  assert.equal(ended.code, 0, ended.stderr);
  const { handshakes, statuses, handshakeTime } = resultOf(ended);
  assert.deepEqual(statuses, { '200': 40 });
  assert.deepEqual([handshakes!.full, handshakes!.failed, handshakeTime!.count], [4, 0, 4]);
  const refused = resultOf(await run(t, [...asked, url]));
  assert.deepEqual(Object.keys(refused.errors), ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY']);
  assert.equal(refused.handshakes!.failed, 40);
});

/** The rights that docs/load-agents.md gives; and messages so short that plans and totals are cut. */
const RIGHTS_AND_SMALL_MESSAGES = `max_payload: 2048
authorization {
  users = [
    { user: agent, password: "a:1", permissions: {
      publish: "_INBOX.>", subscribe: "holdfast.load.team.>" } }
    { user: loader, password: l, permissions: {
      publish: "holdfast.load.team.>", subscribe: "_INBOX.>" } }
  ]
}`;

// These mostly wait, for seconds to pass and for silence to be noticed; so they do it together.
describe('agents and coordinators that fail', { concurrency: true }, () => {
  test('agents of one NATS server outlive coordinators, refuse two at once, and the server itself', {
    skip,
  }, async (t) => {
    const nats = await startNats(t);
    const agents = await startAgents(t, nats.url, ['east', 'west']);
    const server = await quickServer(t);
    const common = ['load', '--json', '--agents', nats.url, server.url];
    const begun = server.requests;

    const first = new CliProcess(t, [...common, '-d', '60s', '-c', '4', '-r', '200', '--warmup', '0']);
    await first.until(() => server.requests > begun + 20, 'load');
    const second = await run(t, [...common, '-n', '10']);
    assert.equal(second.code, 1);
    assert.match(
      second.stderr,
      /no agent is free at .*; east is busy with the run of [\w.-]+:\d+; west is busy/,
    );

    first.child.kill('SIGKILL');
    await Promise.all(
      agents.map((agent) =>
        agent.until(() => /run 1 of .* has ended/.test(agent.stderr), 'the end of the run'),
      ),
    );
    for (const agent of agents) assert.match(agent.stderr, /nothing heard from .* and this agent free again/);
    const third = await run(t, [...common, '-n', '100', '-c', '4', '--agent-count', '2']);
    assert.equal(third.code, 0, third.stderr);
    assert.equal(resultOf(third).requests.answered, 100);

    await nats.kill();
    await Promise.all(
      agents.map((agent) => agent.until(() => /NATS server is gone/.test(agent.stderr), 'the loss')),
    );
    await nats.start();
    const fourth = await run(t, [...common, '-n', '100', '-c', '4', '--agent-count', '2']);
    assert.equal(fourth.code, 0, fourth.stderr);
    assert.equal(resultOf(fourth).machines.length, 2);

    for (const agent of agents) agent.child.kill('SIGTERM');
    assert.deepEqual(await Promise.all(agents.map(async (agent) => (await agent.ended).code)), [0, 0]);
  });

  test('Ctrl-C ends a run on all agents, with what there is; a killed agent is named as lost', {
    skip,
  }, async (t) => {
    const nats = await startNats(t);
    const [, west] = await startAgents(t, nats.url, ['east', 'west']);
    const server = await quickServer(t);
    const common = ['load', '--json', '--agents', nats.url, '--agent-count', '2', '-c', '4', '--warmup', '0'];

    const broken = new CliProcess(t, [...common, '-d', '60s', '-r', '200', server.url]);
    await broken.until(() => server.requests > 20, 'load');
    broken.child.kill('SIGINT');
    const ended = await broken.ended;
    assert.equal(ended.code, 130, ended.stderr);
    const early = resultOf(ended);
    assert.equal(early.interrupted, true);
    assert.ok(early.requests.answered > 0);
    assert.equal(early.requests.answered, early.statuses['200']);
    assert.ok(early.requests.sent <= server.requests);

    const before = server.requests;
    const bereft = new CliProcess(t, [...common, '-d', '3s', '-r', '200', server.url]);
    await bereft.until(() => server.requests > before + 400, 'two seconds of load');
    west!.child.kill('SIGKILL');
    const result = resultOf(await bereft.ended);
    // It is not the load that was asked for: a script must not take it for a success.
    assert.equal((await bereft.ended).code, 1);
    assert.match((await bereft.ended).stderr, /agent west was lost after \d s: it has gone/);
    const [left, lost] = result.machines;
    assert.equal(left!.lost, undefined);
    assert.match(lost!.lost!, /the rest of its share is missing$/);
    // 300 is its whole share; at half speed and with stalls, most of that.
    assert.ok(left!.answered > 150 && left!.answered <= 301, `${left!.answered}`);
    assert.ok(lost!.answered > 0 && lost!.answered < 300, `${lost!.answered}`);
    assert.equal(result.requests.answered, left!.answered + lost!.answered);
  });

  test('a run outlives a restart of the NATS server', { skip }, async (t) => {
    const nats = await startNats(t);
    await startAgents(t, nats.url, ['east', 'west']);
    const server = await quickServer(t);
    const long = new CliProcess(t, [
      ...['load', '--json', '--agents', nats.url, '--agent-count', '2'],
      ...['-d', '3s', '-r', '200', '-c', '4', '--warmup', '0', server.url],
    ]);
    await long.until(() => server.requests > 20, 'load');
    await nats.kill();
    await nats.start();
    const ended = await long.ended;
    assert.equal(ended.code, 0, ended.stderr);
    assert.match(ended.stderr, /NATS server is gone.*\n.*NATS server is there again/);
    const result = resultOf(ended);
    assert.equal(result.requests.sent, server.requests);
    // What was under way at the end, one on each connection at the most, is answered after the last second.
    const late = result.requests.answered - sum(result.series.map(({ answered }) => answered));
    assert.ok(late >= 0 && late <= 4, `${late} answered late`);
    assert.ok(result.machines.every(({ answered }) => answered > 150));
  });

  test('what cannot work is told in one line and in bounded time', { skip }, async (t) => {
    const nats = await startNats(t);
    const closed = `nats://127.0.0.1:${await freePort()}`;
    const notNats = await startServer(
      t,
      () => {},
      (socket) => void socket.write('220 mail\r\n'),
    );
    const target = 'http://127.0.0.1:1/';
    const [alone, absent, mail, wrong, agent, few, script, creds] = await Promise.all([
      run(t, ['load', '--agents', nats.url, '--agents-group', 'nobody', target]),
      run(t, ['load', '--agents', closed, target]),
      run(t, ['load', '--agents', `nats://127.0.0.1:${notNats.port}`, target]),
      run(t, ['load', '--agents', 'http://127.0.0.1:4222', target]),
      run(t, ['load-agent', closed]),
      run(t, ['load', '--agents', nats.url, '--agent-count', '2', '--agents-wait', '300ms', target]),
      run(t, ['load', '--agents', nats.url, '--unix', '/run/x', target]),
      run(t, ['load-agent', nats.url, '--creds', '/no/such/file']),
    ]);
    for (const { stdout, stderr } of [alone, absent, mail, wrong, agent, few, script, creds]) {
      assert.equal(stdout, '');
      assert.match(stderr, /^holdfast: [^\n]+\n$/);
    }
    assert.deepEqual(
      [alone, absent, mail, wrong, agent, few, script, creds].map(({ code }) => code),
      [1, 1, 1, 2, 1, 1, 2, 1],
    );
    assert.match(
      alone.stderr,
      /no agent answers at .* in group nobody; start one .* holdfast load-agent nats:.* --group nobody/,
    );
    assert.match(absent.stderr, /no NATS server listens there \(ECONNREFUSED\)/);
    assert.match(mail.stderr, /is no NATS server/);
    assert.match(agent.stderr, /no NATS server listens there/);
    assert.match(creds.stderr, /\/no\/such\/file: cannot be read \(ENOENT\)/);
    assert.match(few.stderr, /2 agents are wanted, and 0 are free/);
  });

  test("NATS's own rights suffice, and an agent refuses targets that it is not allowed", {
    skip,
  }, async (t) => {
    const nats = await startNats(t, RIGHTS_AND_SMALL_MESSAGES);
    const as = (who: string) => nats.url.replace('//', `//${who}@`);
    const [agent] = await startAgents(
      t,
      as('agent:a%3A1'),
      ['east'],
      ['--group', 'team', '--allow-target', '127.0.0.0/9'],
    );
    assert.doesNotMatch(agent!.stdout + agent!.stderr, /a:1|a%3A1/);
    const server = await quickServer(t);
    const common = [
      'load',
      '--json',
      '--agents',
      as('loader:l'),
      '--agents-group',
      'team',
      '--agent-count',
      '1',
      '-n',
      '50',
    ];
    const [barred, none] = await Promise.all([
      run(t, ['load', '--agents', as('loader:wrong'), server.url]),
      run(t, ['load', '--agents', nats.url, server.url]),
    ]);
    for (const { code, stderr } of [barred, none]) {
      assert.equal(code, 1);
      assert.match(stderr, /the NATS server does not let us in .*nats:\/\/user:password@host/);
      assert.doesNotMatch(stderr, /wrong/);
    }
    const allowed = await run(t, [...common, server.url]);
    assert.equal(allowed.code, 0, allowed.stderr);
    assert.equal(resultOf(allowed).requests.answered, 50);
    const refused = await run(t, [...common, 'http://127.200.0.1:80/']);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /agent east cannot take its share: it is not allowed to load http:\/\/127\.200\.0\.1/,
    );
  });
});
