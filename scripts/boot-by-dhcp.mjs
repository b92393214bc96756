/**
 * Machines that boot by what a real DHCP server tells them: dnsmasq with the very lines that `holdfast doctor --boot` prints, UEFI of
 * x86-64 and arm64 in QEMU, iPXE and GRUB. All of it in a network of its own (a namespace with a tap), which nothing leaves.
 *
 *     npm run test:boot
 *
 * Needs to be root, Debian's qemu-system-x86, ovmf, dnsmasq-base, ipxe, shim-signed and grub-efi-amd64-bin with grub-common, and for arm64 qemu-system-arm and
 * qemu-efi-aarch64; what misses something skips and says so.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { efiProgram } from './efi-program.mjs';

const MAIN = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));
const ADDRESS = '10.77.0.1';
/** GRUB before 2.12 knows no other port. */
const URL_HERE = `http://${ADDRESS}`;
const BOOTED = 'BOOTED BY HOLDFAST';
const BOOT_MS = 300_000;

const firstOf = (...files) => files.find((file) => existsSync(file));
const OVMF = firstOf('/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_CODE.fd');
const AAVMF = firstOf('/usr/share/AAVMF/AAVMF_CODE.fd');
const IPXE = firstOf('/usr/lib/ipxe/ipxe.efi');
const SHIM = firstOf('/usr/lib/shim/shimx64.efi.signed');
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;
const has = (program) =>
  spawnSync(program, ['--version'], { env: { ...process.env, PATH } }).error === undefined;

function missing(wanted) {
  const lacks = Object.entries(wanted).filter(([, isThere]) => !isThere);
  return lacks.length === 0 ? false : `not installed: ${lacks.map(([name]) => name).join(', ')}`;
}

const CONFIG = `
[profiles.plain]
chain = "boot/kernel.efi"
[[machines]]
match = { mac = "52:54:00:77:00:01" }
profile = "plain"
`;

/** Keeps what a child says, and ends it with the test. */
function run(t, program, args) {
  const child = spawn(program, args, { env: { ...process.env, PATH }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (said += text));
  t.after(() => child.kill('SIGKILL'));
  return { child, said: () => said };
}

async function until(look, what, said, ms = BOOT_MS) {
  for (const endMs = performance.now() + ms; performance.now() < endMs; await sleep(100)) if (look()) return;
  throw new Error(`${what} did not come: ${said()}`);
}

/** The lines as they are printed, with those put to use that speak of a TFTP server. */
function printedLines(tftpFolder) {
  const { stdout } = spawnSync(process.execPath, [MAIN, 'doctor', '--boot', '--json', '--url', URL_HERE], {
    encoding: 'utf8',
  });
  const { dnsmasq } = JSON.parse(stdout);
  const tftp = { '#enable-tftp': 'enable-tftp', '#tftp-root=/srv/tftp': `tftp-root=${tftpFolder}` };
  if (tftpFolder === undefined) return dnsmasq;
  const lines = dnsmasq.map((line) => tftp[line] ?? line);
  assert.equal(lines.filter((line) => Object.values(tftp).includes(line)).length, 2);
  return lines;
}

/** A folder to be served, what DHCP says of it, and a machine: until it says that it has booted. */
async function boots(t, { machine, served, tftp, says = [], isBooted = (said) => said.includes(BOOTED) }) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-dhcp-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const each of ['www', 'www/boot', 'tftp']) mkdirSync(join(folder, each));
  writeFileSync(join(folder, 'www/boot.toml'), CONFIG);
  const put = (where, files) => {
    for (const [name, content] of Object.entries(files)) {
      if (typeof content === 'string') copyFileSync(content, join(folder, where, name));
      else writeFileSync(join(folder, where, name), content);
    }
  };
  put('www', served);
  if (tftp !== undefined) put('tftp', tftp);
  const server = run(t, process.execPath, [
    MAIN,
    'serve',
    '--boot',
    '-H',
    ADDRESS,
    '-p',
    '80',
    '--log',
    'pretty',
    join(folder, 'www'),
  ]);
  await until(() => server.said().includes('ready'), 'the server', server.said, 20_000);
  const conf = join(folder, 'dnsmasq.conf');
  const lines = [
    'port=0',
    'interface=tap0',
    'bind-interfaces',
    'user=root',
    'log-dhcp',
    'log-facility=-',
    'dhcp-range=10.77.0.10,10.77.0.50,255.255.255.0,1h',
    `dhcp-leasefile=${join(folder, 'leases')}`,
    `pid-file=${join(folder, 'pid')}`,
    ...printedLines(tftp === undefined ? undefined : join(folder, 'tftp')),
    ...says,
  ];
  writeFileSync(conf, lines.join('\n'));
  const dhcp = run(t, 'dnsmasq', ['--keep-in-foreground', `--conf-file=${conf}`]);
  const serial = join(folder, 'serial.txt');
  const qemu = run(t, machine.program, [
    ...machine.args(folder),
    // Firmware tries PXE before HTTP, and IPv6 after IPv4, each for a minute or so. What this one need not try it is told not to.
    ...(tftp === undefined ? NO_PXE : []),
    ...['-accel', 'tcg', '-display', 'none', '-monitor', 'none', '-serial', `file:${serial}`, '-no-reboot'],
    ...['-netdev', 'tap,id=n,ifname=tap0,script=no,downscript=no'],
    // The card's own program is iPXE: without it the firmware's network boot is the first.
    ...['-device', 'virtio-net-pci,netdev=n,mac=52:54:00:77:00:01,bootindex=1,romfile='],
  ]);
  const screen = () => (existsSync(serial) ? readFileSync(serial, 'latin1') : '');
  const all = () =>
    `${screen().slice(-1500)}\n${qemu.said()}\n-- dnsmasq\n${dhcp.said().slice(-3000)}\n-- server\n${server.said().slice(-1500)}`;
  await until(() => isBooted(screen()), 'the boot', all);
  return { asked: server.said(), dhcp: dhcp.said() };
}

