/** Compression of single messages (RFC 7692), whoever does it: server/message-compressor.ts finds somebody. One a thread. */

/** Shorter messages cost more time than their bytes are worth: ws has the same threshold. */
export const COMPRESSED_BYTES_MIN = 1024;

export interface MessageCompressor {
  /**
   * @param windowBits 9 to 15
   * @returns the payload of a compressed message, borrowed until the next call (RFC 7692 §7.2.1)
   */
  compress(bytes: Uint8Array, windowBits: number): Uint8Array;
  /**
   * @param bytesMax nothing longer is made
   * @returns the message, borrowed until the next call; undefined beyond `bytesMax`, null for what is not compressed so (RFC 7692 §7.2.2)
   */
  inflate(bytes: Uint8Array, bytesMax: number): Uint8Array | undefined | null;
  release(): void;
}
