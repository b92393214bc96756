/**
 * The memory that OpenSSL reads from and writes to: one pair of memory BIOs for all connections of a thread. Input is
 * read where it lies, output written where it will be sent from, and neither costs a call.
 *
 * A memory BIO reads from and writes to what its BUF_MEM points to (buffer.h, bss_mem.c). For a read-only one that struct is
 * all it knows, so that storing an address and a length in it feeds OpenSSL; `length` is what has not been read.
 * A writable one also remembers how far it has been read, so that its struct is set anew by BIO_set_mem_buf. It
 * would call realloc on memory that is not its own where it runs out: whoever aims it leaves room. OpenSSL 3.0 to 3.5 do so;
 * the constructor tries it out.
 *
 * Invariant: between two calls of OpenSSL nothing points to memory that is gone.
 */
import { UnavailableError } from '../../base/errors.ts';
import {
  BIO_C_GET_BUF_MEM_PTR,
  BIO_C_SET_BUF_MEM,
  BIO_C_SET_BUF_MEM_EOF_RETURN,
  BIO_NOCLOSE,
  buf_mem_st,
} from '../../sys/abi/openssl.ts';
import { allocate, type Memory, PAGE_BYTES, storeAddress } from '../../sys/memory.ts';
import { foreignBytes, type NativeFunction, type OpenSsl } from '../../sys/openssl.ts';

const LENGTH_AT = buf_mem_st.offset.length / 4;
const DATA_AT = buf_mem_st.offset.data / 4;
const MAX_AT = buf_mem_st.offset.max / 4;
const WORDS = buf_mem_st.size / 4;

export class SharedBios {
  readonly #ssl: OpenSsl;
  readonly #ctrl: NativeFunction;
  readonly #page: Memory;
  readonly #readBio: number;
  /** It and the page, boxed: send-block.ts. */
  readonly #writeBio: readonly [number, null];
  readonly #pageAddress: readonly [number, null];
  readonly #in: Uint32Array;
  readonly #out: Uint32Array;

  /** @throws UnavailableError where this OpenSSL keeps memory BIOs in another way */
  constructor(ssl: OpenSsl) {
    this.#ssl = ssl;
    const { functions } = ssl;
    this.#ctrl = functions.BIO_ctrl;
    this.#page = allocate(PAGE_BYTES);
    const { address, buffer } = this.#page;
    this.#pageAddress = [address, null];
    this.#readBio = functions.BIO_new_mem_buf(address, 0);
    this.#ctrl(this.#readBio, BIO_C_SET_BUF_MEM_EOF_RETURN, -1, 0);
    this.#ctrl(this.#readBio, BIO_C_GET_BUF_MEM_PTR, 0, address);
    const place = new Uint32Array(buffer, 0, 2);
    const struct = foreignBytes(place[0]! + place[1]! * 2 ** 32, buf_mem_st.size);
    this.#in = new Uint32Array(struct.buffer, struct.byteOffset, WORDS);
    this.#writeBio = [functions.BIO_new(functions.BIO_s_mem()), null];
    this.#out = new Uint32Array(buffer, 0, WORDS);
    this.#out.fill(0);
    try {
      this.#tryOut();
    } catch (error) {
      this.release();
      throw error;
    }
  }

  /** Five bytes through each, in memory of ours. */
  #tryOut(): void {
    const { functions, version } = this.#ssl;
    const { address, bytes } = this.#page;
    const [from, to, size] = [PAGE_BYTES / 4, PAGE_BYTES / 2, 5];
    bytes.set([1, 2, 3, 4, size], from);
    this.feed(address + from, size);
    const hasRead = functions.BIO_read(this.#readBio, address + to, size) === size && this.unread === 0;
    this.aim(address + from, PAGE_BYTES / 4);
    const hasWritten =
      functions.BIO_write(this.#writeBio[0], address + to, size) === size && this.written === size;
    if (!hasRead || !hasWritten || bytes[to + size - 1] !== size || bytes[from + size - 1] !== size)
      throw new UnavailableError(
        `OpenSSL ${version} keeps its memory BIOs in another way than is known here`,
      );
    this.feed(address, 0);
  }

  /** To be SSL's only BIOs. */
  attachTo(ssl: number): void {
    const { functions } = this.#ssl;
    functions.BIO_up_ref(this.#readBio);
    functions.BIO_up_ref(this.#writeBio[0]);
    functions.SSL_set_bio(ssl, this.#readBio, this.#writeBio[0]);
  }

  /** What OpenSSL reads next. @hot */
  feed(address: number, byteLength: number): void {
    const words = this.#in;
    words[LENGTH_AT] = byteLength;
    words[LENGTH_AT + 1] = 0;
    storeAddress(words, DATA_AT, address);
    words[MAX_AT] = byteLength;
  }

  /** There is nothing to read: OpenSSL goes on with what it has. */
  starve(): void {
    this.feed(this.#page.address, 0);
  }

  /** How much of it OpenSSL has not read. @hot */
  get unread(): number {
    return this.#in[LENGTH_AT]!;
  }

  /** Where OpenSSL writes next; `written` begins anew. @hot */
  aim(address: number, capacity: number): void {
    const words = this.#out;
    words[LENGTH_AT] = 0;
    storeAddress(words, DATA_AT, address);
    words[MAX_AT] = capacity;
    this.#ctrl(this.#writeBio[0], BIO_C_SET_BUF_MEM, BIO_NOCLOSE, this.#pageAddress[0]);
  }

  /** How much it has written there. @hot */
  get written(): number {
    return this.#out[LENGTH_AT]!;
  }

  /** When no connection is left. */
  release(): void {
    this.starve();
    this.aim(this.#page.address, 0);
    const { functions } = this.#ssl;
    functions.BIO_free(this.#readBio);
    functions.BIO_free(this.#writeBio[0]);
  }
}
