/**
 * The koffi back end: any Node from 20 on. Every function is koffi's own, called without a wrapper: it
 * takes and gives plain numbers, addresses included, at about 80 ns above the system call.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { UnavailableError } from '../base/errors.ts';
import type { Ffi, NativeFunction } from './ffi-library.ts';
import { type CType, type Libc, SIGNATURES, type Signature } from './libc.ts';

/** What is used of koffi's native module, which comes without types. */
interface Koffi {
  load(path: string | null, options?: { deep: boolean }): KoffiLibrary;
  view(address: number, byteLength: number): ArrayBuffer;
  address(value: unknown): bigint;
  proto(text: string): unknown;
  pointer(type: unknown): unknown;
  register(call: NativeFunction, type: unknown): unknown;
  unregister(address: bigint): void;
}

interface KoffiLibrary {
  func(name: string, result: string, parameters: string[]): (...args: number[]) => number;
}

const KOFFI_TYPE: Readonly<Record<CType, string>> = {
  int: 'int',
  uint: 'unsigned int',
  long: 'long',
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
  const prototypes = new Map<string, unknown>();
  return {
    name: 'koffi',
    // Built from a table whose keys are those of Libc.
    libc: functions as unknown as Libc,
    errno: new Int32Array(koffi.view(errnoAddress, Int32Array.BYTES_PER_ELEMENT)),
    view: (address, byteLength) => koffi.view(address, byteLength),
    addressOf: (bytes) => Number(koffi.address(bytes)),
    functions: (path, table) => functionsOf(path === null ? library : loadLibrary(koffi, path), table),
    callback: (parameters, call) => {
      const text = parameters.map((type) => KOFFI_TYPE[type]).join(', ');
      // A name serves one prototype only.
      let type = prototypes.get(text);
      if (type === undefined) {
        type = koffi.pointer(koffi.proto(`int HoldfastCallback${prototypes.size}(${text})`));
        prototypes.set(text, type);
      }
      return Number(koffi.address(koffi.register(call, type)));
    },
    releaseCallback: (address) => koffi.unregister(BigInt(address)),
  };
}

function loadLibrary(koffi: Koffi, path: string): KoffiLibrary {
  try {
    return koffi.load(path, { deep: true });
  } catch (cause) {
    throw new UnavailableError(`${path} does not load: ${(cause as Error).message}`, { cause });
  }
}

function functionsOf<Name extends string>(
  library: KoffiLibrary,
  table: Readonly<Record<Name, Signature>>,
): Record<Name, NativeFunction> {
  const functions: Partial<Record<Name, NativeFunction>> = {};
  for (const name in table) {
    try {
      functions[name] = bind(library, table[name]);
    } catch (cause) {
      throw new UnavailableError(`there is no function ${table[name].symbol}`, { cause });
    }
  }
  return functions as Record<Name, NativeFunction>;
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
 * answers with exit code 1. To find out which libc it is, that package reads the program that runs; where there is no
 * musl, the binary for glibc is loaded without being asked, in 4 ms.
 */
function requireKoffi(): Koffi {
  const require = createRequire(import.meta.url);
  const platform = `${process.platform}-${process.arch}`;
  try {
    const name = `@koromix/koffi-${platform}`;
    const glibc = `${name}/${process.platform}_${process.arch}/koffi.node`;
    return ((hasMusl() ? undefined : tryRequire(require, glibc)) ?? require(name)) as Koffi;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const problem =
      code === 'MODULE_NOT_FOUND'
        ? 'is not installed (it is an optional dependency; a bundler has to leave it out)'
        : `does not load: ${message}`;
    throw new UnavailableError(`the package @koromix/koffi-${platform} ${problem}`, { cause });
  }
}

/** The dynamic linker of musl lies at the same place everywhere. */
function hasMusl(): boolean {
  return existsSync(`/lib/ld-musl-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}.so.1`);
}

/** @returns undefined where it is not there or does not load: the package itself then says why, or knows better */
function tryRequire(require: NodeJS.Require, path: string): unknown {
  try {
    return require(path);
  } catch {
    return undefined;
  }
}
