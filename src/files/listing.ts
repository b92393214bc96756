/**
 * The page that shows a folder. Names are somebody else's text: they are escaped as HTML, encoded as
 * URLs, and the page forbids scripts, so that a file called `<script>` stays a name.
 */
import { type ListingOrder, queryFor, type SortKey } from './listing-order.ts';
import { encodeSegment } from './path.ts';
import type { ListedEntry, RawPath } from './source.ts';

/** Nothing is loaded and nothing runs; the one style sheet is in the page. */
export const LISTING_CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Every character is a byte below 0x80. */
const IS_ASCII = /^[\0-\x7f]*$/;

const YEAR_0_MS = Date.parse('0000-01-01');
const YEAR_10000_MS = Date.UTC(10000, 0, 1);

const STYLE = `
:root{color-scheme:light dark;--text:#1d2126;--soft:#5c6670;--line:#0000001f;--link:#0a58ca;--over:#0a58ca12;--page:#fff}
@media(prefers-color-scheme:dark){:root{--text:#e4e7eb;--soft:#9aa4af;--line:#ffffff24;--link:#8ab4ff;--over:#8ab4ff1a;--page:#16181c}}
*{box-sizing:border-box}
body{font:16px/1.5 system-ui,sans-serif;color:var(--text);background:var(--page);max-width:62rem;margin:0 auto;padding:2rem 1.25rem}
h1{font-size:1.25rem;font-weight:600;margin:0 .5rem 1rem;overflow-wrap:anywhere}
h1 span{color:var(--soft);font-weight:400;padding:0 .2rem}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
th{font-size:.85rem;font-weight:500;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}
th a{color:var(--soft);display:block}
th,td{padding:.4rem .5rem}
tbody tr+tr td{border-top:1px solid var(--line)}
tbody tr:hover{background:var(--over)}
td:first-child{overflow-wrap:anywhere}
td:first-child a{display:block}
.f{font-weight:600}
.n{text-align:right;white-space:nowrap;color:var(--soft)}
th.n a{text-align:right}
a{color:var(--link);text-decoration:none}
a:hover{text-decoration:underline}
a:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:2px}
p{color:var(--soft);margin:1rem .5rem}
@media(max-width:34rem){body{padding:1.25rem .75rem}.t{display:none}td{padding:.6rem .5rem}}`;

/** A folder in one of the forms in which it is told. */
export interface ListingText {
  readonly contentType: string;
  head(): string;
  rows(entries: readonly ListedEntry[]): string;
  foot(isEmpty: boolean, isCut: boolean): string;
}

/** @param path the folder's path below the root */
export function listingPage(path: RawPath, order: ListingOrder): ListingText {
  return {
    contentType: 'text/html; charset=utf-8',
    head: () => pageHead(path, order),
    rows: (entries) => entries.map(row).join(''),
    foot(isEmpty, isCut) {
      const empty = isEmpty ? '<p>This folder is empty.</p>\n' : '';
      const more = isCut ? '<p>There are more entries, which are not shown.</p>\n' : '';
      return `</tbody>\n</table>\n${empty}${more}</body>\n</html>\n`;
    },
  };
}

function pageHead(path: RawPath, order: ListingOrder): string {
  const title = escapeHtml(readable(`/${path === '' ? '' : `${path}/`}`));
  const up =
    path === ''
      ? ''
      : '<tr><td><a class="f" href="../">../</a></td><td class="n"></td><td class="n t"></td></tr>\n';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${STYLE}
</style>
</head>
<body>
<h1>${crumbs(path)}</h1>
<table>
<thead><tr>${columnHead('name', 'Name', '', order)}${columnHead('size', 'Size', 'n', order)}${columnHead('time', 'Modified (UTC)', 'n t', order)}</tr></thead>
<tbody>
${up}`;
}

/** The way from the root to the folder, each part a link; relative, so that a prefix before them all does not matter. */
function crumbs(path: RawPath): string {
  const names = path === '' ? [] : path.split('/');
  const links = names.map((name, at) => {
    const text = escapeHtml(readable(name));
    return at === names.length - 1 ? text : `<a href="${'../'.repeat(names.length - 1 - at)}">${text}</a>`;
  });
  if (names.length === 0) return 'Index of /';
  return `<a href="${'../'.repeat(names.length)}" aria-label="root">/</a> ${links.join('<span>/</span>')}`;
}

function columnHead(by: SortKey, text: string, kind: string, order: ListingOrder): string {
  const isSorted = order.by === by;
  const arrow = isSorted ? (order.descending ? ' \u2193' : ' \u2191') : '';
  const sort = isSorted ? ` aria-sort="${order.descending ? 'descending' : 'ascending'}"` : '';
  const named = kind === '' ? '' : ` class="${kind}"`;
  return `<th scope="col"${named}${sort}><a href="${escapeHtml(queryFor(by, order))}">${text}${arrow}</a></th>`;
}

function row(entry: ListedEntry): string {
  const slash = entry.isDirectory ? '/' : '';
  const kind = entry.isDirectory ? ' class="f"' : '';
  const link = `<a${kind} href="${linkTo(entry)}">${escapeHtml(readable(entry.name))}${slash}</a>`;
  const size = entry.isDirectory ? '' : formatSize(entry.sizeBytes);
  return `<tr><td>${link}</td><td class="n">${size}</td><td class="n t">${formatTime(entry.modifiedMs)}</td></tr>\n`;
}

/** Relative to the folder. The leading `./` keeps a name such as `a:b` from being read as a URL with a scheme. */
export function linkTo({ name, isDirectory }: ListedEntry): string {
  return `./${encodeSegment(name)}${isDirectory ? '/' : ''}`;
}

/** Names are bytes; nearly always they are UTF-8, and where not, the replacement character says so. */
export function readable(name: RawPath): string {
  if (IS_ASCII.test(name)) return name;
  const bytes = new Uint8Array(name.length);
  for (let i = 0; i < name.length; i++) bytes[i] = name.charCodeAt(i);
  return new TextDecoder().decode(bytes);
}

/** Nothing for a time that a calendar of four digits does not have: file systems keep any number of seconds. */
export function timeOf(ms: number): Date | undefined {
  return ms >= YEAR_0_MS && ms < YEAR_10000_MS ? new Date(ms) : undefined;
}

function formatTime(ms: number): string {
  return timeOf(ms)?.toISOString().slice(0, 16).replace('T', ' ') ?? '';
}

export function escapeHtml(text: string): string {
  if (!/[&<>"']/.test(text)) return text;
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
