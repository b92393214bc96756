import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type AccessRecord, createAccessLog } from './access-log.ts';
import { LineWriter } from './line-writer.ts';
import { HoldfastLogger } from './logger.ts';
import { escapeControls, usesColour } from './terminal.ts';

let folder = '';
let count = 0;
const NOW = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const now = () => NOW;
const RECORD: AccessRecord = {
  ip: '127.0.0.1',
  method: 'GET',
  target: '/a?b',
  status: 200,
  bytes: 0,
  durationMs: 0.25,
  referer: null,
  userAgent: null,
};

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-log-'));
});
after(() => rmSync(folder, { recursive: true }));

/** Runs `use` with a descriptor of a fresh file and returns what was written to it. */
async function written(use: (fd: number) => Promise<void>): Promise<string> {
  const name = join(folder, `log${count++}`);
  const fd = openSync(name, 'a');
  await use(fd);
  closeSync(fd);
  return readFileSync(name, 'utf8');
}

/** A pipe that nobody reads yet: both ends of a FIFO. */
function openPipe(): { readFd: number; writeFd: number } {
  const name = join(folder, `pipe${count++}`);
  execFileSync('mkfifo', [name]);
  const readFd = openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  return { readFd, writeFd: openSync(name, 'w') };
}

function drain(fd: number): string {
  const chunk = Buffer.alloc(65536);
  let text = '';
  for (;;) {
    try {
      const size = readSync(fd, chunk);
      if (size === 0) return text;
      text += chunk.toString('latin1', 0, size);
    } catch {
      return text;
    }
  }
}

test('lines arrive whole, in order, one to a line', async () => {
  const text = await written(async (fd) => {
    const writer = new LineWriter(fd);
    for (let i = 0; i < 5000; i++) writer.write(`line ${i} ä`);
    assert.ok(await writer.flush(2000));
  });
  assert.equal(text, Array.from({ length: 5000 }, (_, i) => `line ${i} ä\n`).join(''));
});

