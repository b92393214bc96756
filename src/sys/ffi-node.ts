/**
 * The node:ffi back end: in Node's core since 26.1, no package needed. It marks itself experimental with
 * one warning of its own, which is left alone.
 *
 * How a call is made depends on its signature (doc/api/ffi.md, "Call paths"), and the differences are
 * large (measured on 26.10, system call included): up to three integers go through a compiled trampoline
 * (130 to 220 ns), but from four arguments on its checks cost up to a microsecond, while the
 * "shared buffer" path costs 350 to 420 ns. A parameter of type `function` rules the trampoline out, so
 * addresses are declared as such; every call with more than three arguments has one.
 */
import { assert } from '../base/assert.ts';
import { UnavailableError } from '../base/errors.ts';
import type { Ffi, NativeFunction } from './ffi-library.ts';
import { type CType, type Libc, SIGNATURES, type Signature } from './libc.ts';

type Raw = (...args: (number | bigint)[]) => number | bigint;

/** What is used of node:ffi; Node 24's types do not know it. */
interface NodeFfi {
  dlopen(
    path: string | null,
    definitions: Record<string, { arguments: string[]; return: string }>,
  ): { functions: Record<string, Raw>; lib: NodeLibrary };
  toArrayBuffer(pointer: bigint, byteLength: number, copy: false): ArrayBuffer;
  getRawPointer(bytes: Uint8Array): bigint;
}

interface NodeLibrary {
  registerCallback(signature: { arguments: string[]; return: string }, call: Raw): bigint;
  unregisterCallback(address: bigint): void;
}

const NODE_TYPE: Readonly<Record<CType, string>> = {
  int: 'i32',
  uint: 'u32',
  long: 'i64',
  size: 'u64',
  address: 'function',
};

/** @throws UnavailableError when this runtime has no node:ffi, or was told not to allow it. */
export function openNodeFfi(): Ffi {
  const ffi = builtin();
  if (ffi === undefined) throw new UnavailableError('this runtime has no node:ffi; Node 26.1 and later have');
  const functions: Record<string, (...args: number[]) => number> = {};
  for (const [name, signature] of Object.entries(SIGNATURES)) functions[name] = bind(ffi, signature);
  const errnoAddress = rawFunction(ffi, '__errno_location', [], 'pointer')();
  // Callbacks end with the library that they were registered with: it stays as long as what is returned here.
  const { lib: callbacks } = ffi.dlopen(null, {});
  return {
    name: 'node:ffi',
    // Built from a table whose keys are those of Libc.
    libc: functions as unknown as Libc,
    errno: new Int32Array(ffi.toArrayBuffer(BigInt(errnoAddress), Int32Array.BYTES_PER_ELEMENT, false)),
    view: (address, byteLength) => ffi.toArrayBuffer(BigInt(address), byteLength, false),
    addressOf: (bytes) => Number(ffi.getRawPointer(bytes)),
    functions: (path, table) => functionsOf(ffi, path, table),
    callback: (parameters, call) => {
      const types = parameters.map((type) => (type === 'address' ? 'pointer' : NODE_TYPE[type]));
      const address = callbacks.registerCallback({ arguments: types, return: 'i32' }, (...args) =>
        call(...args.map(Number)),
      );
      return Number(address);
    },
    releaseCallback: (address) => callbacks.unregisterCallback(BigInt(address)),
  };
}

function functionsOf<Name extends string>(
  ffi: NodeFfi,
  library: string | null,
  table: Readonly<Record<Name, Signature>>,
): Record<Name, NativeFunction> {
  // Nothing here can bind a library to its own dependencies first, and OpenSSL must not bind to that of the process.
  if (library !== null)
    throw new UnavailableError(`node:ffi cannot load ${library} beside the process's own`);
  const functions: Partial<Record<Name, NativeFunction>> = {};
  for (const name in table) {
    try {
      functions[name] = bind(ffi, table[name]);
    } catch (cause) {
      throw new UnavailableError(`there is no function ${table[name].symbol}`, { cause });
    }
  }
  return functions as Record<Name, NativeFunction>;
}

