/**
 * What the folder does not have, from an upstream server: fetched once however many ask, given to each as it arrives, and kept in
 * the folder when it is whole and right. It knows which paths may be asked for, and what the upstream lacks.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { contentTypeOf } from '../files/content-type.ts';
import { matches, type NamePattern, patternOf } from '../files/name-pattern.ts';
import { encodeSegment, isPlainName } from '../files/path.ts';
import { chooseRanges } from '../files/range.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import { Response } from '../web/response.ts';
import { ArtifactFill } from './artifact-fill.ts';
import { SUMS_BYTES_MAX, sumOf, sumPlaces } from './checksum.ts';
import { firmwareType } from './firmware-types.ts';
import { askUpstream, UpstreamError } from './upstream-request.ts';

/** Beside the artifacts, hidden from clients, on the same file system: a rename is atomic there alone. */
const PARTIAL_FOLDER = '.holdfast-partial';
/** A boot asks for ten files; a mirror that is walked through would be fetched whole. */
const FILLS_MAX = 64;
/** How long an answer that has no file is remembered, so that a hundred machines are one question. */
const REFUSED_KEPT_MS = 5000;
const REFUSED_MAX = 1000;
const SUM_ATTEMPTS = 3;

interface UpstreamOptions {
  /** Files lie below it, by the same paths. */
  readonly url: URL;
  /** Paths that may be asked for. @default all */
  readonly allow?: readonly string[];
  readonly folder: string;
  readonly logger: LoggerLike;
  /** Pauses between attempts and patience with silence, for tests. */
  readonly timing?: { readonly pauseMs?: number; readonly silenceMs?: number };
}

/** What a request must offer. */
interface AskedFile {
  readonly method: string;
  readonly headers: { get(name: string): string | null };
}

interface UpstreamCounts {
  /** Files that were asked for and ended so. */
  readonly outcomes: Readonly<Record<'kept' | 'disk-full' | 'failed' | 'missing', number>>;
  readonly filling: number;
}

export class Upstream {
  readonly #options: UpstreamOptions;
  readonly #base: string;
  readonly #allowed: readonly NamePattern[];
  readonly #fills = new Map<string, ArtifactFill>();
  readonly #refused = new Map<string, { readonly error: Error; readonly untilMs: number }>();
  readonly #outcomes = { kept: 0, 'disk-full': 0, failed: 0, missing: 0 };
  readonly #abort = new AbortController();
  #count = 0;

  constructor(options: UpstreamOptions) {
    this.#options = options;
    this.#base = options.url.href.replace(/\/$/, '');
    this.#allowed = (options.allow ?? ['/*']).map(patternOf);
  }

  /** Removes what a process that was killed has left half. */
  async open(): Promise<void> {
    await rm(join(this.#options.folder, PARTIAL_FOLDER), { recursive: true, force: true }).catch(() => {});
  }

  /** @returns undefined for a path that is not allowed */
  async answer(path: string, request: AskedFile): Promise<Response | undefined> {
    if (!this.#mayAsk(path)) return undefined;
    const refused = this.#refused.get(path);
    if (refused !== undefined && refused.untilMs > performance.now()) return refusal(refused.error);
    const fill = this.#fills.get(path) ?? this.#begin(path);
    if (fill === undefined) return refusal(new UpstreamError('too many files are being fetched', 503));
    const over = fill.claim();
    try {
      const { sizeBytes, lastModified } = await fill.facts;
      if (fill.state === 'failed') throw fill.error;
      return answerOf(path, request, fill, sizeBytes, lastModified, over);
    } catch (error) {
      await over();
      return refusal(error as Error);
    }
  }

  #mayAsk(path: string): boolean {
    const names = path.split('/');
    return (
      /^[\x21-\x7e]+$/.test(path) &&
      names.every((name) => isPlainName(name) && !name.startsWith('.')) &&
      this.#allowed.some((each) => matches(each, path))
    );
  }

  #begin(path: string): ArtifactFill | undefined {
    if (this.#fills.size >= FILLS_MAX) return undefined;
    const { folder, logger, timing } = this.#options;
    const fill = new ArtifactFill({
      url: this.#urlOf(path),
      folder,
      file: join(folder, path),
      partial: join(folder, PARTIAL_FOLDER, `${process.pid}-${this.#count++}`),
      checksum: () => this.#checksum(path),
      ...(timing === undefined ? {} : { timing }),
    });
    this.#fills.set(path, fill);
    void fill.ended.then(() => {
      this.#fills.delete(path);
      const { state, error } = fill;
      const isMissing = error instanceof UpstreamError && error.status === 404;
      this.#outcomes[isMissing ? 'missing' : (state as 'kept' | 'disk-full' | 'failed')]++;
      if (state === 'failed') this.#refuse(path, error!);
      if (state === 'kept') logger.info(`fetched and kept ${path} from ${this.#base}`);
      else if (!isMissing) logger.error(`${path} from ${this.#base} is not kept: ${error?.message}`);
    });
    return fill;
  }

  #urlOf(path: string): URL {
    return new URL(`${this.#base}/${path.split('/').map(encodeSegment).join('/')}`);
  }

  #refuse(path: string, error: Error): void {
    this.#refused.delete(path);
    this.#refused.set(path, { error, untilMs: performance.now() + REFUSED_KEPT_MS });
    if (this.#refused.size <= REFUSED_MAX) return;
    for (const oldest of this.#refused.keys()) {
      this.#refused.delete(oldest);
      return;
    }
  }

  /** Where no sum is published there is none to keep to; where it cannot be found out, nothing is kept. */
  async #checksum(path: string): Promise<string | undefined> {
    const name = path.slice(path.lastIndexOf('/') + 1);
    for (const place of sumPlaces(path)) {
      const text = await this.#sums(place);
      const sum = text === undefined ? undefined : sumOf(text, name);
      if (sum !== undefined) return sum;
    }
    return undefined;
  }

