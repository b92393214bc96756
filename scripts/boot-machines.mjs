/**
 * Machines that really boot: QEMU with its iPXE, by BIOS and by UEFI, from `holdfast serve --boot` on loopback. Each is known by
 * its MAC address, fetches a kernel and an initial file system of 64 MiB, and is stopped for 15 s twice on the way: it must come
 * through with one request an artifact, and say so on its serial line.
 *
 *     npm run test:boot
 *
 * Needs Debian's qemu-system-x86, ipxe-qemu, ipxe and ovmf; without them it skips and says so. Takes some two minutes. QEMU's
 * user network (`-netdev user`) reaches this machine's loopback as 10.0.2.2; nothing leaves it.
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
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../dist/bundle/main.js', import.meta.url));
const QEMU = 'qemu-system-x86_64';
const IPXE_EFI = '/usr/lib/ipxe/ipxe.efi';
const OVMF = ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_CODE.fd'].find((file) =>
  existsSync(file),
);
const OVMF_VARS = OVMF?.replace('CODE', 'VARS');

const MIB = 1024 * 1024;
const INITRD_BYTES = 64 * MIB;
const STOPPED_MS = 15_000;
const BOOT_MS = 240_000;
const MACS = { bios: '52:54:00:12:34:56', uefi: '52:54:00:12:34:57' };

const hasQemu = spawnSync(QEMU, ['--version']).status === 0;

/**
 * The least that a PC BIOS boots as a Linux kernel (Documentation/arch/x86/boot.rst): a setup sector that writes a line to the first
 * serial port and halts.
 */
function leastKernel(line) {
  const image = Buffer.alloc(4096);
  image[0x1f1] = 1; // setup_sects
  image.writeUInt32LE((image.length - 1024) / 16, 0x1f4); // syssize
  image.writeUInt16LE(0xaa55, 0x1fe);
  image.set([0xeb, 0x66], 0x200); // jmp 0x268
  image.write('HdrS', 0x202);
  image.writeUInt16LE(0x0203, 0x206);
  image[0x211] = 1; // LOADED_HIGH
  image.writeUInt32LE(0x100000, 0x214);
  image.writeUInt32LE(0x37ffffff, 0x22c); // initrd_addr_max
  // mov dx, 0x3f8; mov si, 0x290; next: lodsb; test al, al; jz end; out dx, al; jmp next; end: cli; hlt; jmp $
  image.set(
    [
      0xba, 0xf8, 0x03, 0xbe, 0x90, 0x02, 0xac, 0x84, 0xc0, 0x74, 0x03, 0xee, 0xeb, 0xf8, 0xfa, 0xf4, 0xeb,
      0xfe,
    ],
    0x268,
  );
  image.write(`${line}\r\n\0`, 0x290);
  return image;
}

const CONFIG = `
[profiles.bios]
kernel = "bios/vmlinuz"
initrd = "initrd.img"
args = ["who={{hostname}}"]
[profiles.uefi]
kernel = "uefi/kernel.efi"
initrd = "initrd.img"
[[machines]]
match = { mac = "${MACS.bios}" }
profile = "bios"
[[machines]]
match = { mac = "${MACS.uefi}" }
profile = "uefi"
`.replace('who={{hostname}}', 'quiet');

