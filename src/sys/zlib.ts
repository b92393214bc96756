/**
 * zlib, called as a library of the process. Node has Chromium's inside, whose symbols begin with `Cr_z_` in some releases (20) and are
 * plain in others (24, 26); distributions link the system's. Which it is, is found out and never assumed.
 */
import { UnavailableError } from '../base/errors.ts';
import { loadFfi } from './ffi.ts';
import type { NativeFunction } from './ffi-library.ts';
import type { CType, Signature } from './libc.ts';

const P = 'address';
const I = 'int';

const TABLE = {
  zlibVersion: [P],
  deflateInit2_: [I, P, I, I, I, I, I, P, I],
  deflate: [I, P, I],
  deflateReset: [I, P],
  deflateEnd: [I, P],
  inflateInit2_: [I, P, I, P, I],
  inflate: [I, P, I],
  inflateReset: [I, P],
  inflateEnd: [I, P],
} as const satisfies Record<string, readonly CType[]>;

type FunctionName = keyof typeof TABLE;

const SYSTEM_LIBRARY = 'libz.so.1';
const PLACES = [
  [null, 'Cr_z_', 'of this Node'],
  [null, '', 'of this process'],
  [SYSTEM_LIBRARY, '', `of the system (${SYSTEM_LIBRARY})`],
] as const;

/** A version is `1.3.1` or a little longer. */
const VERSION_BYTES_MAX = 32;

export interface Zlib {
  readonly version: string;
  /** Where the version's text lies, which zlib wants to see again. */
  readonly versionAddress: number;
  /** Where it was found, for people. */
  readonly source: string;
  readonly functions: Readonly<Record<FunctionName, NativeFunction>>;
}

let loaded: Zlib | undefined;

/** @throws UnavailableError where no zlib can be called */
export function loadZlib(): Zlib {
  return loaded ?? (loaded = open());
}

function open(): Zlib {
  const ffi = loadFfi();
  for (const [library, prefix, source] of PLACES) {
    try {
      const functions = ffi.functions(library, signatures(prefix));
      const versionAddress = functions.zlibVersion();
      const bytes = new Uint8Array(ffi.view(versionAddress, VERSION_BYTES_MAX));
      const version = Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString('latin1');
      return { version, versionAddress, source, functions };
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
    }
  }
  throw new UnavailableError(`no zlib that can be called, neither of this process nor ${SYSTEM_LIBRARY}`);
}

function signatures(prefix: string): Record<FunctionName, Signature> {
  return Object.fromEntries(
    Object.entries(TABLE).map(([name, [result, ...parameters]]) => [
      name,
      { symbol: `${prefix}${name}`, result, parameters },
    ]),
  ) as unknown as Record<FunctionName, Signature>;
}
