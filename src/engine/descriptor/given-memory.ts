/**
 * Memory that one receive fills and that the layer above may keep (`takeReceived`): a body of many MiB is copied once, by
 * the kernel. It is the runtime's own and is freed when nobody refers to it any more, so nothing but a call that has
 * returned may have written to it: a receive that is armed in a ring would write on after its thread was ended.
 *
 * One an engine, made when it is first wanted and anew when it was given away.
 */
import { MSG_DONTWAIT } from '../../sys/abi/socket.ts';
import { type OwnedMemory, ownedMemory } from '../../sys/memory.ts';
import { recv } from '../../sys/socket.ts';
import type { EngineConnection, EngineHandler } from '../engine.ts';

/** What one connection is handed before the others have had their turn. */
export const GIVEN_BYTES = 64 * 1024;

export class GivenMemory {
  #memory: OwnedMemory | undefined;
  /** What is being handed over, and is full. */
  #lent: Uint8Array | undefined;

  /** @returns as `recv` */
  receive(fd: number): number {
    this.#memory ??= ownedMemory(GIVEN_BYTES);
    return recv(fd, this.#memory.address, GIVEN_BYTES, MSG_DONTWAIT);
  }

  /** Hands over the `size` bytes that were received last. */
  handOver<C extends EngineConnection>(handler: EngineHandler<C>, conn: C, size: number): void {
    const { bytes } = this.#memory!;
    // Only memory that is full may be given away: behind `size` lie bytes that another connection has sent.
    if (size === bytes.length) this.#lent = bytes;
    try {
      handler.onReceive(conn, bytes, 0, size);
    } finally {
      this.#lent = undefined;
    }
  }

  /** `takeReceived` of a connection. */
  take(bytes: Uint8Array): boolean {
    if (bytes !== this.#lent) return false;
    this.#lent = undefined;
    this.#memory = undefined;
    return true;
  }
}
