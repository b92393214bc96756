import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { OptionError, SysError, UnavailableError } from '../base/errors.ts';
import { ERRNO, sysError } from '../sys/errno.ts';
import type { Engine, EngineHandler, EngineName } from './engine.ts';
import { CERTIFICATE, KEY } from './node/tls-keys.fixture.ts';
import { type EngineCandidate, selectEngine } from './select.ts';

const YES = { available: true, reason: 'all is there' };

/** A candidate that notes what is asked of it. */
function candidate(
  name: EngineName,
  answer: () => typeof YES,
  calls: string[] = [],
  make = () => {},
): EngineCandidate {
  return {
    name,
    speaksTls: name === 'node',
    async probe() {
      calls.push(`probe ${name}`);
      return answer();
    },
    async load() {
      calls.push(`load ${name}`);
      return () => {
        make();
        return { name } as Engine;
      };
    },
  };
}

function refused(code: string): () => never {
  return () => {
    throw new SysError('io_uring_setup', 1, code, '', 'as the test wants');
  };
}

const handler: EngineHandler = {
  onAccept() {},
  onReceive() {},
  onDrained() {},
  onPeerEnd() {},
  onDeadline() {},
  onClosed() {},
};

test('auto takes the first engine that can run, asks no further, and loads nothing until it is made', async () => {
  const calls: string[] = [];
  const table = [candidate('iouring', () => YES, calls), candidate('node', () => YES, calls)];
  const chosen = await selectEngine('auto', { candidates: table });
  assert.deepEqual(calls, ['probe iouring']);
  assert.equal(chosen.name, 'iouring');
  assert.equal(chosen.reason, 'all is there');
  assert.equal((await chosen.create({ handler })).name, 'iouring');
  assert.deepEqual(calls, ['probe iouring', 'load iouring']);
});

test('what the host forbids or lacks leads to the next engine and is told', async () => {
  for (const code of ['EPERM', 'ENOSYS', 'EINVAL', 'EACCES', 'EOPNOTSUPP']) {
    const table = [candidate('iouring', refused(code)), candidate('node', () => YES)];
    const { name, reason, tried } = await selectEngine('auto', { candidates: table });
    assert.equal(name, 'node');
    assert.match(reason, new RegExp(`^all is there; iouring cannot: io_uring_setup: ${code}`));
    assert.deepEqual(
      tried.map((each) => [each.name, each.available]),
      [
        ['iouring', false],
        ['node', true],
      ],
    );
  }
  const old = () => ({ available: false, reason: 'the kernel is too old' });
  const { reason } = await selectEngine('auto', {
    candidates: [candidate('iouring', old), candidate('node', () => YES)],
  });
  assert.match(reason, /iouring cannot: the kernel is too old/);
});

test('what the host has run out of is not hidden by a fall to the next engine', async () => {
  for (const code of ['EMFILE', 'ENFILE']) {
    for (const wanted of ['auto', 'iouring'] as const) {
      const table = [candidate('iouring', refused(code)), candidate('node', () => YES)];
      await assert.rejects(selectEngine(wanted, { candidates: table }), { name: 'SysError', code });
      const later = [candidate('iouring', () => YES, [], refused(code)), candidate('node', () => YES)];
      const selection = await selectEngine(wanted, { candidates: later });
      await assert.rejects(selection.create({ handler }), { name: 'SysError', code });
    }
  }
});

test('too little locked memory for a ring leads to the next engine, with a warning, also when it is made', async () => {
  for (const table of [
    [candidate('iouring', refused('ENOMEM')), candidate('epoll', () => YES)],
    [candidate('iouring', () => YES, [], refused('ENOMEM')), candidate('epoll', () => YES)],
  ]) {
    const selection = await selectEngine('auto', { candidates: table });
    assert.equal((await selection.create({ handler })).name, 'epoll');
    assert.equal(selection.name, 'epoll');
    assert.match(selection.reason, /^all is there; iouring cannot: io_uring_setup: ENOMEM/);
    assert.match(selection.shortage ?? '', /^io_uring_setup: ENOMEM/);
    const byName = async () => (await selectEngine('iouring', { candidates: table })).create({ handler });
    await assert.rejects(byName, { name: 'SysError', code: 'ENOMEM' });
  }
});

