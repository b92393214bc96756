/**
 * What a library for native calls gives, whichever it is: koffi (ffi-koffi.ts) or Node's own (ffi-node.ts).
 */
import type { Libc } from './libc.ts';

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
}
