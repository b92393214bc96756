/**
 * The koffi back end: any Node from 20 on. Every function is koffi's own, called without a wrapper: it
 * takes and gives plain numbers, addresses included, at about 80 ns above the system call.
 */
import { createRequire } from 'node:module';
import { UnavailableError } from '../base/errors.ts';
import type { Ffi } from './ffi-library.ts';
import { type CType, type Libc, SIGNATURES, type Signature } from './libc.ts';

/** What is used of koffi's native module, which comes without types. */
interface Koffi {
  load(path: string | null): KoffiLibrary;
  view(address: number, byteLength: number): ArrayBuffer;
}

interface KoffiLibrary {
  func(name: string, result: string, parameters: string[]): (...args: number[]) => number;
}

const KOFFI_TYPE: Readonly<Record<CType, string>> = {
  int: 'int',
  uint: 'unsigned int',
  size: 'size_t',
  address: 'uintptr_t',
};

/** @throws UnavailableError when the package for this platform is missing or does not load. */
export function openKoffi(): Ffi {
  const koffi = requireKoffi();
  const library = koffi.load(null);
  const functions: Record<string, (...args: number[]) => number> = {};
  for (const [name, signature] of Object.entries(SIGNATURES)) functions[name] = bind(library, signature);
  const errnoAddress = library.func('__errno_location', 'uintptr_t', [])();
  return {
    name: 'koffi',
    // Built from a table whose keys are those of Libc.
    libc: functions as unknown as Libc,
    errno: new Int32Array(koffi.view(errnoAddress, Int32Array.BYTES_PER_ELEMENT)),
    view: (address, byteLength) => koffi.view(address, byteLength),
  };
}

function bind(
  library: KoffiLibrary,
  { symbol, result, parameters }: Signature,
): (...args: number[]) => number {
  // A result is signed: mmap's failure is -1, and addresses are well below 2^63.
  return library.func(
    symbol,
    result === 'int' ? 'int' : 'intptr_t',
    parameters.map((type) => KOFFI_TYPE[type]),
  );
}

/**
 * The native module for this platform comes as a package of its own, which picks the binary for glibc or musl.
 * That package alone is depended on: koffi itself is 40 KB of JavaScript around it that is not used here, takes
 * 16 ms to load in place of 7 (measured on Node 20, on every thread), and has an install script, which pnpm 12
 * answers with exit code 1.
 */
function requireKoffi(): Koffi {
  const require = createRequire(import.meta.url);
  const platform = `${process.platform}-${process.arch}`;
  try {
    return require(`@koromix/koffi-${platform}`) as Koffi;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const problem =
      code === 'MODULE_NOT_FOUND'
        ? 'is not installed (it is an optional dependency; a bundler has to leave it out)'
        : `does not load: ${message}`;
    throw new UnavailableError(`the package @koromix/koffi-${platform} ${problem}`, { cause });
  }
}
