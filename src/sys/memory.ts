/**
 * Memory that the kernel and TypeScript both see: mapped pages with a fixed address, viewed as an
 * ArrayBuffer. Ordinary typed arrays move and cannot be handed to the kernel; these can.
 *
 * The runtime counts them as external memory: a large mapping may bring one major collection forward.
 *
 * A Memory is released by its owner, once, when the kernel no longer uses it. Touching its bytes after
 * that ends the process where the runtime cannot detach buffers (Node 20), so drop every view with it.
 */
import { assert } from '../base/assert.ts';
import {
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
} from './abi/file.ts';
import { sysError } from './errno.ts';
import { loadFfi } from './ffi.ts';

/** The smallest page of x64 and arm64. Larger pages only mean that the kernel rounds up further. */
export const PAGE_BYTES = 4096;

export interface Memory {
  /** Below 2^47: exact as a number. */
  readonly address: number;
  readonly byteLength: number;
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  /** Unmaps. Idempotent. Nothing may use `buffer` or a view of it any more. */
  release(): void;
}

/**
 * Zeroed pages of our own.
 * @param byteLength rounded up to whole pages
 * @param populate fault every page in now rather than on first touch @default false
 * @throws SysError ENOMEM
 */
export function allocate(byteLength: number, { populate = false }: { populate?: boolean } = {}): Memory {
  assert(byteLength > 0 && Number.isSafeInteger(byteLength), 'memory needs a positive length');
  const flags = MAP_PRIVATE | MAP_ANONYMOUS | (populate ? MAP_POPULATE : 0);
  return map(roundToPages(byteLength), flags, -1, 0);
}

/**
 * The same between two pages that nobody may touch: whoever reads or writes beyond either end ends the process by SIGSEGV at
 * once, rather than take or spoil what lies there.
 * @throws SysError ENOMEM
 */
export function allocateGuarded(byteLength: number): Memory {
  assert(byteLength > 0 && Number.isSafeInteger(byteLength), 'memory needs a positive length');
  const ffi = loadFfi();
  const guard = pageBytes();
  const inner = Math.ceil(byteLength / guard) * guard;
  const whole = inner + 2 * guard;
  const flags = MAP_PRIVATE | MAP_ANONYMOUS;
  const start = ffi.libc.mmap(0, whole, PROT_NONE, flags, -1, 0);
  if (start === -1) throw sysError('mmap', ffi.errno[0]!, `of ${whole} bytes`);
  const address = ffi.libc.mmap(start + guard, inner, PROT_READ | PROT_WRITE, flags | MAP_FIXED, -1, 0);
  if (address !== start + guard) throw sysError('mmap', ffi.errno[0]!, `of ${inner} bytes`);
  return new Mapping(address, inner, ffi.view(address, inner), guard);
}

/**
 * Pages of a descriptor, shared with whoever else maps it: how the rings are reached.
 * @throws SysError ENOMEM, EAGAIN (RLIMIT_MEMLOCK), EACCES, EINVAL
 */
export function mapFile(fd: number, length: number, offset: number): Memory {
  return map(length, MAP_SHARED | MAP_POPULATE, fd, offset);
}

function map(byteLength: number, flags: number, fd: number, offset: number): Memory {
  const ffi = loadFfi();
  const address = ffi.libc.mmap(0, byteLength, PROT_READ | PROT_WRITE, flags, fd, offset);
  if (address === -1) throw sysError('mmap', ffi.errno[0]!, `of ${byteLength} bytes`);
  return new Mapping(address, byteLength, ffi.view(address, byteLength));
}

class Mapping implements Memory {
  readonly address: number;
  readonly byteLength: number;
  readonly buffer: ArrayBuffer;
  readonly bytes: Uint8Array;
  readonly #guardBytes: number;
  #mapped = true;

