import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { UnavailableError } from '../base/errors.ts';
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from './abi/file.ts';
import { SYSCALLS } from './abi/syscalls.ts';
import { ERRNO } from './errno.ts';
import { loadFfi, openFfi } from './ffi.ts';
import type { Ffi } from './ffi-library.ts';

const ON_LINUX = process.platform === 'linux';
const URL_OF_FFI = new URL('./ffi.js', import.meta.url).href;

/** The back end, or why it cannot be tested here. */
function tryOpen(name: Ffi['name']): Ffi | string {
  if (!ON_LINUX) return 'Linux only';
  try {
    return openFfi(name);
  } catch (error) {
    if (error instanceof UnavailableError) return error.message;
    throw error;
  }
}

for (const name of ['koffi', 'node:ffi'] as const) {
  const opened = tryOpen(name);
  const skip = typeof opened === 'string' ? opened : false;
  const ffi = opened as Ffi;

  test(`${name}: calls take and give plain numbers`, { skip }, () => {
    assert.equal(ffi.libc.getppid(), process.ppid);
    assert.equal(ffi.name, name);
  });

  test(`${name}: errno of a failed call is to be read from memory`, { skip }, () => {
    assert.equal(ffi.libc.close(-1), -1);
    assert.equal(ffi.errno[0], ERRNO.EBADF);
    assert.equal(ffi.libc.socket(999, 1, 0), -1);
    assert.equal(ffi.errno[0], ERRNO.EAFNOSUPPORT);
  });

  test(`${name}: an address comes back as a number, and its memory as an ArrayBuffer`, { skip }, () => {
    const address = ffi.libc.mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert.ok(Number.isSafeInteger(address) && address > 0 && address < 2 ** 47);
    const bytes = new Uint8Array(ffi.view(address, 8192));
    assert.equal(bytes.length, 8192);
    bytes.set([1, 2, 3]);
    assert.deepEqual([...new Uint8Array(ffi.view(address, 3))], [1, 2, 3]);
    assert.equal(ffi.libc.munmap(address, 8192), 0);
  });

  test(`${name}: memory of the runtime's own is found where it lies`, { skip }, () => {
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(8192).buffer).fill(7);
    bytes[1] = 8;
    assert.deepEqual([...new Uint8Array(ffi.view(ffi.addressOf(bytes), 3))], [7, 8, 7]);
    assert.equal(ffi.addressOf(bytes.subarray(100)), ffi.addressOf(bytes) + 100);
  });

  test(`${name}: a failed mmap answers -1`, { skip }, () => {
    assert.equal(ffi.libc.mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), -1);
    assert.equal(ffi.errno[0], ERRNO.EINVAL);
  });

  test(`${name}: calls of every number of arguments arrive whole`, { skip }, () => {
    const number = SYSCALLS[process.arch === 'arm64' ? 'arm64' : 'x64'];
    const { libc } = ffi;
    // Each fails for the reason that its first bad argument gives, not for another.
    const failures: [number, number][] = [
      [libc.close(-1), ERRNO.EBADF],
      [libc.listen(-1, 1), ERRNO.EBADF],
      [libc.dup3(0, 0, 0), ERRNO.EINVAL],
      [libc.recv(-1, 0, 10, 0), ERRNO.EBADF],
      [libc.setsockopt(-1, 1, 2, 0, 4), ERRNO.EBADF],
      [libc.splice(-1, 0, -1, 0, 1, 0), ERRNO.EBADF],
    ];
    for (const [result] of failures) assert.equal(result, -1);
    assert.equal(libc.dup3(0, 0, 0), -1);
    assert.equal(ffi.errno[0], ERRNO.EINVAL);
    assert.equal(libc.setsockopt(-1, 1, 2, 0, 4), -1);
    assert.equal(ffi.errno[0], ERRNO.EBADF);
    assert.equal(libc.io_uring_enter(number.io_uring_enter, -1, 0, 0, 0, 0), -1);
    assert.ok([ERRNO.EBADF, ERRNO.ENOSYS, ERRNO.EPERM].includes(ffi.errno[0] as 9));
    assert.equal(libc.io_getevents(number.io_getevents, 0, 1, 1, 0, 0), -1);
    assert.ok([ERRNO.EINVAL, ERRNO.ENOSYS, ERRNO.EPERM].includes(ffi.errno[0] as 22));
  });
}

