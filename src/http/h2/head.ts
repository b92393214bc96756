/**
 * A request's head as the Request reads it: the text of a HTTP/1 head with the positions in it, made once for a head
 * that a client repeats. So one Request serves every protocol, and looks its fields up in one way.
 */
import type { RequestFields } from '../../protocol/h2/message-fields.ts';
import { METHOD_NAMES, METHOD_OTHER, METHOD_PATCH } from '../../protocol/semantics/methods.ts';
import type { RequestHead } from '../../web/request.ts';
import { requestUrl } from '../../web/url.ts';
import type { ExchangeHost } from '../exchange-host.ts';

export class H2Head implements RequestHead {
  readonly text: string;
  readonly methodStart = 0;
  readonly method: number;
  readonly methodEnd: number;
  readonly targetStart: number;
  readonly targetEnd: number;
  readonly hostStart: number;
  readonly hostEnd: number;
  readonly fieldsStart: number;
  readonly fieldsEnd: number;
  /** What belongs to the request that is being begun: those that repeat this head may differ in that. */
  hasContent = false;
  #url: string | undefined = undefined;

  constructor(fields: RequestFields) {
    const { authority, names, values } = fields;
    // An extended CONNECT asks for what HTTP/1.1 asks for by GET and Upgrade: handlers see one form of it. RFC 8441 §5
    const isTunnel = fields.protocol !== '';
    const method = isTunnel ? 'GET' : fields.method;
    const number = METHOD_NAMES.indexOf(method);
    this.method = number > 0 && number <= METHOD_PATCH ? number : METHOD_OTHER;
    this.methodEnd = method.length;
    this.targetStart = method.length + 1;
    this.targetEnd = this.targetStart + fields.path.length;
    let text = `${method} ${fields.path} HTTP/2\r\n`;
    this.fieldsStart = text.length;
    let hostStart = -1;
    for (let i = 0; i < names.length; i++) {
      if (names[i] === 'host') {
        if (authority === '') continue;
        hostStart = text.length + 'host: '.length;
      }
      text += `${names[i]}: ${values[i]}\r\n`;
    }
    if (isTunnel) text += `connection: Upgrade\r\nupgrade: ${fields.protocol}\r\n`;
    this.hostStart = hostStart;
    this.hostEnd = hostStart < 0 ? -1 : hostStart + authority.length;
    this.fieldsEnd = text.length;
    // By way of bytes: text that was put together of parts is read twice as slowly.
    this.text = Buffer.from(`${text}\r\n`, 'latin1').toString('latin1');
  }

  /** @returns undefined where it depends on who sent the head, too @hot */
  urlOn(host: ExchangeHost): string | undefined {
    if (host.proxies !== undefined) return undefined;
    return (this.#url ??= requestUrl(
      host.scheme,
      host.defaultAuthority,
      this.text,
      this.targetStart,
      this.targetEnd,
      this.hostStart,
      this.hostEnd,
    ));
  }
}
