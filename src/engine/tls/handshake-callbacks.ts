/**
 * What OpenSSL asks in the middle of a handshake: which certificate for the name that the client says, which protocol, how
 * tickets are encrypted, what OCSP has to say. One C function of each kind for all contexts of an engine.
 *
 * Invariants: none of them throws, for there is C below; none calls what reads or writes a connection; `current` is the
 * handshake that is being computed.
 */
import * as abi from '../../sys/abi/openssl.ts';
import { scratch } from '../../sys/memory.ts';
import { callbackForOpenSsl, foreignBytes, releaseCallback } from '../../sys/openssl.ts';
import { chooseProtocol } from './alpn.ts';
import type { CheckedOpenSsl } from './checked-openssl.ts';
import type { ContextChooser, Handshake } from './handshake.ts';
import { serverNameOf } from './server-names.ts';
import type { TicketKeys } from './ticket-keys.ts';

export class HandshakeCallbacks {
  /** What is being computed. */
  current: Handshake | undefined = undefined;
  /** Set before any handshake. */
  chooser: ContextChooser | undefined = undefined;
  /** Accepts a client whatever is wrong with its certificate: what is wrong is told. */
  readonly acceptAnyClient: number;
  readonly #checked: CheckedOpenSsl;
  readonly #keys: TicketKeys;
  readonly #offered: readonly Buffer[];
  readonly #onError: (error: Error) => void;
  readonly #onClientHello: number;
  readonly #onProtocols: number;
  readonly #onTicket: number;
  readonly #onStatusRequest: number;