function run(
  script: string,
  variable: string | undefined,
): { status: number | null; stdout: string; stderr: string } {
  const environment = { ...process.env };
  delete environment['HOLDFAST_FFI'];
  if (variable !== undefined) environment['HOLDFAST_FFI'] = variable;
  return spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    env: environment,
  });
}

test('HOLDFAST_FFI forces a library, and anything else is refused by name', {
  skip: !ON_LINUX && 'Linux only',
}, () => {
  const script = `import { loadFfi } from ${JSON.stringify(URL_OF_FFI)}; console.log(loadFfi().name)`;
  assert.equal(run(script, 'koffi').stdout.trim(), 'koffi');
  assert.match(run(script, 'deno').stderr, /HOLDFAST_FFI: "deno" is not allowed/);
});

test('a native module that is not installed is named', { skip: !ON_LINUX && 'Linux only' }, () => {
  const other = process.arch === 'x64' ? 'arm64' : 'x64';
  const script = `Object.defineProperty(process, 'arch', { value: '${other}' });
    const { loadFfi } = await import(${JSON.stringify(URL_OF_FFI)});
    try { loadFfi() } catch (error) { console.log(error.code, error.message) }`;
  assert.match(
    run(script, 'koffi').stdout,
    new RegExp(`^HOLDFAST_UNAVAILABLE .*@koromix/koffi-linux-${other} is not installed`),
  );
});

test('importing loads no library', { skip: !ON_LINUX && 'Linux only' }, () => {
  const script = `import ${JSON.stringify(URL_OF_FFI)};
    import { readFileSync } from 'node:fs';
    console.log(readFileSync('/proc/self/maps', 'utf8').includes('koffi'), process.moduleLoadList?.includes('NativeModule ffi') ?? false)`;
  assert.equal(run(script, undefined).stdout.trim(), 'false false');
});

test('elsewhere than on Linux the answer is an error that says so', () => {
  const script = `Object.defineProperty(process, 'platform', { value: 'darwin' });
    const { loadFfi } = await import(${JSON.stringify(URL_OF_FFI)});
    try { loadFfi() } catch (error) { console.log(error.code, error.message) }`;
  assert.match(run(script, undefined).stdout, /^HOLDFAST_UNAVAILABLE .*darwin/);
});

test('a processor without tables is refused', { skip: !ON_LINUX && 'Linux only' }, () => {
  const script = `Object.defineProperty(process, 'arch', { value: 'riscv64' });
    const { loadFfi } = await import(${JSON.stringify(URL_OF_FFI)});
    try { loadFfi() } catch (error) { console.log(error.code, error.message) }`;
  assert.match(run(script, undefined).stdout, /^HOLDFAST_UNAVAILABLE .*riscv64/);
});

test('a worker thread has an errno of its own', { skip: !ON_LINUX && 'Linux only' }, async () => {
  const ffi = loadFfi();
  assert.equal(ffi.libc.close(-1), -1);
  const source = `const { parentPort, workerData } = require('node:worker_threads');
    import(workerData).then(({ loadFfi }) => {
      const ffi = loadFfi();
      ffi.libc.socket(999, 1, 0);
      parentPort.postMessage(ffi.errno[0]);
    });`;
  const worker = new Worker(source, { eval: true, workerData: URL_OF_FFI });
  const seen = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  assert.equal(seen, ERRNO.EAFNOSUPPORT);
  assert.equal(ffi.libc.close(-1), -1);
  assert.equal(ffi.errno[0], ERRNO.EBADF);
  await worker.terminate();
});
