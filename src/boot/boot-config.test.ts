/** `boot.toml` as data: what a good one means, and what each mistake is told as. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configOfFound, type Profile, parseBootConfig } from './boot-config.ts';
import { BootConfigError } from './config-reader.ts';
import { pairUp } from './found-profiles.ts';

const NOTHING_FOUND: ReadonlyMap<string, Profile> = new Map();
const parse = (text: string, found = NOTHING_FOUND) => parseBootConfig(text, 'boot.toml', found);

/** Lines that a text is refused with. */
function problems(text: string): readonly string[] {
  try {
    parse(text);
  } catch (error) {
    assert.ok(error instanceof BootConfigError, String(error));
    return error.problems;
  }
  assert.fail('nothing was refused');
}

test('a whole file is read, with defaults where it says nothing', () => {
  const config = parse(`
    title = "Lab"
    default = "debian"
    timeout = "2m"
    [profiles.debian]
    title = "Debian 13"
    kernel = "/debian/vmlinuz"
    initrd = ["debian/initrd.gz", "https://mirror.test/firmware.cpio"]
    args = ["console=ttyS0"]
    preseed = "templates/debian.cfg"
    vars = { role = "worker", disks = 2 }
    [profiles.debian.arm64]
    kernel = "debian/arm64/linux"
    [[machines]]
    match = { mac = ["52-54-00-AA-BB-CC", "525400aabbcd"], product = "X1" }
    profile = "debian"
    pace = "2m"
    [[machines]]
    profile = "local"
  `);
  assert.deepEqual(
    config.machines.map(({ paceBytesPerSecond }) => paceBytesPerSecond),
    [2 * 1024 * 1024, Number.POSITIVE_INFINITY],
  );
  assert.equal(config.title, 'Lab');
  assert.equal(config.timeoutMs, 120_000);
  assert.equal(config.menu, true);
  const debian = config.profiles.get('debian')!;
  assert.deepEqual(debian.base, {
    kernel: 'debian/vmlinuz',
    initrd: ['debian/initrd.gz', 'https://mirror.test/firmware.cpio'],
    args: ['console=ttyS0'],
    chain: undefined,
  });
  assert.equal(debian.byArch.get('arm64')?.kernel, 'debian/arm64/linux');
  assert.deepEqual(
    debian.byArch.get('arm64')?.args,
    ['console=ttyS0'],
    'what is not said is as in the profile',
  );
  assert.deepEqual(debian.variables, { role: 'worker', disks: '2' });
  assert.deepEqual(debian.documents, { preseed: 'templates/debian.cfg' });
  assert.deepEqual(config.machines[0]?.match, {
    mac: ['52:54:00:aa:bb:cc', '52:54:00:aa:bb:cd'],
    product: ['X1'],
  });
  assert.deepEqual(config.machines[1]?.match, {});
  const empty = parse('');
  assert.deepEqual([empty.default, empty.timeoutMs, empty.profiles.size], ['local', 10_000, 0]);
});