test('AIO contexts that others have used up lead from epoll to node, and the reason names what to raise', async () => {
  const usedUp = () => {
    throw sysError('io_setup', ERRNO.EAGAIN, '');
  };
  const none = candidate('iouring', refused('EPERM'));
  for (const epoll of [candidate('epoll', usedUp), candidate('epoll', () => YES, [], usedUp)]) {
    const table = [none, epoll, candidate('node', () => YES)];
    const selection = await selectEngine('auto', { candidates: table });
    assert.equal((await selection.create({ handler })).name, 'node');
    assert.match(selection.reason, /; epoll cannot: io_setup: EAGAIN.*fs\.aio-max-nr/);
    assert.match(selection.shortage ?? '', /fs\.aio-max-nr/);
  }
});

test('a bug in a probe is not taken for an answer', async () => {
  const broken = () => {
    throw new RangeError('a bug');
  };
  await assert.rejects(
    selectEngine('auto', { candidates: [candidate('iouring', broken), candidate('node', () => YES)] }),
    RangeError,
  );
});

test('an engine asked for by name is that engine or an error with the reason', async () => {
  const table = [candidate('iouring', refused('EPERM')), candidate('node', () => YES)];
  await assert.rejects(selectEngine('iouring', { candidates: table }), (error: unknown) => {
    assert.ok(error instanceof UnavailableError);
    assert.match(error.message, /'iouring' cannot run here: io_uring_setup: EPERM/);
    return true;
  });
  const { name, reason } = await selectEngine('node', { candidates: table });
  assert.equal(name, 'node');
  assert.equal(reason, 'asked for; all is there');
});

test('an engine that is not in the table is a wrong option, and the error names those that are', async () => {
  await assert.rejects(
    selectEngine('epoll', { candidates: [candidate('node', () => YES)] }),
    (error: unknown) => {
      assert.ok(error instanceof OptionError);
      assert.match(error.message, /engine: "epoll" is not allowed; it is 'auto', 'node'/);
      return true;
    },
  );
});

test('TLS is never given to an engine that would serve plain text', async () => {
  const certificate = { cert: CERTIFICATE, key: KEY, keyType: 'ec', names: [] };
  const tls = { certificates: [certificate], alpn: [] };
  const selection = await selectEngine('iouring', { candidates: [candidate('iouring', () => YES)] });
  await assert.rejects(selection.create({ handler, tls }), /chosen for what it will be asked for/);
  const secure = await selectEngine('node', { tls: true, candidates: [candidate('node', () => YES)] });
  assert.equal((await secure.create({ handler, tls })).name, 'node');
  await assert.rejects(secure.create({ handler }), /chosen for what it will be asked for/);
});

test('the table of this host gives an engine that listens', async () => {
  const selection = await selectEngine('auto');
  const engine = await selection.create({ handler });
  assert.equal(selection.tried.at(-1)?.name, engine.name);
  const listener = await engine.listen({ port: 0, hostname: '127.0.0.1' });
  assert.ok(listener.address.port > 0);
  await engine.close();
});

test('choosing the node engine by name loads no FFI', async () => {
  const script = `
    const { selectEngine } = await import(${JSON.stringify(new URL('./select.js', import.meta.url).href)});
    const engine = await (await selectEngine('node')).create({ handler: {} });
    await engine.close();
    const { createRequire } = await import('node:module');
    const loaded = Object.keys(createRequire(import.meta.url).cache ?? {});
    console.log(JSON.stringify(loaded));`;
  const run = promisify(execFile);
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script]);
  assert.doesNotMatch(stdout, /koffi/);
});
