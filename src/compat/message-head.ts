/** The head of a request as node:http's IncomingMessage has it, made of the text that the exchange keeps. */

import { ownText } from '../web/own-text.ts';
import type { HoldfastRequest } from '../web/request.ts';
import type { CoreRequest } from './core.ts';

const SP = 0x20;
const HTAB = 0x09;
/** From the end of the target to the minor version in ` HTTP/1.1`. */
const MINOR_AT = 8;
const ZERO = 0x30;

/** @hot */
export function readHead1(message: CoreRequest, head: HoldfastRequest): void {
  const text = head._text;
  const isMinor0 = text.charCodeAt(head._targetEnd + MINOR_AT) === ZERO;
  message.httpVersionMajor = 1;
  message.httpVersionMinor = isMinor0 ? 0 : 1;
  message.httpVersion = isMinor0 ? '1.0' : '1.1';
  message.method = head.method;
  message.url = ownText(text, head._targetStart, head._targetEnd);
  const lines: string[] = [];
  readLines(text, head._fieldsStart, head._fieldsEnd, lines);
  message._addHeaderLines(lines, lines.length);
}

/** HTTP/2, in the shape of node:http2's compatibility API: its pseudo-header fields stand before the others. */
export function readHead2(message: CoreRequest, head: HoldfastRequest, scheme: string): void {
  const text = head._text;
  message.httpVersionMajor = 2;
  message.httpVersionMinor = 0;
  message.httpVersion = '2.0';
  message.method = head.method;
  message.url = ownText(text, head._targetStart, head._targetEnd);
  const authority = head._hostStart < 0 ? '' : text.slice(head._hostStart, head._hostEnd);
  const lines = [':method', head.method, ':path', message.url, ':authority', authority, ':scheme', scheme];
  readLines(text, head._fieldsStart, head._fieldsEnd, lines);
  message._addHeaderLines(lines, lines.length);
  Object.assign(message, { authority, scheme });
}

/** @param text a section of fields, with nothing around it @returns names and values in turn */
export function linesOf(text: string): string[] {
  const lines: string[] = [];
  readLines(text, 0, text.length, lines);
  return lines;
}

/**
 * Names and values in turn, as they were sent. The lines have been passed by the parser.
 * @hot
 */
function readLines(text: string, start: number, end: number, lines: string[]): void {
  let line = start;
  while (line < end) {
    let lineEnd = text.indexOf('\r', line);
    if (lineEnd < 0 || lineEnd > end) lineEnd = end;
    if (lineEnd === line) return;
    const colon = text.indexOf(':', line);
    let from = colon + 1;
    let to = lineEnd;
    while (from < to && isSpace(text.charCodeAt(from))) from++;
    while (to > from && isSpace(text.charCodeAt(to - 1))) to--;
    lines.push(text.slice(line, colon), text.slice(from, to));
    line = lineEnd + 2;
  }
}

function isSpace(code: number): boolean {
  return code === SP || code === HTAB;
}

const UPGRADE = /\r\nconnection:[^\r]*\bupgrade\b/i;
const UPGRADE_TO = /\r\nupgrade:[ \t]*[^\r\s]/i;

/** Whether the client asks for another protocol. RFC 9110 §7.8 */
export function asksForUpgrade(head: HoldfastRequest): boolean {
  const { _text: text } = head;
  return UPGRADE.test(text) && UPGRADE_TO.test(text);
}