test('each mistake is told with file, line, key and what is allowed', () => {
  const cases: [string, RegExp][] = [
    ['a = ', /^boot\.toml:1: /],
    ['x = 1\nx = 2', /^boot\.toml:2: /],
    ['titel = "x"', /^boot\.toml:1: titel: unknown key; allowed: title, default/],
    ['title = 5', /^boot\.toml:1: title: 5 is not allowed; allowed: a line of text/],
    ['menu = "yes"', /menu: "yes" is not allowed; allowed: true or false/],
    ['\ntimeout = 10', /^boot\.toml:2: timeout: 10 is not allowed; allowed: a duration in quotes/],
    ['timeout = "0s"', /timeout: "0s" is not allowed/],
    ['default = "debian"', /default: "debian" is not allowed; allowed: one of local/],
    ['profiles = 1', /profiles: 1 is not allowed; allowed: a table, \[profiles\]/],
    ['[profiles.a]\ntitle = "x"', /^boot\.toml:1: profiles\.a: boots nothing; allowed: a kernel, or chain/],
    [
      '[profiles.a]\nkernel = "../k"',
      /^boot\.toml:2: profiles\.a\.kernel: "\.\.\/k" is not allowed; allowed: a path/,
    ],
    [
      '[profiles.a]\nkernel = "k"\ninitrd = ["a",\n 5]',
      /^boot\.toml:3: profiles\.a\.initrd: 5 is not allowed/,
    ],
    [
      '[profiles.a]\nkernel = "k"\nargs = ["a\\nb"]',
      /profiles\.a\.args: an array.* is not allowed; allowed: a line/,
    ],
    ['[profiles.a]\nkernel = "k"\nchain = "c"', /^boot\.toml:3: profiles\.a\.chain: has kernel and chain/],
    [
      '[profiles.a]\nkernel = "k"\n[profiles.a.sparc]\nkernel = "s"',
      /^boot\.toml:3: profiles\.a\.sparc: unknown key/,
    ],
    ['[profiles."a b"]\nkernel = "k"', /a profile cannot be named "a b"; allowed: letters/],
    ['[profiles.menu]\nkernel = "k"', /a profile cannot be named "menu"/],
    [
      '[[machines]]\nprofile = "local"\npace = "9"',
      /^boot\.toml:3: machines\[0\]\.pace: .*allowed: bytes a second in quotes, '1k' or more/,
    ],
    ['[profiles.a]\nkernel = "k"\nvars = { x = [] }', /profiles\.a\.vars\.x: an array.* is not allowed/],
    [
      '[[machines]]\nprofile = "b"',
      /^boot\.toml:2: machines\[0\]\.profile: "b" is not allowed; allowed: one of local, menu/,
    ],
    [
      '[[machines]]\nmatch = { mac = "1" }\nprofile = "local"',
      /^boot\.toml:2: machines\[0\]\.match\.mac: "1" is not allowed; allowed: a hardware/,
    ],
    [
      '[[machines]]\nmatch = { uuid = "1" }\nprofile = "local"',
      /match\.uuid: "1" is not allowed; allowed: a UUID/,
    ],
    [
      '[[machines]]\nmatch = { colour = "1" }\nprofile = "local"',
      /match\.colour: unknown key; allowed: mac, uuid/,
    ],
    ['[[machines]]\n[[machines]]\nprofile = "local"', /^boot\.toml:1: machines\[0\]: names no profile/],
    ['[machines]\nprofile = "local"', /machines: an object.* is not allowed; allowed: tables, each begun by/],
  ];
  for (const [text, expected] of cases) assert.match(problems(text)[0]!, expected, text);
});

test('all mistakes of a file are told at once, from its top down', () => {
  const lines = problems('x = 1\ntimeout = 1\n[profiles.a]\n[[machines]]\n').map((each) =>
    Number(each.split(':')[1]),
  );
  assert.deepEqual(lines, [1, 2, 3, 4]);
});

test('a second rule for the same machine is refused, for it would never win', () => {
  const rule = '[[machines]]\nmatch = { mac = "52:54:00:00:00:01" }\nprofile = "local"\n';
  assert.match(
    problems(`${rule}${rule.replace('52:54', '52-54')}`)[0]!,
    /^boot\.toml:4: machines\[1\]: matches just what the rule on line 1 matches/,
  );
});

test('kernels that lie in a folder are paired with the initial file systems that belong to them', () => {
  const pairs = (...files: string[]) => pairUp('', files).map(({ base }) => [base.kernel, base.initrd[0]]);
  assert.deepEqual(
    pairs('vmlinuz-6.1.0-9-amd64', 'initrd.img-6.1.0-9-amd64', 'vmlinuz-6.12', 'initramfs-6.12.img'),
    [
      ['vmlinuz-6.1.0-9-amd64', 'initrd.img-6.1.0-9-amd64'],
      ['vmlinuz-6.12', 'initramfs-6.12.img'],
    ],
  );
  assert.deepEqual(pairs('linux', 'initrd.gz'), [['linux', 'initrd.gz']]);
  assert.deepEqual(pairs('vmlinuz-linux', 'initramfs-linux.img'), [['vmlinuz-linux', 'initramfs-linux.img']]);
  assert.deepEqual(pairs('bzImage', 'rootfs.cpio.gz', 'bzImage.sha256', 'readme.txt'), [
    ['bzImage', 'rootfs.cpio.gz'],
  ]);
  assert.deepEqual(
    pairs('vmlinuz', 'initrd-other'),
    [['vmlinuz', 'initrd-other']],
    'one of each belong together',
  );
  assert.deepEqual(pairs('vmlinuz-1', 'vmlinuz-2', 'initrd-1'), [
    ['vmlinuz-1', 'initrd-1'],
    ['vmlinuz-2', undefined],
  ]);
});

test('a kernel that was found is a profile unless one that is written boots it, and boots by itself only when it is alone', () => {
  const found = new Map(
    ['debian', 'fedora']
      .flatMap((path) => pairUp(path, ['vmlinuz', 'initrd.img']))
      .map((each) => [each.name, each]),
  );
  assert.equal(configOfFound(found).default, 'local', 'nobody said which');
  assert.equal(configOfFound(new Map([...found].slice(0, 1))).default, 'debian');
  const { profiles } = parse('[profiles.mine]\nkernel = "debian/vmlinuz"', found);
  assert.deepEqual([...profiles.keys()], ['mine', 'fedora']);
});