  /** @param guardBytes what is mapped before and behind it, and goes with it */
  constructor(address: number, byteLength: number, buffer: ArrayBuffer, guardBytes = 0) {
    this.#guardBytes = guardBytes;
    this.address = address;
    this.byteLength = byteLength;
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer);
  }

  release(): void {
    if (!this.#mapped) return;
    this.#mapped = false;
    detach(this.buffer);
    unmap(this.address - this.#guardBytes, this.byteLength + 2 * this.#guardBytes);
  }
}

/** Memory of the runtime's own: freed when nobody refers to its bytes any more, whoever that is by then. */
export interface OwnedMemory {
  /** Stays the same as long as nobody transfers the bytes. */
  readonly address: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * For calls that return before anything else happens: the kernel must not write to it later, when it may be gone. It is not
 * cleared.
 * @param byteLength from a page on: little memory may lie on the heap, where it moves
 */
export function ownedMemory(byteLength: number): OwnedMemory {
  assert(byteLength >= PAGE_BYTES, 'owned memory needs a page at least');
  const bytes = new Uint8Array(Buffer.allocUnsafeSlow(byteLength).buffer);
  return { address: loadFfi().addressOf(bytes), bytes };
}

/** Pages whose Memory has gone with its thread. The caller owns them, and nobody else has views of them. */
export function adoptMapping(address: number, byteLength: number): Memory {
  return new Mapping(address, byteLength, loadFfi().view(address, byteLength));
}

/** @throws SysError EINVAL */
function unmap(address: number, byteLength: number): void {
  const ffi = loadFfi();
  const result = ffi.libc.munmap(address, byteLength);
  if (result < 0) throw sysError('munmap', ffi.errno[0]!, `of ${byteLength} bytes`);
}

/**
 * Where memory of JavaScript's lies: for a call that is made at once. It stays there as long as `bytes` are reachable and have
 * more than 64 bytes (V8 may keep fewer in its own heap, and move them), and nobody transfers or resizes their buffer.
 */
export function addressOf(bytes: Uint8Array): number {
  return loadFfi().addressOf(bytes);
}

/**
 * Gives whole pages of a private mapping back to the system. They stay mapped, and are zeros when they are touched
 * next. Nothing may be lost in it: the caller's `address` and length are multiples of `pageBytes()`.
 * @throws SysError EINVAL
 */
export function discardPages(address: number, byteLength: number): void {
  const ffi = loadFfi();
  const result = ffi.libc.madvise(address, byteLength, MADV_DONTNEED);
  if (result < 0) throw sysError('madvise', ffi.errno[0]!, `of ${byteLength} bytes`);
}

let pageSize = 0;

/** The kernel's pages: 4 KiB on x64; 4, 16 or 64 KiB on arm64. */
export function pageBytes(): number {
  if (pageSize === 0) pageSize = loadFfi().libc.getpagesize();
  return pageSize;
}

/** ES2024, Node 22 and later: every view becomes empty instead of pointing at pages that are gone. */
function detach(buffer: ArrayBuffer & { transfer?: () => ArrayBuffer }): void {
  try {
    buffer.transfer?.();
  } catch {
    // An engine that does not let go of foreign memory: then the caller's discipline is all there is.
  }
}

function roundToPages(byteLength: number): number {
  return Math.ceil(byteLength / PAGE_BYTES) * PAGE_BYTES;
}

/** A page for arguments that live no longer than one call: addresses, lengths, options, clock readings. */
interface Scratch {
  readonly address: number;
  readonly view: DataView;
  readonly bytes: Uint8Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
}

let scratchPage: Scratch | undefined;

/** This thread's scratch page: borrowed until the next call of any function of this room. */
export function scratch(): Scratch {
  return scratchPage ?? (scratchPage = makeScratch());
}

function makeScratch(): Scratch {
  const { address, buffer, bytes } = allocate(PAGE_BYTES);
  return {
    address,
    bytes,
    view: new DataView(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
  };
}

/** Writes an address as a 64-bit field of a kernel struct, little-endian; `index` counts 32-bit words. */
export function storeAddress(u32: Uint32Array, index: number, address: number): void {
  u32[index] = address >>> 0;
  u32[index + 1] = Math.floor(address / 2 ** 32);
}
