/**
 * A folder as a fetch handler: which file, list or page answers a GET, HEAD or OPTIONS. How a file is sent is
 * `file-answer.ts`'s matter; where bytes come from is the source's.
 */
import { untouchedHead } from '../web/request.ts';
import { Response, readyResponse } from '../web/response.ts';
import type { StandingAnswers } from '../web/standing-answers.ts';
import { cacheControlOf } from './cache-rules.ts';
import { Compressor } from './compressor.ts';
import { contentTypeOf } from './content-type.ts';
import { allowOrigin, answerPreflight } from './cross-origin.ts';
import { attachmentOf } from './disposition.ts';
import { answerFile, type FilesRequest, type Told } from './file-answer.ts';
import { answerListing } from './listing-answer.ts';
import { matches } from './name-pattern.ts';
import { type FilesOptions, type FilesSettings, readFilesOptions } from './options.ts';
import { encodeSegment, type ParsedPath, parsePath, pathnameOf, queryOf } from './path.ts';
import { busyAnswer, plainAnswer } from './plain-answer.ts';
import { ReadyAnswers } from './ready-answers.ts';
import { RepeatedRequests } from './repeated-requests.ts';
import { type Representation, Representations } from './representations.ts';
import type { FileSource, OpenFile, RawPath } from './source.ts';

/** An answer, or undefined where the folder has nothing for the request. */
type Found = Response | undefined;

export type FilesHandler = (request: FilesRequest) => Response | Promise<Response>;

/** Paths that are remembered as they were read: those that are asked for again and again. */
const PARSED_MAX = 1024;
const PARSED_LENGTH_MAX = 256;

const ALLOW = 'GET, HEAD, OPTIONS';

/** @param now the clock */
export function createFilesHandler(
  source: FileSource,
  options: FilesOptions = {},
  now: () => number = Date.now,
): FilesHandler {
  const folder = new FolderAnswers(source, readFilesOptions(options), now);
  return (request) => folder.answer(request);
}

export class FolderAnswers {
  readonly #source: FileSource;
  readonly #settings: FilesSettings;
  readonly #now: () => number;
  readonly #representations: Representations;
  readonly #ready = new ReadyAnswers();
  readonly #repeated: RepeatedRequests;
  readonly #parsed = new Map<string, ParsedPath>();

  constructor(source: FileSource, settings: FilesSettings, now: () => number) {
    this.#source = source;
    this.#settings = settings;
    this.#now = now;
    const { precompressed, compress, memoryBytesMax, paceBytesPerSecond } = settings;
    const compressor = compress ? new Compressor(source, memoryBytesMax) : undefined;
    this.#representations = new Representations(source, precompressed, compressor);
    this.#repeated = new RepeatedRequests(source, this.#ready, this.#representations, paceBytesPerSecond);
  }

  /** What a request with that head is answered with, where one was before. @hot */
  readonly standing: StandingAnswers = (head) => this.#repeated.find(head);

