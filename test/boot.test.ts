/** What machines and their firmware ask of `holdfast serve --boot`, over sockets on every engine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINES, folderOf, startBoot } from './boot-servers.ts';
import { RawClient } from './raw-client.ts';

const CONFIG = `
[profiles.debian]
kernel = "debian/vmlinuz"
initrd = "debian/initrd.gz"
args = ["hostname={{hostname}}"]
ignition = "private/node.ign"
cloud = "private/user-data"
kickstart = "private/ks.cfg"
vars = { hostname = "nobody" }
[[machines]]
match = { mac = "52:54:00:00:00:01" }
profile = "debian"
vars = { hostname = "node1" }
`;

const EFI = 'MZ not really';
const FILES = {
  'boot.toml': CONFIG,
  'debian/vmlinuz': 'K'.repeat(100_000),
  'debian/initrd.gz': 'I'.repeat(300_000),
  'private/node.ign': '{"hostname": {{hostname | json}}, "mac": {{mac | json}}}',
  'private/user-data': '#cloud-config\nhostname: {{hostname}}\n',
  'private/ks.cfg': 'network --hostname={{hostname}}\nrootpw {{secret}}\n',
  'EFI/BOOT/BOOTX64.EFI': EFI,
  'EFI/BOOT/grubx64.efi': EFI,
  'EFI/BOOT/mmx64.efi': EFI,
  'arm64/BOOTAA64.EFI': EFI,
  'ia32/shimia32': EFI,
  'tools.iso': 'CD001',
  'disk.img': 'disk',
};

interface Answer {
  readonly status: number;
  readonly head: string;
  readonly body: string;
}

/** Asks on one connection, one request after the other, as firmware does. */
async function ask(client: RawClient, method: string, target: string): Promise<Answer> {
  client.received = Buffer.alloc(0);
  client.write(
    `${method} ${target} HTTP/1.1\r\nHost: boot.test:8080\r\nUser-Agent: UefiHttpBoot/1.0\r\n\r\n`,
  );
  await client.until(({ text }) => text.includes('\r\n\r\n'), `the head of ${method} ${target}`);
  const end = client.text.indexOf('\r\n\r\n');
  const head = client.text.slice(0, end + 2);
  const length = method === 'HEAD' ? 0 : Number(/\r\nContent-Length: (\d+)\r\n/i.exec(head)?.[1]);
  await client.until(({ received }) => received.length >= end + 4 + length, `the body of ${target}`);
  return { status: Number(head.slice(9, 12)), head, body: client.text.slice(end + 4) };
}

