import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { OptionError } from '../base/errors.ts';
import { describeFlags, nearest, parseArguments } from './arguments.ts';
import { exitCodeOf, oneLine, UsageError } from './failure.ts';
import { FOLDER_FLAGS } from './folder-options.ts';
import { listenAddress } from './listen-address.ts';
import { inFlags } from './option-flags.ts';
import { FLAGS_OF_OPTIONS, SERVE_FLAGS } from './serve-flags.ts';
import { folderOf, linksOnTheWay, resolveTarget } from './target.ts';

const parse = (argv: string[], env: NodeJS.ProcessEnv = {}) => parseArguments(SERVE_FLAGS, argv, env, 1);

test('flags arrive as the values that they mean', () => {
  const { values, positionals } = parse([
    '-p', '0', '--host=0.0.0.0', 'site', '-w', 'auto', '--header-timeout', '500ms', '--idle-timeout=off',
    '--handler-timeout', 'off', '--drain-delay', '0s', '--max-body-size', '10m', '--log', 'json', '--no-globals', '--watch',
  ]); // biome-ignore format: one command line
  assert.deepEqual(positionals, ['site']);
  assert.equal(values.port, 0);
  assert.equal(values.host, '0.0.0.0');
  assert.equal(values.workers, 'auto');
  assert.equal(values['header-timeout'], 500);
  assert.equal(values['idle-timeout'], Number.POSITIVE_INFINITY);
  assert.equal(values['handler-timeout'], Number.POSITIVE_INFINITY);
  assert.equal(values['drain-delay'], 0);
  assert.equal(values['max-body-size'], 10 * 1024 * 1024);
  assert.equal(values.log, 'json');
  assert.equal(values.globals, false);
  assert.equal(values.watch, true);
  assert.equal(values['drain-timeout'], undefined);
});

test('the environment fills in what no flag says', () => {
  assert.equal(parse([], { PORT: '81' }).values.port, 81);
  assert.equal(parse(['-p', '82'], { PORT: 'nonsense' }).values.port, 82);
  assert.throws(
    () => parse([], { PORT: 'http' }),
    /PORT \(environment\): "http" is not allowed; a whole number from 0 to 65535/,
  );
});

const REFUSED: [string[], RegExp][] = [
  [['--prot', '1'], /^unknown flag --prot; did you mean --port\?$/],
  [['--header-timout', '1s'], /did you mean --header-timeout\?/],
  [['--no-globls'], /did you mean --no-globals\?/],
  [['--no-watch'], /^unknown flag --no-watch/],
  [['--frobnicate'], /^unknown flag --frobnicate; see --help$/],
  [['-x'], /^unknown flag -x; see --help$/],
  [['--constructor'], /^unknown flag --constructor/],
  [['-p', '65536'], /^-p: "65536" is not allowed; a whole number from 0 to 65535$/],
  [['-p', '1e3'], /not allowed/],
  [['--port='], /^--port needs a value/],
  [['-p'], /^-p needs a value: a whole number from 0 to 65535$/],
  [['-p', '--watch'], /^-p needs a value/],
  [['-p', '-1'], /^-p: "-1" is not allowed/],
  [['-w', '0'], /^-w: "0" is not allowed; a whole number from 1 to 1024, or 'auto'$/],
  [
    ['--header-timeout', '10'],
    /^--header-timeout: "10" is not allowed; a duration is a number with its unit, as 10ms or 10s; 'off' for none$/,
  ],
  [
    ['--header-timeout', 'soon'],
    /^--header-timeout: "soon" is not allowed; .* as 500ms, 10s, 2m or 1h; 'off' for none$/,
  ],
  ...['0', '0s', '0ms', '0.0'].map((zero): [string[], RegExp] => [
    ['--header-timeout', zero],
    /^--header-timeout: "0.*" is not allowed; 0 would mean off to some and at once to others; say 'off'/,
  ]),
  [['--drain-delay', '5'], /^--drain-delay: "5" is not allowed; .* as 5ms or 5s; 0 for none$/],
  [['--max-body-size', 'big'], /^--max-body-size: "big" is not allowed; a size is/],
  [['--engine', 'turbo'], /^--engine: "turbo" is not one of auto, iouring, epoll, node$/],
  [['--watch=yes'], /^--watch takes no value$/],
  [['a', 'b'], /^unexpected argument "b"$/],
];

test('what is wrong on the command line is named in one line, and ends with code 2', () => {
  for (const [argv, wanted] of REFUSED) {
    assert.throws(
      () => parse(argv),
      (error: unknown) => {
        assert.match(oneLine(error), wanted);
        assert.ok(!oneLine(error).includes('\n'));
        assert.equal(exitCodeOf(error), 2);
        return true;
      },
      argv.join(' '),
    );
  }
});

test('nothing at all is written in any unit, where it means one thing', () => {
  for (const none of ['0', '0s', '0ms', 'off'])
    assert.equal(parse(['--drain-delay', none]).values['drain-delay'], 0);
  for (const none of ['0', '0b', '0k', '0g'])
    assert.equal(parse(['--max-body-size', none]).values['max-body-size'], 0);
});

