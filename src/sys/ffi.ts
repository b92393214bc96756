/**
 * The door to native code: the only file that decides which FFI library is used. Nothing is loaded when
 * this is imported; the first call of `loadFfi` on a thread does it, in a few milliseconds.
 *
 * koffi is used where its native module is installed, `node:ffi` (Node 26.1 and later) where it is not or does not
 * open. The variable HOLDFAST_FFI (`koffi` or `node`) forces one. Each worker thread loads its own: errno is per
 * thread.
 */
import { OptionError, UnavailableError } from '../base/errors.ts';
import { openKoffi } from './ffi-koffi.ts';
import type { Ffi } from './ffi-library.ts';
import { openNodeFfi } from './ffi-node.ts';

/** One a thread, made on first use: the one piece of mutable state, since functions must be bound somewhere. */
let loaded: Ffi | undefined;

/** @throws UnavailableError where there is no Linux or no FFI library; OptionError when HOLDFAST_FFI is neither of the two. */
export function loadFfi(): Ffi {
  return loaded ?? (loaded = open(process.env['HOLDFAST_FFI']));
}

/** Whether this thread calls the kernel by itself already. */
export function isFfiLoaded(): boolean {
  return loaded !== undefined;
}

/** A library by name, apart from the one in use: for tests and measurements that compare them. */
export function openFfi(name: Ffi['name']): Ffi {
  return name === 'koffi' ? openKoffi() : openNodeFfi();
}

function open(forced: string | undefined): Ffi {
  if (process.platform !== 'linux') {
    throw new UnavailableError(`system calls are made on Linux only; this is ${process.platform}`);
  }
  if (process.arch !== 'x64' && process.arch !== 'arm64') {
    throw new UnavailableError(`kernel tables are for x64 and arm64; this is ${process.arch}`);
  }
  switch (forced) {
    case undefined:
    case '':
      return openFirst();
    case 'koffi':
      return openKoffi();
    case 'node':
      return openNodeFfi();
    default:
      throw new OptionError('HOLDFAST_FFI', forced, "'koffi' or 'node'");
  }
}

/**
 * koffi first: a call with an address costs 80 to 110 ns above the system call, against node:ffi's 330
 * to 410 (Node 26.10), and node:ffi prints a warning. node:ffi needs no package, so it serves where
 * koffi has not been installed. HOLDFAST_FFI forces one.
 */
const PREFERENCE: readonly Ffi['name'][] = ['koffi', 'node:ffi'];

function openFirst(): Ffi {
  const refusals: string[] = [];
  for (const name of PREFERENCE) {
    try {
      return openFfi(name);
    } catch (error) {
      // Unavailable, or forbidden by the runtime's permission model: the next may do.
      refusals.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new UnavailableError(`no way to make system calls: ${refusals.join('; ')}`);
}