  /** Answers whatever it is. */
  answer(request: FilesRequest): Response | Promise<Response> {
    const head = this.#settings.corsOrigins.length === 0 ? untouchedHead(request) : undefined;
    const repeated = head === undefined ? undefined : this.#repeated.answer(head);
    if (repeated !== undefined) return repeated;
    const found = this.#find(request, head);
    return found instanceof Promise
      ? found.then((answer) => this.#finished(request, answer))
      : this.#finished(request, found);
  }

  /** @param next asked for what the folder does not have, and for what no file answers */
  async answerOr(request: FilesRequest, next: () => unknown): Promise<Response> {
    const { method } = request;
    const found = method === 'GET' || method === 'HEAD' ? await this.#find(request, undefined) : undefined;
    if (found === undefined || found.status === 400) return (await next()) as Response;
    return this.#finished(request, found);
  }

  #finished(request: FilesRequest, found: Found): Response | Promise<Response> {
    if (found === undefined) return this.#missing(request);
    return allowOrigin(this.#settings.corsOrigins, request, found);
  }

  /** @param head of the request, where one with the same may be answered in the same way */
  #find(request: FilesRequest, head: string | undefined): Found | Promise<Found> {
    const { method } = request;
    if (method === 'OPTIONS') return answerPreflight(this.#settings.corsOrigins, request, ALLOW);
    if (method !== 'GET' && method !== 'HEAD')
      return plainAnswer(405, 'Method Not Allowed', { allow: ALLOW });
    const { basePath } = this.#settings;
    const pathname = pathnameOf(request.url);
    if (!isBelow(pathname, basePath)) return undefined;
    // The base itself, without a slash: relative links of its page only work below one.
    if (basePath !== '' && pathname.length === basePath.length) {
      const name = basePath.slice(basePath.lastIndexOf('/') + 1);
      return movedTo(`./${name}/${queryOf(request.url)}`, this.#cacheControl(''));
    }
    const parsed = this.#parse(pathname.slice(basePath.length));
    if (parsed.kind === 'malformed') return plainAnswer(400, 'Bad Request');
    if (parsed.kind === 'refused') return undefined;
    return this.#look(request, head, parsed.path, parsed.endsWithSlash);
  }

  #parse(pathname: string): ParsedPath {
    let parsed = this.#parsed.get(pathname);
    if (parsed === undefined) {
      parsed = parsePath(pathname, this.#settings.dotfiles);
      if (pathname.length > PARSED_LENGTH_MAX) return parsed;
      if (this.#parsed.size >= PARSED_MAX) this.#parsed.clear();
      this.#parsed.set(pathname, parsed);
    }
    return parsed;
  }

  #look(
    request: FilesRequest,
    head: string | undefined,
    path: RawPath,
    endsWithSlash: boolean,
  ): Found | Promise<Found> {
    const nowMs = this.#now();
    const { index } = this.#settings;
    const named = endsWithSlash ? (index === undefined ? undefined : below(path, index)) : path;
    if (named !== undefined) {
      const kept = this.#source.openKept(named) ?? this.#source.openShared(named);
      if (kept !== undefined && kept !== 'missing') return this.#file(request, named, kept, nowMs, head);
    }
    return this.#search(request, path, endsWithSlash, nowMs);
  }

  async #search(request: FilesRequest, path: RawPath, endsWithSlash: boolean, nowMs: number): Promise<Found> {
    if (endsWithSlash) return this.#folder(request, path, nowMs);
    const opened = await this.#source.open(path);
    switch (opened.kind) {
      case 'file':
        return this.#file(request, path, opened.file, nowMs);
      case 'directory':
        return path === '' ? this.#folder(request, path, nowMs) : this.#addSlash(request, path);
      case 'busy':
        return busyAnswer();
      case 'missing':
        return this.#cleanUrl(request, path, nowMs);
    }
  }

  async #folder(request: FilesRequest, path: RawPath, nowMs: number): Promise<Found> {
    const { index, listing } = this.#settings;
    if (index !== undefined) {
      const indexPath = below(path, index);
      const opened = await this.#source.open(indexPath);
      if (opened.kind === 'file') return this.#file(request, indexPath, opened.file, nowMs);
      if (opened.kind === 'busy') return busyAnswer();
    }
    if (!listing) return this.#page(request, path, nowMs);
    const listed = await this.#source.list(path);
    switch (listed.kind) {
      case 'folder':
        return answerListing(request, path, listed.listing);
      case 'busy':
        return busyAnswer();
      case 'missing':
        return this.#page(request, path, nowMs);
    }
  }

