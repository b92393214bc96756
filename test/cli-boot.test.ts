/** `holdfast serve --boot` and `holdfast boot explain` as a person at a command line meets them. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { folderOf, startBoot } from './boot-servers.ts';
import { CliProcess, endsWell, run } from './cli-run.ts';

const CONFIG = `
[profiles.one]
kernel = "one/vmlinuz"
[profiles.two]
kernel = "two/vmlinuz"
[[machines]]
match = { mac = "52:54:00:00:00:01" }
profile = "one"
[[machines]]
match = { manufacturer = "QEMU" }
profile = "two"
`;

test('a server does not start with a boot.toml that has mistakes, and tells all of them', async (t) => {
  const folder = folderOf(t, { 'boot.toml': 'x = 1\n[profiles.a]\nkernal = "k"\n' });
  const { code, stderr, stdout } = await run(t, ['serve', '--boot', '-p', '0', folder]);
  assert.equal(code, 1);
  assert.equal(stdout, '');
  const lines = stderr.trim().split('\n');
  assert.equal(lines[0], 'holdfast: boot.toml cannot be used');
  assert.match(lines[1]!, /^boot\.toml:1: x: unknown key; allowed: title, /);
  assert.match(lines[2]!, /^boot\.toml:2: profiles\.a: boots nothing; /);
  assert.match(lines[3]!, /^boot\.toml:3: profiles\.a\.kernal: unknown key; /);
});

test('flags that do not go with --boot are refused', async (t) => {
  const folder = folderOf(t, {});
  const two = await run(t, ['serve', '--boot', '-w', '2', folder]);
  assert.deepEqual([two.code, /^holdfast: -w: 2 is not allowed with --boot; /.test(two.stderr)], [2, true]);
  const module = folderOf(t, { 'app.mjs': 'export default () => new Response();' });
  const app = await run(t, ['serve', '--boot', join(module, 'app.mjs')]);
  assert.deepEqual(
    [app.code, app.stderr],
    [2, 'holdfast: --boot is for folders; what is served is a module\n'],
  );
});

test('SIGHUP reads boot.toml anew; a broken one leaves the last good one in force and says so', async (t) => {
  const folder = folderOf(t, { 'boot.toml': CONFIG });
  const server = await startBoot(t, 'node', folder, '--log', 'pretty');
  const { cli, url } = server!;
  const script = async () => (await fetch(`${url}/ipxe?mac=52-54-00-00-00-01`)).text();
  assert.match(await script(), /kernel \/one\/vmlinuz/);
  writeFileSync(join(folder, 'boot.toml'), CONFIG.replace('"one"\n[[', '"two"\n[['));
  cli.child.kill('SIGHUP');
  await cli.until(() => / reloaded$/m.test(cli.stderr), 'the reload');
  assert.match(await script(), /kernel \/two\/vmlinuz/);
  writeFileSync(join(folder, 'boot.toml'), 'menu = maybe');
  cli.child.kill('SIGHUP');
  await cli.until(() => cli.stderr.includes('the old one goes on'), 'the refusal');
  assert.match(cli.stderr, /reload failed, the old one goes on: boot\.toml cannot be used\n.*boot\.toml:1: /);
  assert.match(await script(), /kernel \/two\/vmlinuz/);
  cli.child.kill('SIGTERM');
  await endsWell(cli);
});

test('--watch reloads when boot.toml comes, changes and goes', async (t) => {
  const folder = folderOf(t, {});
  const { cli, url } = (await startBoot(t, 'node', folder, '--watch'))!;
  const reloads = () => cli.stderr.match(/ reloaded$/gm)?.length ?? 0;
  const script = async () => (await fetch(`${url}/ipxe?mac=52-54-00-00-00-01`)).text();
  assert.match(await script(), /\nmenu /);
  writeFileSync(join(folder, 'boot.toml'), CONFIG);
  await cli.until(() => reloads() === 1, 'the first reload');
  assert.match(await script(), /kernel \/one\/vmlinuz/);
  rmSync(join(folder, 'boot.toml'));
  await cli.until(() => reloads() === 2, 'the second reload');
  assert.match(await script(), /\nmenu /);
});

test('boot explain says which rules were tried, which won and why, in words and as JSON', async (t) => {
  const folder = folderOf(t, { 'boot.toml': CONFIG });
  const who = ['--mac', '52-54-00-00-00-01', '--manufacturer', 'QEMU'];
  const text = await run(t, ['boot', 'explain', folder, ...who]);
  assert.equal(text.code, 0);
  assert.match(
    text.stdout,
    /^machine: mac 52:54:00:00:00:01, manufacturer QEMU\nboots: {3}one\nwhy: {5}machines\[0\] \(line 6, by mac\) is the most specific of 2 rules/,
  );
  assert.match(
    text.stdout,
    /\n {2}machines\[1\] \(line 9, by manufacturer\) -> two: matches, and is less specific\n/,
  );
  assert.match(text.stdout, /\n#!ipxe\n/);
  const { stdout } = await run(t, ['boot', 'explain', folder, '--json', '--manufacturer', 'Dell']);
  const report = JSON.parse(stdout);
  assert.equal(report.boots, 'menu');
  assert.deepEqual(
    report.rules.map((each: { matches: boolean; fails: string }) => [each.matches, each.fails]),
    [
      [false, 'mac'],
      [false, 'manufacturer'],
    ],
  );
});

test('boot explain refuses what is no machine, no folder and no word', async (t) => {
  const folder = folderOf(t, { 'boot.toml': 'x = 1' });
  const cases: [string[], number, RegExp][] = [
    [['boot'], 2, /^holdfast: boot needs a word; there is: holdfast boot explain/],
    [['boot', 'menu'], 2, /^holdfast: boot menu is not known; /],
    [
      ['boot', 'explain', folder, '--mac', 'zz'],
      2,
      /^holdfast: --mac: "zz" is not allowed; a hardware address/,
    ],
    [['boot', 'explain', folder], 1, /^holdfast: boot\.toml cannot be used\nboot\.toml:1: x: unknown key/],
    [['boot', 'explain', join(folder, 'none')], 1, /no such folder/],
  ];
  for (const [args, code, words] of cases) {
    const ended = await new CliProcess(t, args).ended;
    assert.equal(ended.code, code, args.join(' '));
    assert.match(ended.stderr, words);
  }
});

test('doctor --boot prints what the DHCP server has to say, in words and as JSON', async (t) => {
  const text = await run(t, ['doctor', '--boot', '--url', 'http://10.0.0.1:8080/']);
  assert.equal(text.code, 0);
  assert.match(text.stdout, /\n {4}dhcp-option-force=tag:efi-x86-64-http,60,HTTPClient\n/);
  assert.match(text.stdout, /\n {4}option client-architecture code 93 = unsigned integer 16;\n/);
  const { stdout } = await run(t, ['doctor', '--boot', '--json']);
  assert.match(JSON.parse(stdout).url, /^http:\/\/[\d.A-Z]+:8080$/);
  const odd = await run(t, ['doctor', '--boot', '--url', 'here']);
  assert.deepEqual(
    [odd.code, odd.stderr],
    [2, 'holdfast: --url: "here" is not allowed; a URL such as http://10.0.0.1:8080\n'],
  );
});
