/** A folder as JSON, for programs: what the page shows, with exact sizes and times. */
import { type ListingText, linkTo, readable, timeOf } from './listing.ts';
import type { ListedEntry, RawPath } from './source.ts';

/** @param path the folder's path below the root */
export function listingJson(path: RawPath): ListingText {
  let separator = '\n';
  return {
    contentType: 'application/json',
    head: () => `{"path":${JSON.stringify(readable(`/${path === '' ? '' : `${path}/`}`))},"entries":[`,
    rows(entries) {
      let text = '';
      for (const entry of entries) {
        text += separator + JSON.stringify(shown(entry));
        separator = ',\n';
      }
      return text;
    },
    foot: (_isEmpty, isCut) => `\n],"truncated":${isCut}}\n`,
  };
}

function shown(entry: ListedEntry): object {
  const { name, isDirectory, sizeBytes, modifiedMs } = entry;
  const modified = timeOf(modifiedMs)?.toISOString();
  const type = isDirectory ? 'folder' : 'file';
  return {
    name: readable(name),
    type,
    // Relative to the folder: names are bytes, which text cannot always say.
    href: linkTo(entry),
    ...(isDirectory ? {} : { size: sizeBytes }),
    ...(modified === undefined ? {} : { modified }),
  };
}

/** An element of Accept, with its weight (RFC 9110 §12.5.1). */
const ELEMENT = /^[ \t]*([\w*+.-]+\/[\w*+.-]+)[^,]*?(?:;[ \t]*q=([\d.]+))?[ \t]*$/i;

/** Whether somebody asks for JSON by name, and would not rather have a page. */
export function prefersJson(accept: string | null): boolean {
  if (accept === null || !/json/i.test(accept)) return false;
  let json = 0;
  let page = 0;
  for (const element of accept.split(',', 64)) {
    const match = ELEMENT.exec(element);
    if (match === null) continue;
    const type = match[1]!.toLowerCase();
    const weight = match[2] === undefined ? 1 : Number(match[2]);
    if (type === 'application/json') json = weight;
    else if (type === 'text/html' || type === 'application/xhtml+xml') page = Math.max(page, weight);
  }
  return json > page;
}
