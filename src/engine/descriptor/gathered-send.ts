/**
 * One system call for all that a connection has queued, where that lies in several places: sendmsg(2) with a list. The
 * kernel copies during the call, so memory that is borrowed is read by nobody after it.
 */
import { iovec, MSG_DONTWAIT, MSG_MORE, MSG_NOSIGNAL, msghdr } from '../../sys/abi/socket.ts';
import { ERRNO } from '../../sys/errno.ts';
import { allocate, PAGE_BYTES, storeAddress } from '../../sys/memory.ts';
import { sendmsg } from '../../sys/socket.ts';
import { firstPartOf } from '../send-parts.ts';
import type { SendBlock } from './send-block.ts';

/** One piece of a stream takes three places: the beginning of its chunk, itself, the end of the chunk. */
const PIECES_MAX = 16;
const PIECES_AT = 64;
const PIECE_WORDS = iovec.size / 4;
const BASE = PIECES_AT / 4 + iovec.offset.iov_base / 4;
const LENGTH = PIECES_AT / 4 + iovec.offset.iov_len / 4;
const COUNT = msghdr.offset.msg_iovlen / 4;

interface SendQueue {
  readonly fd: number;
  readonly firstBlock: SendBlock | null;
  /** The kernel has taken so much. */
  took(size: number): void;
}

export class GatheredSend {
  readonly #memory = allocate(PAGE_BYTES);
  readonly #words = new Uint32Array(this.#memory.buffer);

  constructor() {
    storeAddress(this.#words, msghdr.offset.msg_iov / 4, this.#memory.address + PIECES_AT);
  }

  /**
   * Sends until all is sent, a file comes next, or the kernel takes no more.
   * @param isLast FIN follows the last byte, and leaves with it
   * @param counters are told what was sent
   * @returns 0, or a negative errno: EAGAIN when the kernel takes no more
   * @hot
   */
  sendAll(queue: SendQueue, isLast: boolean, counters: { bytesSent: number }): number {
    for (let block = queue.firstBlock; block !== null && block.file === null; block = queue.firstBlock) {
      const sent = this.#send(queue.fd, block, isLast);
      if (sent >= 0) {
        counters.bytesSent += sent;
        queue.took(sent);
      } else if (sent !== -ERRNO.EINTR) return sent;
    }
    return 0;
  }

  #send(fd: number, first: SendBlock, isLast: boolean): number {
    const words = this.#words;
    let block: SendBlock | null = first;
    let at = 0;
    let bytes = 0;
    for (; block !== null && block.file === null && at < PIECES_MAX * PIECE_WORDS; block = block.next) {
      const length = block.filled - block.sent;
      // A reservation that was never committed leaves an empty block.
      if (length === 0) continue;
      storeAddress(words, at + BASE, block.address + block.sent);
      words[at + LENGTH] = length;
      at += PIECE_WORDS;
      bytes += length;
    }
    if (at === 0) return 0;
    const part = firstPartOf(bytes);
    const isPart = part < bytes;
    for (; bytes > part; at -= PIECE_WORDS) {
      bytes -= words[at - PIECE_WORDS + LENGTH]!;
      if (bytes >= part) continue;
      words[at - PIECE_WORDS + LENGTH] = part - bytes;
      break;
    }
    words[COUNT] = at / PIECE_WORDS;
    const isMore = !isPart && (block !== null || isLast);
    const flags = MSG_NOSIGNAL | MSG_DONTWAIT | (isMore ? MSG_MORE : 0);
    return sendmsg(fd, this.#memory.address, flags);
  }

  release(): void {
    this.#memory.release();
  }
}
