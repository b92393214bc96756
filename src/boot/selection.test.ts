/** Which rule wins, and the scripts that are made of it: all pure, on data. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBootConfig } from './boot-config.ts';
import { cloudInstance, metadataText } from './documents.ts';
import { firmwareType } from './firmware-types.ts';
import { grubScript } from './grub-script.ts';
import { CHAIN_SCRIPT, ipxeScript } from './ipxe-script.ts';
import { MachineFactsError, readFacts } from './machine-facts.ts';
import { templateValues } from './script-request.ts';
import { chosen, select } from './selection.ts';
import { fill, TemplateError } from './template.ts';

const CONFIG = parseBootConfig(
  `
  default = "a"
  [profiles.a]
  title = "It's A"
  kernel = "a dir/vmlinuz"
  initrd = ["one/initrd.gz", "two/initrd.gz"]
  args = ["host={{hostname}}", "url={{base}}/ignition?mac=\${mac:hexhyp}"]
  vars = { hostname = "nobody" }
  [profiles.b]
  [profiles.b.x86_64]
  kernel = "b/64"
  [profiles.b.i386]
  kernel = "b/32"
  [profiles.b.arm64]
  chain = "b/aa64.efi"
  [profiles.c]
  kernel = "c"
  args = "{{missing}}"
  [[machines]]
  profile = "a"
  match = { arch = "x86_64", manufacturer = "QEMU", product = "Q35" }
  [[machines]]
  profile = "b"
  match = { serial = "S1" }
  [[machines]]
  profile = "b"
  match = { mac = ["52:54:00:00:00:01", "52:54:00:00:00:02"] }
  vars = { hostname = "node1" }
  [[machines]]
  profile = "c"
  match = { mac = "52:54:00:00:00:01", arch = "arm64" }
  [[machines]]
  profile = "local"
  match = { hostname = "installed" }
  `,
  'boot.toml',
  new Map(),
);

const asked = (query: string, profile?: string) => {
  const facts = readFacts(new URLSearchParams(query));
  const selection = select(CONFIG, facts);
  return {
    config: CONFIG,
    facts,
    selection: profile === undefined ? selection : chosen(CONFIG, selection, profile)!,
    host: '10.0.0.1:8080',
    scheme: 'http',
  };
};

test('the most specific rule wins, and says what it won against', () => {
  const cases: [string, string, RegExp][] = [
    ['mac=52-54-00-00-00-02', 'b', /^machines\[2\] \(line 25, by mac\) is the only rule that matches$/],
    [
      'mac=52:54:00:00:00:01&arch=aarch64',
      'c',
      /^machines\[3\] .* is the most specific of 2 rules that match$/,
    ],
    ['mac=52:54:00:00:00:01&serial=S1&hostname=installed', 'b', /^machines\[2\] .* 3 rules/],
    ['serial=S1&manufacturer=QEMU&product=Q35&arch=amd64', 'b', /^machines\[1\]/],
    [
      'manufacturer=QEMU&product=Q35&arch=x86_64',
      'a',
      /^machines\[0\] \(line 19, by product, manufacturer, arch\)/,
    ],
    ['hostname=INSTALLED', 'local', /^machines\[4\]/],
    ['mac=52:54:00:00:00:09', 'menu', /^no rule matches, so there is the menu$/],
    ['', 'menu', /menu/],
  ];
  for (const [query, target, why] of cases) {
    const { selection } = asked(query);
    assert.equal(selection.target, target, query);
    assert.match(selection.why, why, query);
  }
  assert.equal(select({ ...CONFIG, menu: false }, {}).target, 'a');
});

test('facts that machines write differently are the same, and what is no fact is refused', () => {
  const { mac, uuid, serial } = readFacts(
    new URLSearchParams('mac=52540000000A&uuid=4C4C4544-0042-3510-8054-B4C04F503532&serial=null&hostname='),
  );
  assert.deepEqual(
    [mac, uuid, serial],
    ['52:54:00:00:00:0a', '4c4c4544-0042-3510-8054-b4c04f503532', undefined],
  );
  assert.deepEqual(readFacts(new URLSearchParams(`mac=\${mac:hexhyp}`)), {}, 'nobody filled it in');
  assert.deepEqual(
    readFacts(new URLSearchParams('uuid=FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF')),
    {},
    'none is set',
  );
  for (const query of ['mac=zz', 'uuid=1', `serial=${'x'.repeat(300)}`, 'hostname=a%0Achain http://evil'])
    assert.throws(() => readFacts(new URLSearchParams(query)), MachineFactsError, query);
});

test('the chain line begins as that of matchbox', () => {
  assert.ok(
    CHAIN_SCRIPT.startsWith(
      `#!ipxe\nchain /ipxe?uuid=\${uuid}&mac=\${mac:hexhyp}&domain=\${domain}&hostname=\${hostname}&serial=\${serial}&arch=\${buildarch:uristring}`,
    ),
  );
});

test('a script names each image once, fills in what is known of the machine, and leaves the variables of iPXE alone', () => {
  const text = ipxeScript(asked('mac=52:54:00:00:00:02', 'a'));
  assert.deepEqual(text.split('\n').slice(2, 6), [
    `kernel /a%20dir/vmlinuz initrd=initrd.gz initrd=1-initrd.gz host=node1 url=http://10.0.0.1:8080/ignition?mac=\${mac:hexhyp} || goto failed`,
    'initrd --name initrd.gz /one/initrd.gz || goto failed',
    'initrd --name 1-initrd.gz /two/initrd.gz || goto failed',
    'boot || goto failed',
  ]);
  assert.match(text, /\n:failed\n.*\nsleep 10\nexit 1\n$/, 'a failed boot goes on with the next device');
  assert.match(ipxeScript(asked('hostname=installed')), /^#!ipxe\necho .*\nexit 0\n$/);
});

test('each architecture boots its own, and iPXE for a PC BIOS, which calls itself i386, what there is', () => {
  const boots = (arch: string) => ipxeScript(asked(`mac=52:54:00:00:00:02&arch=${arch}`)).split('\n')[2];
  assert.match(boots('x86_64')!, /^kernel \/b\/64 /);
  assert.match(boots('i386')!, /^kernel \/b\/32 /);
  assert.match(boots('arm64')!, /^chain \/b\/aa64\.efi /);
  assert.match(boots('riscv64')!, /^kernel \/b\/64 /);
});

test('the menu offers what there is, waits as long as it should, and tells who chose', () => {
  const text = ipxeScript(asked('mac=52:54:00:00:00:09&arch=x86_64'));
  assert.match(text, /\nitem a It's A\nitem b b\nitem c c\nitem local /);
  assert.match(text, /\nchoose --default a --timeout 10000 target \|\| goto local\n/);
  assert.match(
    text,
    /\nchain --replace \/ipxe\?mac=52%3A54%3A00%3A00%3A00%3A09&arch=x86_64&profile=\$\{target\} /,
  );
  const { config, ...rest } = asked('');
  assert.doesNotMatch(
    ipxeScript({ ...rest, config: { ...config, timeoutMs: Number.POSITIVE_INFINITY } }),
    /timeout/,
  );
});

test('GRUB gets the same choices in its own words', () => {
  const one = grubScript(asked('mac=52:54:00:00:00:02', 'a'));
  assert.match(one, /\nset timeout=1\nmenuentry 'It'\\''s A' --id a \{\n/);
  assert.match(one, /\n {2}linux \(http,10\.0\.0\.1:8080\)\/a%20dir\/vmlinuz host=node1 /);
  assert.match(
    one,
    /\n {2}initrd \(http,10\.0\.0\.1:8080\)\/one\/initrd\.gz \(http,10\.0\.0\.1:8080\)\/two\/initrd\.gz\n\}\n$/,
  );
  const menu = grubScript(asked('arch=arm64'));
  assert.match(menu, /^set default='a'\nset timeout=10\n/);
  assert.match(
    menu,
    /\n {2}set root='http,10\.0\.0\.1:8080'\n {2}chainloader \(http,10\.0\.0\.1:8080\)\/b\/aa64\.efi\n/,
  );
  assert.match(
    menu,
    /\n# args of profile c:1: nothing is known by the name missing/,
    'one mistake spoils one entry',
  );
  assert.match(menu, /--id local \{\n {2}exit\n\}\n$/);
});

test('a template fills in what is known, and an unknown name is told with its line', () => {
  assert.equal(
    fill('a {{x}} {{ .x }} {{x|json}} {{y | default "z"}}', 't', { x: '"q"' }),
    'a "q" "q" "\\"q\\"" z',
  );
  assert.throws(
    () => fill('\n\n{{nope}}', 'ks.cfg', { mac: '' }),
    (error: Error) => {
      assert.ok(error instanceof TemplateError);
      assert.equal(error.message, 'ks.cfg:3: nothing is known by the name nope; known: mac');
      return true;
    },
  );
  assert.throws(() => fill('{{range x}}', 't', {}), /t:1: \{\{range x\}\} is not understood; allowed/);
  assert.equal(fill('{{toString}}', 't', { toString: 'own' }), 'own');
  assert.throws(() => fill('{{toString}}', 't', {}), TemplateError);
});

test('a machine reads what is known of it, one name a line', () => {
  const request = asked('mac=52:54:00:00:00:02&serial=S9');
  const values = templateValues(request, new URLSearchParams('mac=52:54:00:00:00:02&foo=bar'));
  const lines = metadataText(values).split('\n');
  for (const line of [
    'MAC=52:54:00:00:00:02',
    'HOSTNAME=node1',
    'REQUEST_QUERY_FOO=bar',
    'PROFILE=b',
    'SERIAL=S9',
  ])
    assert.ok(lines.includes(line), `${line} of ${lines}`);
  assert.equal(
    cloudInstance(request.facts, values),
    'instance-id: "52:54:00:00:00:02"\nlocal-hostname: "node1"\n',
  );
});

test('firmware finds its media types by suffix, and by the names of shim and GRUB', () => {
  const types: Record<string, string | undefined> = {
    'EFI/BOOT/BOOTX64.EFI': 'application/efi',
    'grubx64.efi.signed': 'application/efi',
    'a/grubaa64': 'application/efi',
    shimia32: 'application/efi',
    'x.iso': 'application/vnd.efi-iso',
    'x.IMG': 'application/vnd.efi-img',
    vmlinuz: undefined,
    'grub.cfg': undefined,
  };
  for (const [path, type] of Object.entries(types)) assert.equal(firmwareType(path), type, path);
});
