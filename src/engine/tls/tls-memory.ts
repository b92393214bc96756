/**
 * The memory that OpenSSL's functions are given: plaintext that is read goes to one place for all connections of a thread,
 * and what OpenSSL says of its own, handshakes, alerts and tickets, to a scratch buffer, since it comes when something is
 * read. Knows where memory of others lies.
 */
import { assert } from '../../base/assert.ts';
import { addressOf, allocateGuarded } from '../../sys/memory.ts';
import type { OpenSsl } from '../../sys/openssl.ts';
import type { EngineConnection } from '../engine.ts';
import { SharedBios } from './shared-bios.ts';

/** Engines hand over as much at once. */
export const TEXT_BYTES = 64 * 1024;
/** A handshake's answer with its chain of certificates has to fit: 100 KiB is what OpenSSL itself takes from a peer. */
const SCRATCH_BYTES = 256 * 1024;
/** Four records: what is reserved at once (SEND_RESERVE_BYTES_MAX). */
const SENT_AT_ONCE_BYTES = 64 * 1024;

export class TlsMemory {
  readonly bios: SharedBios;
  /** Plaintext of the peer's, TEXT_BYTES of it. */
  readonly text = allocateGuarded(TEXT_BYTES);
  /** Its address, boxed: send-block.ts. */
  readonly textAddress: readonly [number, null] = [this.text.address, null];
  readonly #scratch = allocateGuarded(SCRATCH_BYTES);
  /** Output goes to the scratch buffer, of which so much has been taken. */
  #isAimedAtScratch = false;
  #taken = 0;
  /** Where memory that others own lies: asking costs ten times as much as looking here. */
  readonly #addresses = new WeakMap<Uint8Array, number>();
  #knownBytes: Uint8Array | undefined;
  #knownAddress = 0;

  /** @throws UnavailableError where this OpenSSL keeps memory BIOs in another way */
  constructor(ssl: OpenSsl) {
    this.bios = new SharedBios(ssl);
  }

  release(): void {
    this.bios.release();
    this.text.release();
    this.#scratch.release();
  }

  /** Output goes to what has been reserved of a connection. @hot */
  aimAt(out: Uint8Array, place: number, room: number): void {
    this.bios.aim(this.addressOf(out) + place, room);
    this.#isAimedAtScratch = false;
  }

  /** @param room what OpenSSL may say at most before this is asked for again. @hot */
  aimAtScratch(room: number): void {
    if (this.#isAimedAtScratch && SCRATCH_BYTES - this.bios.written >= room) return;
    this.bios.aim(this.#scratch.address, SCRATCH_BYTES);
    this.#isAimedAtScratch = true;
    this.#taken = 0;
  }

  /** What OpenSSL has said of its own goes to the peer. @hot */
  sendScratch(inner: EngineConnection): void {
    if (!this.#isAimedAtScratch) return;
    const end = this.bios.written;
    for (let at = this.#taken; at < end; ) {
      const size = Math.min(end - at, SENT_AT_ONCE_BYTES);
      const place = inner.reserve(size);
      inner.out.set(this.#scratch.bytes.subarray(at, at + size), place);
      inner.commit(size);
      at += size;
    }
    this.#taken = end;
  }

  /** @hot */
  addressOf(bytes: Uint8Array): number {
    if (bytes === this.#knownBytes) return this.#knownAddress;
    let address = this.#addresses.get(bytes);
    if (address === undefined) {
      address = addressOf(bytes);
      assert(address !== 0, 'memory without an address');
      this.#addresses.set(bytes, address);
    }
    this.#knownBytes = bytes;
    this.#knownAddress = address;
    return address;
  }
}