const PC = {
  program: 'qemu-system-x86_64',
  args(folder) {
    const vars = join(folder, 'vars.fd');
    copyFileSync(OVMF.replace('CODE', 'VARS'), vars);
    return [
      ...['-machine', 'q35', '-m', '512'],
      ...[
        '-drive',
        `if=pflash,format=raw,readonly=on,file=${OVMF}`,
        '-drive',
        `if=pflash,format=raw,file=${vars}`,
      ],
    ];
  },
};
const ARM = {
  program: 'qemu-system-aarch64',
  args(folder) {
    const vars = join(folder, 'vars.fd');
    copyFileSync(AAVMF.replace('CODE', 'VARS'), vars);
    return [
      ...['-machine', 'virt', '-cpu', 'cortex-a57', '-m', '512'],
      ...[
        '-drive',
        `if=pflash,format=raw,readonly=on,file=${AAVMF}`,
        '-drive',
        `if=pflash,format=raw,file=${vars}`,
      ],
    ];
  },
};

const NO_PXE = ['IPv4', 'IPv6'].flatMap((version) => [
  '-fw_cfg',
  `name=opt/org.tianocore/${version}PXESupport,string=n`,
]);

/** In a network namespace nothing but this file's processes is reached. */
function enterNamespace() {
  const { status, error } = spawnSync(
    'unshare',
    ['--net', process.execPath, fileURLToPath(import.meta.url)],
    {
      env: { ...process.env, HOLDFAST_BOOT_NETWORK: 'own' },
      stdio: 'inherit',
    },
  );
  if (error !== undefined) throw error;
  process.exitCode = status ?? 1;
}

function network() {
  for (const args of [
    ['link', 'set', 'lo', 'up'],
    ['tuntap', 'add', 'tap0', 'mode', 'tap'],
    ['addr', 'add', `${ADDRESS}/24`, 'dev', 'tap0'],
    ['link', 'set', 'tap0', 'up'],
  ]) {
    const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8', env: { ...process.env, PATH } });
    assert.equal(status, 0, stderr);
  }
}

const mayNot =
  process.getuid?.() !== 0
    ? 'a network of its own and a tap take root'
    : missing({
        unshare: has('unshare'),
        ip: has('ip'),
        dnsmasq: has('dnsmasq'),
        '/dev/net/tun': existsSync('/dev/net/tun'),
      });