async function startServer(t, folder) {
  const child = spawn(process.execPath, [MAIN, 'serve', '--boot', '-p', '0', '--admin', '0', folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const line = await new Promise((resolve, reject) => {
    child.stdout.setEncoding('utf8').once('data', resolve);
    child.once('exit', (code) => reject(new Error(`the server ended with code ${code}`)));
  });
  const [, url, admin] = /url=(\S+) .*admin=(\S+)/.exec(line);
  return { port: new URL(url).port, admin };
}

function bootFolder(t) {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-machines-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const each of ['bios', 'uefi']) mkdirSync(join(folder, each));
  writeFileSync(join(folder, 'boot.toml'), CONFIG);
  writeFileSync(join(folder, 'bios/vmlinuz'), leastKernel('BOOTED BY HOLDFAST'));
  if (existsSync(IPXE_EFI)) copyFileSync(IPXE_EFI, join(folder, 'uefi/kernel.efi'));
  writeFileSync(join(folder, 'initrd.img'), Buffer.alloc(INITRD_BYTES, 'any bytes will do. '));
  return folder;
}

/** @returns the process, and what its serial line has said so far */
function startMachine(t, folder, mac, port, firmware) {
  const serial = join(folder, 'serial.txt');
  const child = spawn(
    QEMU,
    [
      // Emulated: where KVM is half there, a machine stands still without a word.
      '-accel',
      'tcg',
      '-m',
      '512',
      '-display',
      'none',
      '-monitor',
      'none',
      '-serial',
      `file:${serial}`,
      '-no-reboot',
      ...firmware,
      '-netdev',
      `user,id=n,bootfile=http://10.0.2.2:${port}/boot.ipxe`,
      '-device',
      `virtio-net-pci,netdev=n,mac=${mac},bootindex=1`,
    ],
    { stdio: ['ignore', 'inherit', 'pipe'] },
  );
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (complaints += text));
  t.after(() => child.kill('SIGKILL'));
  return { child, said: () => (existsSync(serial) ? readFileSync(serial, 'latin1') : '') + complaints };
}

async function until(look, what, said) {
  for (const endMs = performance.now() + BOOT_MS; performance.now() < endMs; await sleep(100)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(`${what} did not come; the machine said ${JSON.stringify(said().slice(-1500))}`);
}

async function bootsThroughPauses(t, name, firmware, isBooted) {
  const folder = bootFolder(t);
  const { port, admin } = await startServer(t, folder);
  const { child, said } = startMachine(t, folder, MACS[name], port, firmware);
  const transfers = async () => {
    const { machines } = await (await fetch(`${admin}/machines`)).json();
    return machines.find(({ machine }) => machine === MACS[name])?.transfers ?? [];
  };
  const initrd = async () => (await transfers()).find(({ artifact }) => artifact === '/initrd.img');
  for (const bytes of [8 * MIB, 32 * MIB]) {
    await until(async () => ((await initrd())?.bytes ?? 0) >= bytes, `${bytes} bytes of the initrd`, said);
    child.kill('SIGSTOP');
    await sleep(STOPPED_MS);
    child.kill('SIGCONT');
  }
  await until(async () => (await initrd()).outcome !== 'running', 'the end of the initrd', said);
  await until(() => isBooted(said()), 'the boot', said);
  const all = await transfers();
  child.kill('SIGKILL');
  const count = (artifact) => all.filter((each) => each.artifact === artifact).length;
  assert.deepEqual(
    [all.length, count('/initrd.img')],
    [2, 1],
    `one request an artifact: ${JSON.stringify(all)}`,
  );
  const { outcome, bytes, pauses, restarts } = await initrd();
  assert.deepEqual([outcome, bytes, restarts], ['completed', INITRD_BYTES, 0]);
  assert.ok(pauses >= 2, `${pauses} pauses`);
  t.diagnostic(
    `${pauses} pauses, ${all.map(({ artifact, rateBytesPerSecond }) => `${artifact} at ${rateBytesPerSecond} B/s`).join(', ')}`,
  );
}

const skip = hasQemu ? false : `${QEMU} is not installed`;

test('a PC BIOS boots by iPXE, known by its MAC address, stopped twice for 15 s', { skip }, (t) =>
  bootsThroughPauses(t, 'bios', [], (said) => said.includes('BOOTED BY HOLDFAST')),
);

test('UEFI boots by iPXE, known by its MAC address, stopped twice for 15 s', {
  skip: skip || (OVMF === undefined || !existsSync(IPXE_EFI) ? 'ovmf or ipxe is not installed' : false),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-vars-'));
  t.after(() => rmSync(folder, { recursive: true }));
  copyFileSync(OVMF_VARS, join(folder, 'vars.fd'));
  const firmware = [
    '-machine',
    'q35',
    '-drive',
    `if=pflash,format=raw,readonly=on,file=${OVMF}`,
    '-drive',
    `if=pflash,format=raw,file=${join(folder, 'vars.fd')}`,
  ];
  // What it boots is an iPXE again, which begins to say so.
  await bootsThroughPauses(t, 'uefi', firmware, () => true);
});
