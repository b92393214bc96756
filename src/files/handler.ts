/**
 * A folder as a fetch handler: GET, HEAD and OPTIONS over a FileSource, with index files, conditional
 * requests and single ranges (RFC 9110 §13 and §14). It decides what to answer; where bytes come from
 * is the source's matter, and how they leave is the server's.
 */

import { formatHttpDate } from '../protocol/semantics/http-date.ts';
import { Response } from '../web/response.ts';
import { streamFile } from './body.ts';
import { evaluatePreconditions, type FieldReader, rangeApplies, validatorsOf } from './conditional.ts';
import { contentTypeOf } from './content-type.ts';
import { answerListing } from './listing-answer.ts';
import { encodeSegment, parsePath, pathnameOf, queryOf } from './path.ts';
import { chooseRange } from './range.ts';
import type { FileSource, OpenFile, RawPath } from './source.ts';

export interface FilesOptions {
  /** Answer a folder without an index file with a list of what is in it. @default false: not everybody means to show it */
  readonly listing?: boolean;
  /** Serve names that begin with a dot. @default false, `.well-known` at the root excepted (RFC 8615) */
  readonly hidden?: boolean;
  /** The file that stands for its folder. @default 'index.html' */
  readonly index?: string;
  /** Sent with status 404 when there is such a file at the root. @default '404.html' */
  readonly notFound?: string;
  /** @default 'no-cache': keep it, but ask before using it; a changed file is seen at once and a 304 is cheap */
  readonly cacheControl?: string;
  /** The clock, for tests. @default Date.now */
  readonly now?: () => number;
}

/** What a request must offer: the standard's Request does, and so does a literal in a test. */
interface FilesRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: FieldReader;
}

export type FilesHandler = (request: FilesRequest) => Promise<Response>;

const ALLOW = 'GET, HEAD, OPTIONS';

export function createFilesHandler(source: FileSource, options: FilesOptions = {}): FilesHandler {
  const folder = new FolderAnswers(source, options);
  return (request) => folder.answer(request);
}

class FolderAnswers {
  readonly #source: FileSource;
  readonly #listing: boolean;
  readonly #hidden: boolean;
  readonly #index: string;
  readonly #notFound: string;
  readonly #cacheControl: string;
  readonly #now: () => number;

  constructor(source: FileSource, options: FilesOptions) {
    this.#source = source;
    this.#listing = options.listing ?? false;
    this.#hidden = options.hidden ?? false;
    this.#index = options.index ?? 'index.html';
    this.#notFound = options.notFound ?? '404.html';
    this.#cacheControl = options.cacheControl ?? 'no-cache';
    this.#now = options.now ?? Date.now;
  }