test('a pipe that nobody reads costs lines, not time, and the loss is told when room returns', async () => {
  const { readFd, writeFd } = openPipe();
  const writer = new LineWriter(writeFd, { linesMax: 500 });
  const begin = performance.now();
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 500; i++) writer.write(`${round}:${i} ${'x'.repeat(100)}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  assert.ok(performance.now() - begin < 1000, 'writing blocked');
  assert.ok(writer.droppedCount > 0);
  assert.equal(await writer.flush(50), false);
  let text = drain(readFd);
  for (let i = 0; i < 100 && !(await writer.flush(5)); i++) text += drain(readFd);
  text += drain(readFd);
  const lines = text.trimEnd().split('\n');
  const told = lines
    .filter((line) => line.includes('dropped'))
    .map((line) => Number(/(\d+) log lines/.exec(line)?.[1]));
  const kept = lines.filter((line) => !line.includes('dropped'));
  for (const line of kept) assert.match(line, /^\d+:\d+ x{100}$/);
  assert.equal(
    told.reduce((a, b) => a + b, 0),
    writer.droppedCount,
  );
  assert.equal(kept.length + writer.droppedCount, 10_000);
  closeSync(readFd);
  closeSync(writeFd);
});

test('a reader that has gone costs nobody anything, and one that comes back gets lines again', async () => {
  const name = join(folder, `pipe${count++}`);
  execFileSync('mkfifo', [name]);
  const open = () => openSync(name, constants.O_RDONLY | constants.O_NONBLOCK);
  const first = open();
  const writeFd = openSync(name, 'w');
  const writer = new LineWriter(writeFd, { linesMax: 4 });
  closeSync(first);
  const begin = performance.now();
  writer.write('into the void');
  assert.equal(await writer.flush(2000), false);
  assert.ok(performance.now() - begin < 1000, 'flush waits for nobody');
  for (let i = 0; i < 10; i++) writer.write(`line ${i}`);
  assert.ok(writer.droppedCount > 0);
  const second = open();
  assert.equal(await until(() => writer.flush(100)), true);
  const text = drain(second);
  assert.match(text, /^into the void\nline 0\n/);
  assert.ok(text.includes(`${writer.droppedCount} log lines were dropped`), text);
  closeSync(second);
  closeSync(writeFd);
});

async function until(isTrue: () => Promise<boolean>): Promise<boolean> {
  for (let i = 0; i < 60; i++) {
    if (await isTrue()) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}

test('a full disk silences the log for as long as it is full, and the loss is told', async () => {
  // A limit on the size of files refuses in the middle of a line, as a disk does; and cutting the file makes room.
  const name = join(folder, `log${count++}`);
  const program = `
    import { createLogger } from ${JSON.stringify(new URL('./logger.js', import.meta.url).href)};
    import { truncateSync } from 'node:fs';
    const logger = createLogger({ colour: false, linesMax: 50 });
    for (let i = 0; i < 1500; i++) {
      logger.info('before ' + i + ' ' + 'x'.repeat(100));
      if (i % 20 === 0) await logger.flush(5);
    }
    const dropped = logger.droppedCount;
    truncateSync(process.env.LOG, 0);
    for (let i = 0; i < 60 && !(await logger.flush(100)); i++) await new Promise((resolve) => setTimeout(resolve, 50));
    logger.info('after');
    await logger.flush(1000);
    process.stdout.write(String(dropped));`;
  const command = `ulimit -f 64 && exec "$0" --input-type=module -e "$PROGRAM" 2>> "$LOG"`;
  const dropped = execFileSync('sh', ['-c', command, process.execPath], {
    env: { ...process.env, PROGRAM: program, LOG: name },
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.ok(Number(dropped) > 100, dropped);
  const text = readFileSync(name, 'utf8');
  assert.ok(/ after$/m.test(text), 'it goes on');
  assert.ok(text.includes(`dropped=${dropped}`), text.slice(-300));
});

test('standard error that is a socket nobody reads blocks nothing, and a process ends by itself all the same', async () => {
  const program = `
    import { createLogger } from ${JSON.stringify(new URL('./logger.js', import.meta.url).href)};
    const logger = createLogger({ colour: false });
    const heapBefore = process.memoryUsage().heapUsed;
    const begin = performance.now();
    let longestMs = 0;
    for (let round = 0; round < 100; round++) {
      const at = performance.now();
      for (let i = 0; i < 500; i++) logger.warn('x'.repeat(200));
      await new Promise((resolve) => setTimeout(resolve, 1));
      longestMs = Math.max(longestMs, performance.now() - at);
    }
    console.log(JSON.stringify({ longestMs, dropped: logger.droppedCount, grown: process.memoryUsage().heapUsed - heapBefore }));`;
  // Node gives a child the end of a socket; this one is never read.
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr.pause();
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => (out += piece));
  const begin = performance.now();
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const code = await new Promise((resolve) => child.on('exit', resolve));
  clearTimeout(timer);
  child.stderr.destroy();
  assert.equal(code, 0, `after ${performance.now() - begin} ms: ${out}`);
  const { longestMs, dropped, grown } = JSON.parse(out);
  assert.ok(longestMs < 1000, `a round took ${longestMs} ms`);
  assert.ok(dropped > 10_000);
  assert.ok(grown < 32 * 1024 * 1024, `the heap grew by ${grown} bytes`);
});

test('a process whose log is stuck exits all the same', async () => {
  const { readFd, writeFd } = openPipe();
  const program = `
    import { LineWriter } from ${JSON.stringify(new URL('./line-writer.js', import.meta.url).href)};
    const writer = new LineWriter(2);
    for (let i = 0; i < 4000; i++) writer.write('x'.repeat(100));
    await writer.flush(100);
    process.exit(7);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'ignore', writeFd],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 4000);
  const code = await new Promise((resolve) => child.on('exit', resolve));
  clearTimeout(timer);
  closeSync(readFd);
  closeSync(writeFd);
  assert.equal(code, 7);
});

test('what is queued at exit can be written at once', async () => {
  const text = await written(async (fd) => {
    const logger = new HoldfastLogger({ fd, colour: false, now });
    logger.info('last words');
    logger.flushSync();
  });
  assert.equal(text, '03:04:05.678 info  last words\n');
});

test('pretty lines name their fields and show the stack of an error only', async () => {
  const text = await written(async (fd) => {
    const logger = new HoldfastLogger({ fd, colour: false, now });
    logger.debug('unseen');
    logger.warn({ port: 8080, path: 'a b', none: undefined }, 'careful');
    logger.error('failed', new Error('boom'));
    await logger.flush(1000);
  });
  const lines = text.split('\n');
  assert.equal(lines[0], '03:04:05.678 warn  careful port=8080 path="a b"');
  assert.equal(lines[1], '03:04:05.678 error failed error=boom');
  assert.match(lines[2] ?? '', /^\s+at /);
});