  async #sums(place: string): Promise<string | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        const { body } = await askUpstream(this.#urlOf(place), 0, undefined, this.#abort.signal);
        const pieces: Buffer[] = [];
        let size = 0;
        for await (const piece of body as AsyncIterable<Buffer>) {
          pieces.push(piece);
          if ((size += piece.length) > SUMS_BYTES_MAX) return undefined;
        }
        return Buffer.concat(pieces).toString('latin1');
      } catch (error) {
        if (error instanceof UpstreamError && error.status === 404) return undefined;
        if (attempt === SUM_ATTEMPTS)
          throw new UpstreamError(`the checksum cannot be found out: ${(error as Error).message}`);
      }
    }
  }

  counts(): UpstreamCounts {
    return { outcomes: { ...this.#outcomes }, filling: this.#fills.size };
  }

  async close(): Promise<void> {
    this.#abort.abort();
    await Promise.all([...this.#fills.values()].map((fill) => fill.close()));
  }
}

function answerOf(
  path: string,
  request: AskedFile,
  fill: ArtifactFill,
  sizeBytes: number,
  lastModified: string | undefined,
  over: () => Promise<void>,
): Response | Promise<Response> {
  const headers: Record<string, string> = {
    'accept-ranges': 'bytes',
    'cache-control': 'no-cache',
    'content-type': firmwareType(path) ?? contentTypeOf(path),
  };
  if (lastModified !== undefined) headers['last-modified'] = lastModified;
  const condition = request.headers.get('if-range');
  // The whole is always right; several ranges in one answer are more than anybody needs of a file that is on its way.
  const asked = condition === null || condition === lastModified ? request.headers.get('range') : null;
  const choice = chooseRanges(request.method === 'GET' ? asked : null, sizeBytes);
  if (choice.kind === 'unsatisfiable') {
    return over().then(() => text(416, 'Range Not Satisfiable', { 'content-range': `bytes */${sizeBytes}` }));
  }
  const part = choice.kind === 'parts' && choice.parts.length === 1 ? choice.parts[0] : undefined;
  const { start, end } = part ?? { start: 0, end: sizeBytes };
  headers['content-length'] = String(end - start);
  if (part !== undefined) headers['content-range'] = `bytes ${start}-${end - 1}/${sizeBytes}`;
  const status = part === undefined ? 200 : 206;
  if (request.method === 'HEAD') return over().then(() => new Response(null, { status, headers }));
  return new Response(fill.stream(start, end, over), { status, headers });
}

function refusal(error: Error): Response {
  const status = error instanceof UpstreamError ? error.status : 502;
  return text(status, error.message, status === 503 ? { 'retry-after': '1' } : {});
}

function text(status: number, message: string, headers: Record<string, string> = {}): Response {
  return new Response(`${status} ${message}\n`, {
    status,
    headers: { ...headers, 'content-type': 'text/plain; charset=utf-8' },
  });
}
