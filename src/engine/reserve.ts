/** A descriptor kept for when there are no others left. */
import { EFD_CLOEXEC } from '../sys/abi/file.ts';
import { eventfd } from '../sys/event.ts';
import { closeFd } from '../sys/socket.ts';
import type { DescriptorLedger } from './descriptor/ledger.ts';

export class Reserve {
  readonly #fd: number;
  readonly #ledger: DescriptorLedger | undefined;

  private constructor(fd: number, ledger: DescriptorLedger | undefined) {
    this.#fd = fd;
    this.#ledger = ledger;
    ledger?.hold(fd);
  }

  /** @returns undefined when not even one is left */
  static open(ledger: DescriptorLedger | undefined): Reserve | undefined {
    const fd = eventfd(0, EFD_CLOEXEC);
    return fd < 0 ? undefined : new Reserve(fd, ledger);
  }

  release(): void {
    this.#ledger?.drop(this.#fd);
    closeFd(this.#fd);
  }
}