for (const engine of ENGINES) {
  test(`firmware gets what it needs, all on one connection (engine ${engine})`, async (t) => {
    const server = await startBoot(t, engine, folderOf(t, FILES));
    if (server === undefined) return;
    const client = await RawClient.open(server.port);
    const cases: [string, string, number][] = [
      ['/EFI/BOOT/BOOTX64.EFI', 'application/efi', EFI.length],
      // Shim asks beside itself, with a doubled slash, and follows no redirection.
      ['/EFI/BOOT//grubx64.efi', 'application/efi', EFI.length],
      ['//EFI//BOOT///mmx64.efi', 'application/efi', EFI.length],
      ['/arm64/BOOTAA64.EFI', 'application/efi', EFI.length],
      ['/ia32/shimia32', 'application/efi', EFI.length],
      ['/tools.iso', 'application/vnd.efi-iso', 5],
      ['/disk.img', 'application/vnd.efi-img', 4],
      ['/debian/vmlinuz', 'application/octet-stream', 100_000],
    ];
    for (const [target, type, length] of cases) {
      const head = await ask(client, 'HEAD', target);
      const get = await ask(client, 'GET', target);
      for (const { status, head: fields } of [head, get]) {
        assert.equal(status, 200, target);
        const found = [...fields.matchAll(/\r\ncontent-length: (\d+)/gi)];
        assert.deepEqual(
          found.map(([, value]) => Number(value)),
          [length],
          `${target}: one Content-Length`,
        );
        assert.ok(found[0]!.index < 400, `${target}: early enough for who keeps little of a head: ${fields}`);
        assert.match(fields, new RegExp(`\\r\\ncontent-type: ${type}\\r\\n`, 'i'), target);
        assert.doesNotMatch(fields, /\r\nconnection: close/i);
      }
      assert.equal(get.body.length, length, target);
    }
    assert.equal(client.ended, false, 'the connection is kept: EDK2 fails when FIN follows each answer');
    client.socket.destroy();
  });

  test(`a machine that says what it is gets its script and its documents (engine ${engine})`, async (t) => {
    const server = await startBoot(t, engine, folderOf(t, FILES));
    if (server === undefined) return;
    const client = await RawClient.open(server.port);
    const get = (target: string) => ask(client, 'GET', target);
    const first = await get('/boot.ipxe');
    assert.match(first.body, /^#!ipxe\nchain \/ipxe\?uuid=\$\{uuid\}&mac=\$\{mac:hexhyp\}/);
    assert.equal((await get('/autoexec.ipxe')).body, first.body);
    assert.equal((await get('/deep/in/nowhere/autoexec.ipxe')).body, first.body);
    const mine = '?uuid=&mac=52-54-00-00-00-01&domain=&hostname=&serial=&arch=x86_64';
    assert.match(
      (await get(`/ipxe${mine}`)).body,
      /\nkernel \/debian\/vmlinuz initrd=initrd\.gz hostname=node1 \|\| goto failed\ninitrd --name initrd\.gz \/debian\/initrd\.gz /,
    );
    assert.equal((await ask(client, 'HEAD', `/ipxe${mine}`)).status, 200);
    assert.match((await get('/ipxe?mac=52-54-00-00-00-02')).body, /\nmenu /);
    assert.match((await get('/ipxe?mac=52-54-00-00-00-02&profile=debian')).body, /hostname=nobody/);
    assert.match(
      (await get(`/grub${mine}`)).body,
      /linux \(http,boot\.test:8080\)\/debian\/vmlinuz hostname=node1\n/,
    );
    assert.match(
      (await get('/grub/grub.cfg')).body,
      /^configfile "\(http,boot\.test:8080\)\/grub\?mac=\$\{net_default_mac\}/,
    );
    const ignition = await get(`/ignition${mine}`);
    assert.deepEqual(JSON.parse(ignition.body), { hostname: 'node1', mac: '52:54:00:00:00:01' });
    assert.match(ignition.head, /content-type: application\/json\r\n/i);
    assert.match((await get(`/metadata${mine}`)).body, /^MAC=52:54:00:00:00:01$/m);
    // NoCloud cannot say who it is; its address was seen a moment ago.
    await get(`/ipxe${mine}`);
    assert.match((await get('/cloud/user-data')).body, /^#cloud-config\nhostname: node1\n$/);
    assert.match(
      (await get('/cloud/meta-data')).body,
      /^instance-id: "52:54:00:00:00:01"\nlocal-hostname: "node1"\n$/,
    );
    assert.equal((await get('/cloud/vendor-data')).status, 200);
    client.socket.destroy();
  });
}

test('what is missing falls through, what is private stays so, and what is wrong is said', async (t) => {
  const server = await startBoot(t, 'node', folderOf(t, FILES));
  if (server === undefined) return;
  const client = await RawClient.open(server.port);
  const get = (target: string) => ask(client, 'GET', target);
  assert.match((await get('/menu/custom.ipxe')).body, /^#!ipxe\necho .*\nexit 0\n$/);
  for (const target of ['/boot.toml', '//boot.toml', '/%62oot.toml', '/private/ks.cfg', '/private//node.ign'])
    assert.equal((await get(target)).status, 404, target);
  assert.equal((await get('/nowhere.efi')).status, 404);
  assert.equal((await get('/preseed?mac=52-54-00-00-00-01')).status, 404);
  const broken = await get('/kickstart?mac=52-54-00-00-00-01');
  assert.equal(broken.status, 500);
  assert.match(broken.body, /^private\/ks\.cfg:2: nothing is known by the name secret; known: /);
  const odd = await get('/ipxe?mac=zz');
  assert.deepEqual([odd.status, odd.body.slice(0, 26)], [400, 'mac: "zz" is not allowed; ']);
  assert.equal((await ask(client, 'PUT', '/ipxe')).status, 405);
  client.socket.destroy();
});

test('a boot.ipxe of the folder is served as it is', async (t) => {
  const server = await startBoot(t, 'node', folderOf(t, { 'boot.ipxe': '#!ipxe\nshell\n' }));
  assert.equal(await (await fetch(`${server!.url}/boot.ipxe`)).text(), '#!ipxe\nshell\n');
});

for (const engine of ENGINES.filter((each) => each !== 'node')) {
  test(`what a machine fetches leaves at its own pace, and others' at full speed (engine ${engine})`, async (t) => {
    const rule = 'match = { mac = "52:54:00:00:00:01" }\n';
    const files = {
      'boot.toml': CONFIG.replace(rule, `${rule}pace = "4m"\n`),
      image: 'I'.repeat(3 * 1024 * 1024),
    };
    const server = await startBoot(t, engine, folderOf(t, { ...FILES, ...files }));
    if (server === undefined) return;
    const client = await RawClient.open(server.port);
    const took = async (target: string): Promise<number> => {
      const beganMs = performance.now();
      assert.equal((await ask(client, 'GET', target)).body.length, files.image.length);
      return performance.now() - beganMs;
    };
    await took('/image');
    const freeMs = await took('/image?mac=52:54:00:00:00:02');
    const pacedMs = await took('/image?mac=52:54:00:00:00:01');
    // All but the first segments of a connection: some 2.4 of 3 MiB.
    assert.ok(pacedMs > 400, `paced: ${pacedMs} ms`);
    assert.ok(freeMs < pacedMs, `not paced: ${freeMs} ms`);
  });
}