test('JSON lines parse, whatever they are given', async () => {
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const text = await written(async (fd) => {
    const logger = new HoldfastLogger({ fd, format: 'json', level: 'debug', now });
    logger.debug({ big: 12n, text: 'a\nb"' }, 'one');
    logger.error({ error: Object.assign(new Error('boom'), { code: 'EX' }) }, 'two');
    logger.info({ cycle }, 'three');
    await logger.flush(1000);
  });
  const records = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(records[0], {
    time: '2026-01-02T03:04:05.678Z',
    level: 'debug',
    big: '12',
    text: 'a\nb"',
    msg: 'one',
  });
  assert.equal(records[1].error.code, 'EX');
  assert.equal(records[2].msg, 'three');
});

test('an access line as JSON tells of TLS where there is any', async () => {
  const tls = { version: 'TLSv1.3', cipher: 'TLS_AES_128_GCM_SHA256', serverName: 'one.example' };
  const text = await written(async (fd) => {
    const log = createAccessLog('json', { fd, now });
    log({ ...RECORD, tls });
    log({ ...RECORD, tls: undefined });
    assert.ok(await log.flush(1000));
  });
  const lines = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(lines[0].tls, tls);
  assert.ok(!('tls' in lines[1]));
});

test('an access line tells who asked for what, and cannot move the cursor of its reader', async () => {
  const evil = '/\x1b[2J\x9b1m\u2028"\r\nfake';
  const pretty = await written(async (fd) => {
    const log = createAccessLog('pretty', { fd, colour: false, now });
    log({ ...RECORD, bytes: 1234, userAgent: 'curl/8' });
    log({
      ...RECORD,
      ip: undefined,
      target: evil,
      status: 0,
      durationMs: 1500,
      referer: 'http://r/',
      userAgent: 'a"b\x1b',
    });
    assert.ok(await log.flush(1000));
  });
  const lines = pretty.trimEnd().split('\n');
  assert.equal(lines[0], '03:04:05 127.0.0.1 200 GET /a?b 1.2kB 250us "curl/8"');
  assert.equal(lines.length, 2);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: their absence is the point.
  assert.doesNotMatch(pretty, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028]/);
  const json = await written(async (fd) => {
    const log = createAccessLog('json', { fd, now });
    log({
      ...RECORD,
      ip: '::1',
      target: evil,
      status: 404,
      durationMs: 1.23456,
      referer: 'r',
    });
    await log.flush(1000);
  });
  assert.doesNotMatch(json, /[\x7f-\x9f]/);
  const record = JSON.parse(json);
  assert.equal(record.target, evil);
  assert.equal(record.ms, 1.235);
  assert.equal(record.time, '2026-01-02T03:04:05.678Z');
});

test('colours are for terminals, and NO_COLOR wins', () => {
  assert.equal(usesColour(0xffff, {}), false);
  assert.equal(usesColour(2, { NO_COLOR: '1', FORCE_COLOR: '1' }), false);
  assert.equal(usesColour(2, { FORCE_COLOR: '1' }), true);
  assert.equal(escapeControls('a\tb\x07', true), 'a\tb\\x07');
});

test('whatever is logged makes a line and never throws', async () => {
  const trap = (): never => {
    throw new Error('trap');
  };
  const getter = (name: string, target: object): object => Object.defineProperty(target, name, { get: trap });
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const cycle: Record<string, unknown> = { name: 'cycle' };
  cycle['self'] = cycle;
  const values: unknown[] = [
    undefined,
    null,
    Symbol('x'),
    1n,
    proxy,
    cycle,
    { toJSON: trap, a: 1 },
    getter('a', { b: 2 }),
    Object.assign(() => {}, { toString: trap }),
    Object.create(null),
    Object.assign(new Error('x'), { stack: null }),
    Object.assign(new Error('x'), { stack: [{}] }),
    Object.assign(new Error('x'), { message: { toString: trap } }),
    ...['stack', 'message', 'name', 'code', 'cause'].map((name) => getter(name, new Error('x'))),
    new Proxy(new Error('x'), { get: trap, has: trap, getPrototypeOf: trap, ownKeys: trap }),
  ];
  for (const format of ['pretty', 'json'] as const) {
    const text = await written(async (fd) => {
      const logger = new HoldfastLogger({ fd, format, colour: false, now });
      for (const value of values) {
        logger.error('it failed', value);
        logger.error({ value, a: 1 }, 'it failed');
        logger.error(value);
      }
      await logger.flush(2000);
    });
    const lines = text.split('\n').filter((line) => /it failed|"msg"/.test(line));
    assert.equal(lines.length, format === 'json' ? values.length * 3 : values.length * 2, text);
    if (format === 'json') for (const line of lines) JSON.parse(line);
  }
});
