/**
 * What the fields of an HTTP/2 message mean: RFC 9113 §8.2 and §8.3. The pseudo-fields are taken out of a list and
 * judged, and fields that belong to HTTP/1 connections are refused. A message that breaks a rule is malformed
 * (§8.1.1), whatever the rule: it ends its stream and nothing else.
 */
import * as octet from '../semantics/octets.ts';
import { isForbiddenTrailer } from '../semantics/trailers.ts';
import type { FieldList } from './field-list.ts';

/** Length of the content that is not known. */
export const LENGTH_UNKNOWN = -1;

/** Fields of a connection, which HTTP/2 does not have. RFC 9113 §8.2.2 */
export const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
/** One bit for each length that these names have, or `te`, `host`, `cookie`, `expect`, `content-length`: a name of another length is none of them. */
const LENGTHS = (1 << 2) | (1 << 4) | (1 << 6) | (1 << 7) | (1 << 10) | (1 << 14) | (1 << 16) | (1 << 17);
const LENGTH_MAX = 17;
/** A host with an optional port and without user information: RFC 9113 §8.3.1, RFC 3986 §3.2 */
const AUTHORITY = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[\w\-.~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::(\d*))?$/;
const PORT_MAX = 65_535;
const SCHEME = /^[a-z][a-z0-9+\-.]*$/i;
const STATUS = /^[1-9]\d\d$/;
const LENGTH = /^\d{1,15}$/;

export class RequestFields {
  method = '';
  scheme = '';
  authority = '';
  path = '';
  /** The protocol that an extended CONNECT names; empty for none. RFC 8441 §4 */
  protocol = '';
  contentLength = LENGTH_UNKNOWN;
  expectsContinue = false;
  /** The fields that are none of the above, cookies as one. RFC 9113 §8.2.3 */
  names: string[] = [];
  values: string[] = [];
}

/** @returns undefined when the request is malformed */
export function requestFields(list: FieldList): RequestFields | undefined {
  if (list.isMalformed) return undefined;
  const request = new RequestFields();
  const first = takePseudoFields(list, request);
  if (first < 0 || !takeFields(list, first, request)) return undefined;
  return isSound(request) ? request : undefined;
}

/** @returns where the other fields begin, -1 when a pseudo-field is unknown, repeated or empty */
function takePseudoFields(list: FieldList, request: RequestFields): number {
  let at = 0;
  for (; at < list.count && list.names[at]!.charCodeAt(0) === octet.COLON; at++) {
    const value = list.values[at]!;
    if (value === '') return -1;
    switch (list.names[at]) {
      case ':method':
        if (request.method !== '') return -1;
        request.method = value;
        break;
      case ':scheme':
        if (request.scheme !== '') return -1;
        request.scheme = value;
        break;
      case ':authority':
        if (request.authority !== '') return -1;
        request.authority = value;
        break;
      case ':path':
        if (request.path !== '') return -1;
        request.path = value;
        break;
      case ':protocol':
        if (request.protocol !== '') return -1;
        request.protocol = value;
        break;
      default:
        return -1;
    }
  }
  return at;
}

/** @returns false for a field that may not stand in a request */
function takeFields(list: FieldList, first: number, request: RequestFields): boolean {
  let host = '';
  let cookieAt = -1;
  for (let i = first; i < list.count; i++) {
    const name = list.names[i]!;
    const value = list.values[i]!;
    if (name.charCodeAt(0) === octet.COLON) return false;
    // Most names have not even the length of one that means something here.
    if (name.length > LENGTH_MAX || ((LENGTHS >> name.length) & 1) === 0) {
      request.names.push(name);
      request.values.push(value);
      continue;
    }
    if (CONNECTION_FIELDS.has(name)) return false;
    if (name === 'cookie' && cookieAt >= 0) {
      request.values[cookieAt] += `; ${value}`;
      continue;
    }
    if (name === 'cookie') cookieAt = request.names.length;
    else if (name === 'te' && value.toLowerCase() !== 'trailers') return false;
    else if (name === 'expect' && value.toLowerCase() === '100-continue') request.expectsContinue = true;
    else if (name === 'content-length') {
      const length = LENGTH.test(value) ? Number(value) : Number.NaN;
      if (request.contentLength !== LENGTH_UNKNOWN && request.contentLength !== length) return false;
      if (Number.isNaN(length)) return false;
      request.contentLength = length;
    } else if (name === 'host') {
      if (host !== '') return false;
      host = value;
      continue;
    }
    request.names.push(name);
    request.values.push(value);
  }
  // RFC 9113 §8.3.1: an intermediary must not find two authorities, nor may we.
  if (host !== '' && request.authority !== '' && host.toLowerCase() !== request.authority.toLowerCase())
    return false;
  if (request.authority === '') request.authority = host;
  request.names.push('host');
  request.values.push(request.authority);
  return true;
}

function isSound(request: RequestFields): boolean {
  if (!isToken(request.method) || !isAuthority(request.authority)) return false;
  const isConnect = request.method === 'CONNECT';
  if (request.protocol !== '' && !isConnect) return false;
  if (isConnect && request.protocol === '') return request.scheme === '' && request.path === '';
  if (!SCHEME.test(request.scheme) || !isTarget(request.path)) return false;
  return request.path.charCodeAt(0) === 0x2f || (request.path === '*' && request.method === 'OPTIONS');
}

/** @returns the status of a response or an interim one, undefined when it is malformed */
export function responseStatus(list: FieldList): number | undefined {
  if (list.isMalformed || list.count === 0) return undefined;
  if (list.names[0] !== ':status' || !STATUS.test(list.values[0]!)) return undefined;
  for (let i = 1; i < list.count; i++) {
    const name = list.names[i]!;
    if (name.charCodeAt(0) === octet.COLON || CONNECTION_FIELDS.has(name)) return undefined;
  }
  return Number(list.values[0]);
}

/** Whether the fields may come behind the content. RFC 9113 §8.1, RFC 9110 §6.5.1 */
export function areTrailers(list: FieldList): boolean {
  if (list.isMalformed) return false;
  for (let i = 0; i < list.count; i++) {
    const name = list.names[i]!;
    if (name.charCodeAt(0) === octet.COLON || isForbiddenTrailer(name)) return false;
  }
  return true;
}

function isAuthority(text: string): boolean {
  const match = AUTHORITY.exec(text);
  return match !== null && Number(match[1] ?? 0) <= PORT_MAX;
}

function isToken(text: string): boolean {
  return consistsOf(text, octet.OCTET_TOKEN);
}

function isTarget(text: string): boolean {
  return consistsOf(text, octet.OCTET_TARGET);
}

function consistsOf(text: string, classes: number): boolean {
  for (let i = 0; i < text.length; i++) if ((octet.OCTETS[text.charCodeAt(i)]! & classes) === 0) return false;
  return text.length > 0;
}