  async answer(request: FilesRequest): Promise<Response> {
    const method = request.method;
    if (method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow: ALLOW } });
    if (method !== 'GET' && method !== 'HEAD') {
      return text(405, 'Method Not Allowed', { allow: ALLOW });
    }
    const nowMs = this.#now();
    const parsed = parsePath(pathnameOf(request.url), this.#hidden);
    if (parsed.kind === 'malformed') return text(400, 'Bad Request');
    if (parsed.kind === 'refused') return this.#missing(request);
    const { path, endsWithSlash } = parsed;
    if (endsWithSlash) return this.#folder(request, path, nowMs);
    const opened = await this.#source.open(path);
    switch (opened.kind) {
      case 'file':
        return this.#file(request, path, opened.file, nowMs);
      case 'directory':
        return path === '' ? this.#folder(request, path, nowMs) : this.#addSlash(request, path);
      case 'busy':
        return busy();
      case 'missing':
        return this.#missing(request);
    }
  }

  async #folder(request: FilesRequest, path: RawPath, nowMs: number): Promise<Response> {
    const indexPath = path === '' ? this.#index : `${path}/${this.#index}`;
    const opened = await this.#source.open(indexPath);
    if (opened.kind === 'file') return this.#file(request, indexPath, opened.file, nowMs);
    if (opened.kind === 'busy') return busy();
    if (!this.#listing) return this.#missing(request);
    const listed = await this.#source.list(path);
    switch (listed.kind) {
      case 'folder':
        return answerListing(request.method, path, listed.listing);
      case 'busy':
        return busy();
      case 'missing':
        return this.#missing(request);
    }
  }

  /**
   * Relative links in a folder's page only work below its slash. The Location is relative to the last
   * segment and begins with `./`: `//host/` in the request cannot become another host in the answer,
   * and a proxy that strips a prefix does not break it.
   */
  #addSlash(request: FilesRequest, path: RawPath): Response {
    const name = path.slice(path.lastIndexOf('/') + 1);
    const location = `./${encodeSegment(name)}/${queryOf(request.url)}`;
    return text(301, 'Moved Permanently', { location, 'cache-control': this.#cacheControl });
  }

  /**
   * Takes over `file`: it is closed on return, or by the body that is returned.
   * @param nowMs from before it was opened
   */
  async #file(request: FilesRequest, path: RawPath, file: OpenFile, nowMs: number): Promise<Response> {
    let isHandedOver = false;
    try {
      const fields = request.headers;
      const validators = validatorsOf(file, nowMs);
      const { entityTag, lastModifiedMs } = validators;
      const headers: Record<string, string> = { 'cache-control': this.#cacheControl };
      if (entityTag !== undefined) headers['etag'] = entityTag;
      if (lastModifiedMs !== undefined) headers['last-modified'] = formatHttpDate(lastModifiedMs);
      const precondition = evaluatePreconditions(fields, validators, nowMs);
      if (precondition === 'not-modified') return new Response(null, { status: 304, headers });
      if (precondition === 'failed') return text(412, 'Precondition Failed');
      const size = file.sizeBytes;
      // RFC 9110 §14.2: Range means nothing to any method but GET.
      const rangeField = request.method === 'GET' ? fields.get('range') : null;
      const range =
        rangeField !== null && rangeApplies(fields, validators, nowMs)
          ? chooseRange(rangeField, size)
          : WHOLE;
      if (range.kind === 'unsatisfiable') {
        return text(416, 'Range Not Satisfiable', { 'content-range': `bytes */${size}` });
      }
      const start = range.kind === 'part' ? range.start : 0;
      const end = range.kind === 'part' ? range.end : size;
      const status = range.kind === 'part' ? 206 : 200;
      if (status === 206) headers['content-range'] = `bytes ${start}-${end - 1}/${size}`;
      headers['accept-ranges'] = 'bytes';
      headers['content-type'] = contentTypeOf(path);
      headers['content-length'] = String(end - start);
      if (request.method === 'HEAD') return new Response(null, { status, headers });
      const { content } = file;
      if (content !== undefined) {
        return new Response(range.kind === 'part' ? content.subarray(start, end) : content, {
          status,
          headers,
        });
      }
      isHandedOver = true;
      return new Response(streamFile(file, start, end), { status, headers });
    } finally {
      if (!isHandedOver) await file.close();
    }
  }

  async #missing(request: FilesRequest): Promise<Response> {
    const opened = await this.#source.open(this.#notFound);
    if (opened.kind !== 'file') return text(404, 'Not Found');
    const { content } = opened.file;
    await opened.file.close();
    // A page that does not fit in memory's one piece is no error page.
    if (content === undefined) return text(404, 'Not Found');
    const headers = {
      'content-type': contentTypeOf(this.#notFound),
      'content-length': String(content.length),
      'cache-control': 'no-cache',
    };
    return new Response(request.method === 'HEAD' ? null : content, { status: 404, headers });
  }
}

const WHOLE = { kind: 'whole' } as const;

function text(status: number, reason: string, headers: Record<string, string> = {}): Response {
  return new Response(`${status} ${reason}\n`, {
    status,
    headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' },
  });
}

/** Out of descriptors: the client is not at fault and may come again. */
function busy(): Response {
  return text(503, 'Service Unavailable', { 'retry-after': '1' });
}