const lacksPc = mayNot || missing({ 'qemu-system-x86': has(PC.program), ovmf: OVMF !== undefined });
const lacksIpxe = lacksPc || missing({ ipxe: IPXE !== undefined });
const lacksGrub =
  lacksPc ||
  missing({
    'grub-common': has('grub-mkstandalone'),
    'grub-efi-amd64-bin': existsSync('/usr/lib/grub/x86_64-efi/http.mod'),
  });
const lacksShim = lacksPc || missing({ 'shim-signed': SHIM !== undefined });
const lacksArm =
  mayNot || missing({ 'qemu-system-arm': has(ARM.program), 'qemu-efi-aarch64': AAVMF !== undefined });

function tests() {
  describe('machines that boot by what dnsmasq tells them in the words of doctor --boot', () => {
    before(() => {
      if (mayNot === false) network();
    });
    after(() => spawnSync('ip', ['link', 'del', 'tap0'], { env: { ...process.env, PATH } }));
    const kernel = { 'boot/kernel.efi': efiProgram('x64', BOOTED) };

    test('PXE of x86-64 UEFI takes iPXE by TFTP, and that its script and kernel by HTTP', {
      skip: lacksIpxe,
    }, async (t) => {
      const { asked, dhcp } = await boots(t, { machine: PC, served: kernel, tftp: { 'ipxe.efi': IPXE } });
      assert.match(dhcp, /sent .*ipxe\.efi/);
      assert.match(asked, /GET \/boot\.ipxe /);
      assert.match(asked, /GET \/boot\/kernel\.efi /);
    });

    test('HTTP boot of x86-64 UEFI takes iPXE by HTTP, with HEAD before GET', {
      skip: lacksIpxe,
    }, async (t) => {
      const { asked } = await boots(t, { machine: PC, served: { ...kernel, 'ipxe.efi': IPXE } });
      assert.match(
        asked,
        /HEAD \/ipxe\.efi .*GET \/ipxe\.efi .*GET \/boot\.ipxe .*GET \/boot\/kernel\.efi /s,
      );
    });

    test('GRUB takes its menu by HTTP, and what it starts', { skip: lacksGrub }, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'holdfast-grub-'));
      t.after(() => rmSync(folder, { recursive: true }));
      writeFileSync(join(folder, 'grub.cfg'), `net_bootp\nconfigfile (http,${ADDRESS})/grub.cfg\n`);
      const image = join(folder, 'grub.efi');
      const made = spawnSync(
        'grub-mkstandalone',
        [
          '-O',
          'x86_64-efi',
          '-o',
          image,
          '--modules=efinet net http tftp configfile chain',
          `boot/grub/grub.cfg=${join(folder, 'grub.cfg')}`,
        ],
        { encoding: 'utf8' },
      );
      assert.equal(made.status, 0, made.stderr);
      const { asked } = await boots(t, { machine: PC, served: kernel, tftp: { 'ipxe.efi': image } });
      assert.match(
        asked,
        /GET \/grub\.cfg .*GET \/grub\?mac=52:54:00:77:00:01&arch=x86_64&platform=efi .*GET \/boot\/kernel\.efi /s,
      );
    });

    test('a signed shim takes what lies beside it by HTTP', { skip: lacksShim }, async (t) => {
      const second = efiProgram('x64', BOOTED);
      const { asked } = await boots(t, { machine: PC, served: { 'ipxe.efi': SHIM, 'grubx64.efi': second } });
      assert.match(asked, /GET \/ipxe\.efi .*200 GET \/+grubx64\.efi /s);
    });

    test('HTTP boot of arm64 UEFI takes its program by HTTP', { skip: lacksArm }, async (t) => {
      const served = { 'ipxe-arm64.efi': efiProgram('arm64', BOOTED) };
      const { asked, dhcp } = await boots(t, { machine: ARM, served });
      assert.match(asked, /HEAD \/ipxe-arm64\.efi .*GET \/ipxe-arm64\.efi /s);
      assert.match(dhcp, /vendor class: HTTPClient:Arch:00019/);
    });

    test('PXE of arm64 UEFI takes its program by TFTP', { skip: lacksArm }, async (t) => {
      await boots(t, { machine: ARM, served: {}, tftp: { 'ipxe-arm64.efi': efiProgram('arm64', BOOTED) } });
    });
  });
}

if (mayNot === false && process.env.HOLDFAST_BOOT_NETWORK === undefined) enterNamespace();
else tests();
