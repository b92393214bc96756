/** The lines that `holdfast doctor --boot` prints, read by the servers that they are for, where these are installed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { dhcpdLines, dnsmasqLines } from '#src/boot/dhcp-lines.ts';

const URL_HERE = 'http://192.0.2.1:8080';
const folder = mkdtempSync(join(tmpdir(), 'holdfast-dhcp-'));
after(() => rmSync(folder, { recursive: true }));

/** Where Debian has them, which is in the path of root alone. */
const PATH = `${process.env['PATH']}:/usr/sbin:/sbin`;

function missing(program: string): string | false {
  const { error } = spawnSync(program, ['--version'], { env: { ...process.env, PATH } });
  return error === undefined ? false : `${program} is not installed`;
}

const SERVERS = [
  {
    program: 'dnsmasq',
    args: (file: string) => ['--test', `--conf-file=${file}`],
    text: dnsmasqLines(URL_HERE).join('\n'),
    spoilt: ['dhcp-match=set:ipxe,175', 'dhcp-match=set:ipxe,no-such-option'],
  },
  {
    program: 'dhcpd',
    args: (file: string) => ['-t', '-cf', file],
    text: `subnet 192.0.2.0 netmask 255.255.255.0 {}\n${dhcpdLines(URL_HERE).join('\n')}\n`,
    spoilt: ['} else {', 'else {'],
  },
] as const;

for (const { program, args, text, spoilt } of SERVERS)
  test(`${program} takes the lines that are printed for it`, { skip: missing(program) }, () => {
    const file = join(folder, `${program}.conf`);
    const read = (lines: string): [number | null, string] => {
      writeFileSync(file, lines);
      const ended = spawnSync(program, args(file), { encoding: 'utf8', env: { ...process.env, PATH } });
      return [ended.status, ended.stdout + ended.stderr];
    };
    const [status, said] = read(text);
    assert.equal(status, 0, said);
    // What it cannot read it refuses.
    assert.notEqual(read(text.replace(spoilt[0], spoilt[1]))[0], 0);
  });