function builtin(): NodeFfi | undefined {
  // Undefined for a module that this runtime does not have, or that --no-experimental-ffi hides.
  return process.getBuiltinModule('node:ffi' as 'node:fs') as unknown as NodeFfi | undefined;
}

function rawFunction(ffi: NodeFfi, symbol: string, parameters: string[], result: string): Raw {
  // A library of its own for each: one handle refuses a symbol with a second signature, as `syscall` has.
  const raw = ffi.dlopen(null, { [symbol]: { arguments: parameters, return: result } }).functions[symbol];
  assert(raw !== undefined, `node:ffi gave no function ${symbol}`);
  return raw;
}

/**
 * Fits a function to numbers: 64-bit values go in as bigints. One closure an arity, since a rest
 * parameter would cost an array a call.
 */
function bind(ffi: NodeFfi, { symbol, result, parameters }: Signature): (...args: number[]) => number {
  const types = parameters.map((type) => NODE_TYPE[type]);
  if (result === 'address') {
    const wide = rawFunction(ffi, symbol, types, 'i64');
    return (...args) =>
      Number(wide(...args.map((value, i) => (isWide(parameters[i]) ? BigInt(value) : value))));
  }
  const raw = rawFunction(ffi, symbol, types, 'i32') as (...args: (number | bigint)[]) => number;
  const wide0 = isWide(parameters[0]);
  const wide1 = isWide(parameters[1]);
  const wide2 = isWide(parameters[2]);
  const wide3 = isWide(parameters[3]);
  const wide4 = isWide(parameters[4]);
  const wide5 = isWide(parameters[5]);
  assert(!isWide(parameters[6]), 'only the first six arguments may be 64 bits wide');
  switch (parameters.length) {
    case 0:
    case 1:
    case 2:
      if (!(wide0 || wide1)) return raw;
      if (parameters.length === 1) return (a) => raw(wide0 ? BigInt(a!) : a!);
      return (a, b) => raw(wide0 ? BigInt(a!) : a!, wide1 ? BigInt(b!) : b!);
    case 3:
      if (!(wide0 || wide1 || wide2)) return raw;
      return (a, b, c) => raw(wide0 ? BigInt(a!) : a!, wide1 ? BigInt(b!) : b!, wide2 ? BigInt(c!) : c!);
    case 4:
      return (a, b, c, d) =>
        raw(
          wide0 ? BigInt(a!) : a!,
          wide1 ? BigInt(b!) : b!,
          wide2 ? BigInt(c!) : c!,
          wide3 ? BigInt(d!) : d!,
        );
    case 5:
      return (a, b, c, d, e) =>
        raw(
          wide0 ? BigInt(a!) : a!,
          wide1 ? BigInt(b!) : b!,
          wide2 ? BigInt(c!) : c!,
          wide3 ? BigInt(d!) : d!,
          wide4 ? BigInt(e!) : e!,
        );
    case 6:
      return (a, b, c, d, e, f) =>
        raw(
          wide0 ? BigInt(a!) : a!,
          wide1 ? BigInt(b!) : b!,
          wide2 ? BigInt(c!) : c!,
          wide3 ? BigInt(d!) : d!,
          wide4 ? BigInt(e!) : e!,
          wide5 ? BigInt(f!) : f!,
        );
    default:
      return (a, b, c, d, e, f, g) =>
        raw(
          wide0 ? BigInt(a!) : a!,
          wide1 ? BigInt(b!) : b!,
          wide2 ? BigInt(c!) : c!,
          wide3 ? BigInt(d!) : d!,
          wide4 ? BigInt(e!) : e!,
          wide5 ? BigInt(f!) : f!,
          g!,
        );
  }
}

function isWide(type: CType | undefined): boolean {
  return type === 'address' || type === 'size' || type === 'long';
}
