/**
 * What a library for native calls gives, whichever it is: koffi (ffi-koffi.ts) or Node's own (ffi-node.ts).
 */
import type { CType, Libc, Signature } from './libc.ts';

export type NativeFunction = (...args: number[]) => number;

export interface Ffi {
  readonly name: 'koffi' | 'node:ffi';
  readonly libc: Libc;
  /** This thread's errno, in memory: read it at once after a call answered -1, before anything else runs. */
  readonly errno: Int32Array;
  /**
   * The memory at an address as an ArrayBuffer. It is not owned: the caller keeps it mapped as long as
   * the buffer is used, and a use after that is a fault of the process, not an exception.
   */
  view(address: number, byteLength: number): ArrayBuffer;
  /** Where memory of the runtime's own lies, which has to be off its heap: more than some 64 bytes are. */
  addressOf(bytes: Uint8Array): number;
  /**
   * Functions by the names of `table`.
   * @param library a file, bound to its own dependencies before those of the process (RTLD_DEEPBIND); null for what the process itself exports
   * @throws UnavailableError where the library or one of the functions is not to be had
   */
  functions<Name extends string>(
    library: string | null,
    table: Readonly<Record<Name, Signature>>,
  ): Record<Name, NativeFunction>;
  /**
   * A C function that calls `call` and returns what it returns, an int. It must be called on this thread only, and `call`
   * must not throw. A call costs 1 to 2 us. It lives until it is released: koffi has 8192 for all threads of a process, and
   * gets none back from a thread that ends.
   * @returns its address
   */
  callback(parameters: readonly CType[], call: NativeFunction): number;
  /** Nothing calls it any more. */
  releaseCallback(address: number): void;
}