  /** `/about` for the file `about.html`. */
  async #cleanUrl(request: FilesRequest, path: RawPath, nowMs: number): Promise<Found> {
    if (this.#settings.cleanUrls && !path.endsWith('.html')) {
      const named = `${path}.html`;
      const opened = await this.#source.open(named);
      if (opened.kind === 'file') return this.#file(request, named, opened.file, nowMs);
      if (opened.kind === 'busy') return busyAnswer();
    }
    return this.#page(request, path, nowMs);
  }

  /** The one page of an application that has its paths in the browser. */
  async #page(request: FilesRequest, path: RawPath, nowMs: number): Promise<Found> {
    const { spa } = this.#settings;
    if (spa === undefined || !isPageRequest(request, path)) return undefined;
    const opened = await this.#source.open(spa);
    if (opened.kind === 'busy') return busyAnswer();
    return opened.kind === 'file' ? this.#file(request, spa, opened.file, nowMs) : undefined;
  }

  /**
   * Relative links in a folder's page only work below its slash. The Location is relative to the last
   * segment and begins with `./`: `//host/` in the request cannot become another host in the answer,
   * and a proxy that strips a prefix does not break it.
   */
  #addSlash(request: FilesRequest, path: RawPath): Response {
    const name = path.slice(path.lastIndexOf('/') + 1);
    return movedTo(`./${encodeSegment(name)}/${queryOf(request.url)}`, this.#cacheControl(path));
  }

  /** Takes over `file`. */
  #file(
    request: FilesRequest,
    path: RawPath,
    file: OpenFile,
    nowMs: number,
    head?: string,
  ): Response | Promise<Response> {
    const contentType = contentTypeOf(path);
    const accepted = request.headers.get('accept-encoding');
    const chosen = this.#representations.choose(path, file, contentType, accepted);
    if (chosen instanceof Promise)
      return chosen.then((each) =>
        answerFile(request, each.file, this.#told(path, contentType, each), nowMs),
      );
    const ready = this.#ready.fields(request, chosen);
    if (ready !== undefined) {
      if (head !== undefined && chosen.file === file)
        this.#repeated.keep(head, path, file, contentType, request);
      return readyResponse(ready, request.method === 'HEAD' ? null : chosen.file.content!);
    }
    const answer = answerFile(request, chosen.file, this.#told(path, contentType, chosen), nowMs);
    if (file.content !== undefined) return this.#ready.keep(request, chosen, answer);
    if (head !== undefined && chosen.file === file && !(answer instanceof Promise))
      this.#repeated.keepLarge(head, path, file, contentType, request, answer);
    return answer;
  }

  #told(path: RawPath, contentType: string, { coding, varies }: Representation): Told {
    const fields: Record<string, string> = { 'cache-control': this.#cacheControl(path) };
    if (varies) fields['vary'] = 'accept-encoding';
    const contentFields: Record<string, string> = {};
    if (coding !== undefined) contentFields['content-encoding'] = coding;
    if (this.#settings.downloads.some((pattern) => matches(pattern, path)))
      contentFields['content-disposition'] = attachmentOf(path);
    return { contentType, paceBytesPerSecond: this.#settings.paceBytesPerSecond, fields, contentFields };
  }

  #cacheControl(path: RawPath): string {
    return cacheControlOf(this.#settings.cache, path);
  }

  async #missing(request: FilesRequest): Promise<Response> {
    const { notFound, corsOrigins } = this.#settings;
    return allowOrigin(corsOrigins, request, await this.#notFoundPage(request, notFound));
  }

  async #notFoundPage(request: FilesRequest, notFound: RawPath | undefined): Promise<Response> {
    const opened = notFound === undefined ? undefined : await this.#source.open(notFound);
    if (notFound === undefined || opened?.kind !== 'file') return plainAnswer(404, 'Not Found');
    const { content } = opened.file;
    await opened.file.close();
    // A page that does not fit in memory's one piece is no error page.
    if (content === undefined) return plainAnswer(404, 'Not Found');
    const headers = {
      'content-type': contentTypeOf(notFound),
      'content-length': String(content.length),
      'cache-control': 'no-cache',
    };
    return new Response(request.method === 'HEAD' ? null : content, { status: 404, headers });
  }
}

function below(path: RawPath, name: string): RawPath {
  return path === '' ? name : `${path}/${name}`;
}

/** Whether a path is the base or below it. */
function isBelow(pathname: string, basePath: string): boolean {
  if (!pathname.startsWith(basePath)) return false;
  return pathname.length === basePath.length || pathname[basePath.length] === '/';
}

/**
 * Whether a path that leads to no file may mean the application: it has no ending, or a browser asks for a page. A script or an
 * image that is missing is missing: a page in its place would be an error that nobody understands.
 */
function isPageRequest(request: FilesRequest, path: RawPath): boolean {
  const accept = request.headers.get('accept') ?? '*/*';
  if (/\btext\/html\b/i.test(accept)) return true;
  return !path.slice(path.lastIndexOf('/') + 1).includes('.') && /(?:\*|\btext)\/\*/.test(accept);
}

function movedTo(location: string, cacheControl: string): Response {
  return plainAnswer(301, 'Moved Permanently', { location, 'cache-control': cacheControl });
}
