/** The media type of a file, from the extension of its name. */
import { lookup } from 'mrmime';

/** RFC 2046 §4.5.1: what is not known is bytes, and a browser offers to save it. */
const UNKNOWN = 'application/octet-stream';

/** @param path the file's path; only what follows the last dot of its name counts */
export function contentTypeOf(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  const type = dot === -1 ? undefined : lookup(name.slice(dot + 1));
  if (type === undefined) return UNKNOWN;
  // Without a charset, browsers guess from the reader's locale for every text type.
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type;
}

/** What becomes smaller by compression, beside text: everything else is compressed already, or unknown. */
const COMPRESSIBLE =
  /^(?:text\/|application\/(?:json|javascript|xml|wasm|manifest\+json|rtf|toml|x-sh|sql|graphql|x-ndjson|vnd\.ms-fontobject)\b|application\/[\w.-]+\+(?:json|xml)\b|image\/(?:svg\+xml|bmp|x-icon|vnd\.microsoft\.icon)|font\/(?:ttf|otf|collection))/;

export function isCompressible(contentType: string): boolean {
  return COMPRESSIBLE.test(contentType);
}