test('errors about options are told by the flag and the text that were typed', () => {
  const told = (option: string, allowed: string, argv: string[]) =>
    oneLine(inFlags(new OptionError(option, 64, allowed), FLAGS_OF_OPTIONS, parse(argv).given));
  assert.equal(
    told('limits.headerBytes', '256 bytes to 1m', ['--max-header-size', '64b']),
    '--max-header-size: "64b" is not allowed; 256 bytes to 1m',
  );
  assert.equal(told('port', 'other', ['-p', '64']), '-p: "64" is not allowed; other');
  assert.equal(told('port', 'other', []), '--port: 64 is not allowed; other');
  assert.equal(
    told('tls.key', 'as `tls.cert`, not limits.connections or `other`', ['--tls-key', 'k']),
    '--tls-key: "k" is not allowed; as --tls-cert, not --max-connections or `other`',
  );
  assert.equal(told('fd', 'other', []), 'fd: 64 is not allowed; other', 'no flag sets it');
});

test('every flag of serve that sets an option is known by it', () => {
  const boots = ['boot', 'state', 'webhook', 'upstream', 'upstream-allow'];
  const inCommandAlone = ['watch', 'tls-client', 'drain-delay', 'log', 'quiet', 'help', ...boots];
  const known = new Set<string>([...Object.values(FLAGS_OF_OPTIONS), ...Object.values(FOLDER_FLAGS)]);
  for (const name of Object.keys(SERVE_FLAGS))
    assert.equal(known.has(name), !inCommandAlone.includes(name), name);
});

test('a double dash ends the flags', () => {
  assert.deepEqual(parse(['--', '--watch']).positionals, ['--watch']);
});

test('the help page names every flag and fits 80 columns', () => {
  const page = describeFlags(SERVE_FLAGS);
  for (const name of Object.keys(SERVE_FLAGS)) assert.ok(page.includes(`${name}`), name);
  for (const line of page.split('\n')) assert.ok(line.length <= 80, line);
});

test('a suggestion is made only when it is likely what was meant', () => {
  assert.equal(nearest('srve', ['serve', 'doctor']), 'serve');
  assert.equal(nearest('doc', ['serve', 'doctor']), undefined);
  assert.equal(nearest('x', ['serve', 'doctor']), undefined);
});

test('a listening address is read in all its spellings', () => {
  assert.deepEqual(listenAddress(undefined, undefined, undefined), { port: 8080, hostname: '127.0.0.1' });
  assert.deepEqual(listenAddress(undefined, 0, '[::1]'), { port: 0, hostname: '::1' });
  assert.deepEqual(listenAddress('3000', undefined, undefined), { port: 3000, hostname: '127.0.0.1' });
  assert.deepEqual(listenAddress('tcp://0.0.0.0:80', undefined, undefined), {
    port: 80,
    hostname: '0.0.0.0',
  });
  assert.deepEqual(listenAddress('[::]:80', undefined, undefined), { port: 80, hostname: '::' });
  assert.deepEqual(listenAddress('unix:/run/a.sock', undefined, undefined), { unix: '/run/a.sock' });
  assert.deepEqual(listenAddress('unix:///run/a.sock', undefined, undefined), { unix: '/run/a.sock' });
  for (const bad of ['', 'http', 'unix:', 'a:b:c', '1:70000', 'udp://a:1']) {
    assert.throws(() => listenAddress(bad, undefined, undefined), UsageError, bad);
  }
});

test('a target is a folder or a module, and anything else is told apart from both', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-target-')));
  writeFileSync(join(folder, 'app.mjs'), '');
  writeFileSync(join(folder, 'page.html'), '');
  assert.equal(resolveTarget(folder).kind, 'folder');
  assert.equal(resolveTarget(folder).module.searchParams.get('root'), folder);
  const module = resolveTarget(join(folder, 'app.mjs'));
  assert.equal(module.kind, 'module');
  assert.equal(folderOf(module), folder);
  assert.throws(() => resolveTarget(join(folder, 'none')), /no such folder or module/);
  assert.throws(() => resolveTarget(join(folder, 'page.html')), /neither a folder nor a module/);
  rmSync(folder, { recursive: true });
});

test('links on the way to a target are kept, found and followed anew', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-links-')));
  for (const release of ['one', 'two']) {
    mkdirSync(join(folder, release));
    writeFileSync(join(folder, release, 'app.mjs'), '');
  }
  symlinkSync('one', join(folder, 'current'));
  symlinkSync('current/app.mjs', join(folder, 'start'));
  const site = resolveTarget(join(folder, 'current'));
  assert.equal(site.module.searchParams.get('root'), join(folder, 'current'));
  const app = resolveTarget(join(folder, 'start'));
  assert.equal(app.kind, 'module', 'what a link leads to is judged');
  assert.equal(folderOf(app), join(folder, 'one'));
  const names = linksOnTheWay(app.path).filter((link) => link.folder === folder);
  assert.deepEqual(
    names.map(({ name }) => name),
    ['start', 'current'],
  );
  rmSync(join(folder, 'current'));
  assert.equal(folderOf(app), folder, 'while a link leads nowhere');
  symlinkSync('two', join(folder, 'current'));
  assert.equal(folderOf(app), join(folder, 'two'));
  rmSync(folder, { recursive: true });
});
