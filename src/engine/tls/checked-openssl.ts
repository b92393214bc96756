/** Calls of OpenSSL whose results are looked at, and memory that they are given for the time of a call. Used while contexts are made. */
import { UnavailableError } from '../../base/errors.ts';
import { allocate } from '../../sys/memory.ts';
import { type OpenSsl, takeOpenSslErrors } from '../../sys/openssl.ts';
import { bindOpenSslServer, type OpenSslServer } from '../../sys/openssl-server.ts';

export class CheckedCalls {
  readonly ssl: OpenSsl;

  constructor(ssl: OpenSsl) {
    this.ssl = ssl;
  }

  /** @throws UnavailableError with OpenSSL's words where `result` says that it refuses */
  need(result: number, what: string): number {
    if (result > 0) return result;
    const words = takeOpenSslErrors(this.ssl).join('; ') || 'no reason given';
    throw new UnavailableError(`OpenSSL ${this.ssl.version} refuses ${what}: ${words}`);
  }

  /** A BIO that reads `pem`. */
  withPem<T>(pem: string, use: (bio: number) => T): T {
    const bytes = Buffer.from(pem, 'latin1');
    return this.withBytes(bytes, (address) => {
      const { functions } = this.ssl;
      const bio = this.need(functions.BIO_new_mem_buf(address, bytes.length), 'BIO_new_mem_buf');
      try {
        return use(bio);
      } finally {
        functions.BIO_free(bio);
      }
    });
  }

  withText<T>(text: string, use: (address: number) => T): T {
    return this.withBytes(Buffer.from(`${text}\0`, 'utf8'), use);
  }

  /** Secrets do not stay behind. */
  withBytes<T>(bytes: Uint8Array, use: (address: number) => T): T {
    const memory = allocate(Math.max(1, bytes.length));
    try {
      memory.bytes.set(bytes);
      return use(memory.address);
    } finally {
      memory.bytes.fill(0);
      memory.release();
    }
  }

  /**
   * Every object of one kind that a PEM text holds.
   * @param read PEM_read_bio_X509 or another of its shape
   * @param use does not keep it
   */
  eachOf(
    pem: string,
    read: (bio: number, out: number, callback: number, argument: number) => number,
    free: (object: number) => number,
    what: string,
    use: (object: number) => void,
  ): void {
    this.withPem(pem, (bio) => {
      for (let object = this.need(read(bio, 0, 0, 0), what); object !== 0; object = read(bio, 0, 0, 0)) {
        try {
          use(object);
        } finally {
          free(object);
        }
      }
      // The end of the text is an error to it.
      this.ssl.functions.ERR_clear_error();
    });
  }
}

export class CheckedOpenSsl extends CheckedCalls {
  readonly server: OpenSslServer;

  /** @throws UnavailableError where a function of servers is missing */
  constructor(ssl: OpenSsl) {
    super(ssl);
    this.server = bindOpenSslServer(ssl);
  }
}