  /** @param alpn protocols, the better first */
  constructor(
    checked: CheckedOpenSsl,
    alpn: readonly string[],
    keys: TicketKeys,
    onError: (error: Error) => void,
  ) {
    this.#checked = checked;
    this.#keys = keys;
    this.#onError = onError;
    this.#offered = alpn.map((name) => Buffer.from(name, 'latin1'));
    const P = 'address';
    this.acceptAnyClient = callbackForOpenSsl(['int', P], () => 1);
    this.#onClientHello = callbackForOpenSsl([P, P, P], (ssl, alert) =>
      this.#guarded(abi.SSL_CLIENT_HELLO_ERROR, () => this.#clientHello(ssl!, alert!)),
    );
    this.#onProtocols = callbackForOpenSsl([P, P, P, P, 'uint', P], (_ssl, out, outLength, list, length) =>
      this.#guarded(abi.SSL_TLSEXT_ERR_ALERT_FATAL, () => this.#protocols(out!, outLength!, list!, length!)),
    );
    this.#onTicket = callbackForOpenSsl([P, P, P, P, P, 'int'], (_ssl, name, iv, cipher, mac, encrypts) =>
      this.#guarded(-1, () =>
        encrypts === 0
          ? this.#keys.decrypt(name!, iv!, cipher!, mac!)
          : this.#keys.encrypt(name!, iv!, cipher!, mac!),
      ),
    );
    this.#onStatusRequest = callbackForOpenSsl([P, P], (ssl) =>
      this.#guarded(abi.SSL_TLSEXT_ERR_NOACK, () => this.#statusRequest(ssl!)),
    );
  }

  /** @param hasStaples whether there is an answer of OCSP to give */
  attachTo(ctx: number, hasStaples: boolean): void {
    const { functions } = this.#checked.ssl;
    const { server } = this.#checked;
    functions.SSL_CTX_set_alpn_select_cb(ctx, this.#onProtocols, 0);
    server.SSL_CTX_set_client_hello_cb(ctx, this.#onClientHello, 0);
    server.SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, this.#onTicket);
    if (hasStaples)
      server.SSL_CTX_callback_ctrl(ctx, abi.SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB, this.#onStatusRequest);
  }

  /** No context and no connection is left. */
  release(): void {
    releaseCallback(this.acceptAnyClient);
    releaseCallback(this.#onClientHello);
    releaseCallback(this.#onProtocols);
    releaseCallback(this.#onTicket);
    releaseCallback(this.#onStatusRequest);
  }

  #guarded(failure: number, call: () => number): number {
    try {
      return call();
    } catch (error) {
      queueMicrotask(() => this.#onError(error as Error));
      return failure;
    }
  }

  #clientHello(ssl: number, alert: number): number {
    const { current, chooser } = this;
    if (current === undefined || chooser === undefined) return abi.SSL_CLIENT_HELLO_ERROR;
    current.serverName = this.#serverName(ssl);
    if (current.hasFailed) {
      new Int32Array(foreignBytes(alert, 4).buffer)[0] = abi.SSL_AD_INTERNAL_ERROR;
      return abi.SSL_CLIENT_HELLO_ERROR;
    }
    const context = chooser.choose(current.serverName);
    if (context === undefined) {
      current.awaited = current.serverName;
      return abi.SSL_CLIENT_HELLO_RETRY;
    }
    current.awaited = undefined;
    current.context = context;
    const { server } = this.#checked;
    // Contexts have been replaced since it began: a session that it is given must be one of the new rules.
    if (current.begunWith !== chooser.first)
      server.SSL_set_verify(ssl, chooser.verifyMode, chooser.verifyCallback);
    return server.SSL_set_SSL_CTX(ssl, context.address) === 0
      ? abi.SSL_CLIENT_HELLO_ERROR
      : abi.SSL_CLIENT_HELLO_SUCCESS;
  }

  /** The first host name of the extension, which OpenSSL has not looked into yet: RFC 6066 §3. */
  #serverName(ssl: number): string | undefined {
    const { address, view } = scratch();
    if (
      this.#checked.server.SSL_client_hello_get0_ext(
        ssl,
        abi.TLSEXT_TYPE_server_name,
        address,
        address + 8,
      ) !== 1
    )
      return undefined;
    const bytes = Number(view.getBigUint64(0, true));
    const length = Number(view.getBigUint64(8, true));
    // The length of the list, a type, the length of the name.
    if (bytes === 0 || length < 6) return undefined;
    const list = Buffer.from(foreignBytes(bytes, length));
    const nameLength = list.readUInt16BE(3);
    if (list[2] !== abi.TLSEXT_NAMETYPE_host_name || 5 + nameLength > length) return undefined;
    return serverNameOf(list.toString('latin1', 5, 5 + nameLength));
  }

  /** Without a match the handshake is refused, as node:tls and nginx do: RFC 7301 §3.2. A client that offers nothing is not asked about. */
  #protocols(out: number, outLength: number, list: number, length: number): number {
    const bytes = Buffer.from(foreignBytes(list, length));
    const at = chooseProtocol(this.#offered, bytes);
    if (at === -1) return abi.SSL_TLSEXT_ERR_ALERT_FATAL;
    const size = bytes[at - 1]!;
    new DataView(foreignBytes(out, 8).buffer).setBigUint64(0, BigInt(list + at), true);
    foreignBytes(outLength, 1)[0] = size;
    if (this.current !== undefined) this.current.alpnProtocol = bytes.toString('latin1', at, at + size);
    return abi.SSL_TLSEXT_ERR_OK;
  }

  /** OpenSSL frees what it is given. */
  #statusRequest(ssl: number): number {
    const { server } = this.#checked;
    const staple = this.current?.context?.stapleFor(server.SSL_get_certificate(ssl));
    if (staple === undefined) return abi.SSL_TLSEXT_ERR_NOACK;
    const address = server.CRYPTO_malloc(staple.length, 0, 0);
    if (address === 0) return abi.SSL_TLSEXT_ERR_NOACK;
    foreignBytes(address, staple.length).set(staple);
    server.SSL_ctrl(ssl, abi.SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP, staple.length, address);
    return abi.SSL_TLSEXT_ERR_OK;
  }
}
