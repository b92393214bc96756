/**
 * The page that shows a folder. Names are somebody else's text: they are escaped as HTML, encoded as
 * URLs, and the page forbids scripts, so that a file called `<script>` stays a name.
 */
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
:root{color-scheme:light dark;--line:#8883;--soft:#777;--link:#0a58ca}
@media(prefers-color-scheme:dark){:root{--soft:#999;--link:#8ab4ff}}
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2.5rem auto;padding:0 1.25rem}
h1{font-size:1.25rem;font-weight:600;margin:0 0 1.25rem;overflow-wrap:anywhere}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
th{font-weight:500;font-size:.8rem;color:var(--soft);text-align:left;border-bottom:1px solid var(--line)}
th,td{padding:.4rem .5rem}tr+tr td{border-top:1px solid var(--line)}
td:first-child{overflow-wrap:anywhere}.n{text-align:right;white-space:nowrap;color:var(--soft)}
a{color:var(--link);text-decoration:none}a:hover{text-decoration:underline}
p{color:var(--soft)}@media(max-width:34rem){.t{display:none}}`;

/** @param path the folder's path below the root */
export function listingHead(path: RawPath): string {
  const title = escapeHtml(readable(`/${path === '' ? '' : `${path}/`}`));
  const up =
    path === '' ? '' : '<tr><td><a href="../">../</a></td><td class="n"></td><td class="n t"></td></tr>\n';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<style>${STYLE}
</style>
</head>
<body>
<h1>${title}</h1>
<table>
<thead><tr><th>Name</th><th class="n">Size</th><th class="n t">Modified (UTC)</th></tr></thead>
<tbody>
${up}`;
}

export function listingRows(entries: readonly ListedEntry[]): string {
  let rows = '';
  for (const entry of entries) rows += row(entry);
  return rows;
}

export function listingFoot(isEmpty: boolean, isCut: boolean): string {
  const empty = isEmpty ? '<p>This folder is empty.</p>\n' : '';
  const more = isCut ? '<p>There are more entries, which are not shown.</p>\n' : '';
  return `</tbody>\n</table>\n${empty}${more}</body>\n</html>\n`;
}

function row(entry: ListedEntry): string {
  const slash = entry.isDirectory ? '/' : '';
  // The leading `./` keeps a name such as `a:b` from being read as a URL with a scheme.
  const link = `<a href="./${encodeSegment(entry.name)}${slash}">${escapeHtml(readable(entry.name))}${slash}</a>`;
  const size = entry.isDirectory ? '' : formatSize(entry.sizeBytes);
  return `<tr><td>${link}</td><td class="n">${size}</td><td class="n t">${formatTime(entry.modifiedMs)}</td></tr>\n`;
}

/** Names are bytes; nearly always they are UTF-8, and where not, the replacement character says so. */
function readable(name: RawPath): string {
  if (IS_ASCII.test(name)) return name;
  const bytes = new Uint8Array(name.length);
  for (let i = 0; i < name.length; i++) bytes[i] = name.charCodeAt(i);
  return new TextDecoder().decode(bytes);
}

/** Nothing for a time that a calendar of four digits does not have: file systems keep any number of seconds. */
function formatTime(ms: number): string {
  if (!(ms >= YEAR_0_MS && ms < YEAR_10000_MS)) return '';
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
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
