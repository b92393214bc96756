/**
 * The keys of session tickets, as RFC 5077 §4 recommends them: the newest encrypts, all open what clients bring. The calls are
 * made by OpenSSL in the middle of a handshake: what it needs is laid out beforehand, in memory of ours.
 *
 * Layout of a key's place: its name, then the keys for HMAC and for AES, then the arguments (OSSL_PARAM) that name the first.
 */
import { assert } from '../../base/assert.ts';
import { OSSL_PARAM_OCTET_STRING, OSSL_PARAM_UTF8_STRING, ossl_param_st } from '../../sys/abi/openssl.ts';
import { allocate, type Memory, PAGE_BYTES, scratch, storeAddress } from '../../sys/memory.ts';
import type { OpenSsl } from '../../sys/openssl.ts';
import type { OpenSslServer } from '../../sys/openssl-server.ts';
import { TICKET_KEY_BYTES, TICKET_KEYS_MAX } from './tls-options.ts';

const NAME_BYTES = 16;
const SECRET_BYTES = 32;
const IV_BYTES = 16;
const HMAC_AT = NAME_BYTES;
const AES_AT = HMAC_AT + SECRET_BYTES;
const ARGUMENTS_AT = 128;
const PLACE_BYTES = 512;
/** Texts that the arguments point to, behind all places. */
const TEXTS_AT = TICKET_KEYS_MAX * PLACE_BYTES;

/** What a callback answers: SSL_CTX_set_tlsext_ticket_key_evp_cb(3). */
const FAILED = -1;
const NOT_OURS = 0;
const MADE = 1;
/** It is good for this once, and another is made: clients use one of TLS 1.3 no second time (RFC 8446 §C.4). */
const GOOD_BUT_RENEW = 2;

export class TicketKeys {
  readonly #ssl: OpenSsl;
  readonly #server: OpenSslServer;
  readonly #memory: Memory = allocate(PAGE_BYTES);
  readonly #cipher: number;
  #count = 0;

  constructor(ssl: OpenSsl, server: OpenSslServer) {
    this.#ssl = ssl;
    this.#server = server;
    this.#cipher = server.EVP_aes_256_cbc();
    const texts = Buffer.from('key\0digest\0SHA256\0', 'latin1');
    this.#memory.bytes.set(texts, TEXTS_AT);
    for (let place = 0; place < TICKET_KEYS_MAX; place++) this.#layOut(place * PLACE_BYTES);
  }

  /** @param keys the newest first */
  set(keys: readonly Uint8Array[]): void {
    assert(keys.length > 0 && keys.length <= TICKET_KEYS_MAX, 'as many ticket keys as there is room for');
    const { bytes } = this.#memory;
    keys.forEach((key, index) => {
      assert(key.length === TICKET_KEY_BYTES, 'ticket keys of another length');
      bytes.set(key, index * PLACE_BYTES);
    });
    for (let index = keys.length; index < TICKET_KEYS_MAX; index++)
      bytes.fill(0, index * PLACE_BYTES, index * PLACE_BYTES + TICKET_KEY_BYTES);
    this.#count = keys.length;
  }

  /** No callback comes any more. */
  release(): void {
    this.#memory.bytes.fill(0);
    this.#memory.release();
  }

  /** Lays down how a ticket is encrypted. @param name and `iv` addresses that OpenSSL lends for the call */
  encrypt(name: number, iv: number, cipherContext: number, macContext: number): number {
    if (this.#count === 0) return FAILED;
    const { EVP_EncryptInit_ex } = this.#server;
    const { address } = this.#memory;
    this.#server.memcpy(name, address, NAME_BYTES);
    const isReady =
      this.#server.RAND_bytes(iv, IV_BYTES) === 1 &&
      EVP_EncryptInit_ex(cipherContext, this.#cipher, 0, address + AES_AT, iv) === 1 &&
      this.#server.EVP_MAC_CTX_set_params(macContext, address + ARGUMENTS_AT) === 1;
    return isReady ? MADE : this.#failed();
  }

  /** Lays down how a ticket is opened. */
  decrypt(name: number, iv: number, cipherContext: number, macContext: number): number {
    const place = this.#placeOf(name);
    if (place === -1) return NOT_OURS;
    const { EVP_DecryptInit_ex } = this.#server;
    const address = this.#memory.address + place;
    const isReady =
      EVP_DecryptInit_ex(cipherContext, this.#cipher, 0, address + AES_AT, iv) === 1 &&
      this.#server.EVP_MAC_CTX_set_params(macContext, address + ARGUMENTS_AT) === 1;
    return isReady ? GOOD_BUT_RENEW : this.#failed();
  }

  /** @param name an address */
  #placeOf(name: number): number {
    const asked = scratch();
    this.#server.memcpy(asked.address, name, NAME_BYTES);
    for (let index = 0; index < this.#count; index++) {
      const place = index * PLACE_BYTES;
      if (isSame(this.#memory.bytes, place, asked.bytes)) return place;
    }
    return -1;
  }

  #failed(): number {
    this.#ssl.functions.ERR_clear_error();
    return FAILED;
  }

  /** { "key", octets }, { "digest", "SHA256" }, and the end, which is zeros. */
  #layOut(place: number): void {
    const { address } = this.#memory;
    const texts = address + TEXTS_AT;
    this.#layOutArgument(place, 0, texts, OSSL_PARAM_OCTET_STRING, address + place + HMAC_AT, SECRET_BYTES);
    this.#layOutArgument(place, 1, texts + 4, OSSL_PARAM_UTF8_STRING, texts + 11, 'SHA256'.length);
  }

  #layOutArgument(place: number, index: number, key: number, type: number, data: number, size: number): void {
    const { size: structBytes, offset } = ossl_param_st;
    const at = place + ARGUMENTS_AT + index * structBytes;
    const words = new Uint32Array(this.#memory.buffer, at, structBytes / 4);
    storeAddress(words, offset.key / 4, key);
    words[offset.data_type / 4] = type;
    storeAddress(words, offset.data / 4, data);
    words[offset.data_size / 4] = size;
    // OSSL_PARAM_UNMODIFIED of core.h: nothing has been returned in it.
    words.fill(2 ** 32 - 1, offset.return_size / 4, offset.return_size / 4 + 2);
  }
}

function isSame(bytes: Uint8Array, place: number, name: Uint8Array): boolean {
  for (let at = 0; at < NAME_BYTES; at++) if (bytes[place + at] !== name[at]) return false;
  return true;
}
