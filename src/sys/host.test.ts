import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ReadText, readContainer, readHostCores, readHostSettings } from './host.ts';

function files(contents: Record<string, string>): ReadText {
  return (path) => contents[path];
}

test('limits and settings are read from /proc', () => {
  const settings = readHostSettings(
    files({
      '/proc/self/limits': [
        'Limit                     Soft Limit           Hard Limit           Units     ',
        'Max open files            1024                 524288               files     ',
        'Max locked memory         unlimited            unlimited            bytes     ',
      ].join('\n'),
      '/proc/self/status': 'Name:\tnode\nCapEff:\t000001ffffffffff\nCapBnd:\t000001ffffffffff\n',
      '/proc/self/uid_map': '         0          0 4294967295\n',
      '/proc/sys/net/core/somaxconn': '4096\n',
      '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999\n',
      '/proc/sys/net/ipv4/tcp_tw_reuse': '2\n',
      '/proc/sys/net/ipv4/ip_unprivileged_port_start': '0\n',
      '/proc/sys/kernel/io_uring_disabled': '1\n',
      '/proc/sys/fs/aio-max-nr': '65536\n',
      '/proc/sys/fs/aio-nr': '536\n',
    }),
  );
  assert.deepEqual(settings, {
    descriptorsSoft: 1024,
    descriptorsHard: 524288,
    memlockBytes: Number.POSITIVE_INFINITY,
    locksWithoutLimit: true,
    somaxconn: 4096,
    portFirst: 32768,
    portLast: 60999,
    timeWaitReuse: 2,
    unprivilegedPortFirst: 0,
    ioUringDisabled: 1,
    aioFree: 65000,
  });
});

test('locked memory is without limit for CAP_IPC_LOCK, but not for that of a user namespace', () => {
  const initial = '0 0 4294967295\n';
  const locks = (capEff: string, uidMap: string) =>
    readHostSettings(files({ '/proc/self/status': `CapEff:\t${capEff}\n`, '/proc/self/uid_map': uidMap }))
      .locksWithoutLimit;
  assert.equal(locks('000001ffffffffff', initial), true);
  assert.equal(locks('0000000000004000', initial), true);
  assert.equal(locks('0000000000000000', initial), false);
  // Docker's set for root, and root in a rootless container.
  assert.equal(locks('00000000a80425fb', initial), false);
  assert.equal(locks('000001ffffffffff', '0 1000 1\n1 100000 65536\n'), false);
});

test('a host that tells nothing gives undefined throughout', () => {
  const nothing = files({});
  assert.ok(Object.values(readHostSettings(nothing)).every((value) => value === undefined));
  assert.equal(readHostCores(nothing).quotaCores, undefined);
  assert.equal(readHostCores(nothing).memoryBytes, undefined);
  assert.equal(readContainer(nothing, {}), undefined);
});

test('the smallest quota of the control group and of those above it counts', () => {
  const cores = readHostCores(
    files({
      '/proc/self/cgroup': '0::/system.slice/holdfast.service\n',
      '/sys/fs/cgroup/system.slice/cpu.max': '150000 100000\n',
      '/sys/fs/cgroup/system.slice/holdfast.service/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/system.slice/memory.max': 'max\n',
      '/sys/fs/cgroup/system.slice/holdfast.service/memory.max': '536870912\n',
    }),
  );
  assert.equal(cores.quotaCores, 1.5);
  assert.equal(cores.memoryBytes, 512 * 1024 * 1024);
  assert.ok(cores.cores >= 1);
});

test('control groups of version 1 are understood, and their way of saying unlimited', () => {
  const limited = files({
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '50000\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
  });
  assert.equal(readHostCores(limited).quotaCores, 0.5);
  assert.equal(readHostCores(limited).memoryBytes, undefined);
  const unlimited = files({
    '/sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
    '/sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
  });
  assert.equal(readHostCores(unlimited).quotaCores, undefined);
});

test('containers are recognised by what they leave in the file system', () => {
  assert.equal(readContainer(files({ '/.dockerenv': '' }), {}), 'Docker');
  assert.equal(readContainer(files({ '/run/.containerenv': '' }), {}), 'Podman');
  assert.equal(
    readContainer(files({ '/.dockerenv': '' }), { KUBERNETES_SERVICE_HOST: '10.0.0.1' }),
    'Kubernetes',
  );
  assert.equal(readContainer(files({ '/run/systemd/container': 'lxc\n' }), {}), 'lxc');
  assert.equal(readContainer(files({ '/proc/1/cgroup': '1:name=systemd:/docker/abc\n' }), {}), 'Docker');
});
