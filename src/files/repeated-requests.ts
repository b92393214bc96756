/**
 * Requests that come again with the same head, as those of pages that thousands open do: which file they are for, and that they ask for
 * the whole of it, was found out when the first of them came. What an answer says and whether the file is still what it was is asked
 * each time.
 *
 * Heads are kept as their clients sent them: bounded in number and length, and forgotten all at once when there are too many.
 */
import { readyFileResponse } from '../web/file-response.ts';
import { ReadyFields, type Response, readyResponse } from '../web/response.ts';
import type { StandingAnswer } from '../web/standing-answers.ts';
import type { FilesRequest } from './file-answer.ts';
import type { ReadyAnswers } from './ready-answers.ts';
import type { Representations } from './representations.ts';
import type { FileSource, OpenFile, RawPath } from './source.ts';

interface Repeated {
  readonly path: RawPath;
  /** Names that would have been better, and led nowhere. */
  readonly missing: readonly RawPath[];
  /** Of one file only: the same fields are the same file. */
  readonly fields: ReadyFields;
  /** The file's, where it is not in memory and so has to be known by it. */
  readonly version: string | undefined;
  readonly isHead: boolean;
}

/** What is found: one object, since a file's content is not to be held by those who have asked for it. */
class Found implements StandingAnswer {
  fields: ReadyFields;
  content: Uint8Array | null = null;
  contentLength = 0;

  constructor(fields: ReadyFields) {
    this.fields = fields;
  }
}

/** 512 KiB of heads of browsers, 2 MiB at most. */
const COUNT_MAX = 1024;
const LENGTH_MAX = 2048;

export class RepeatedRequests {
  readonly #source: FileSource;
  readonly #ready: ReadyAnswers;
  readonly #representations: Representations;
  readonly #paceBytesPerSecond: number | undefined;
  readonly #kept = new Map<string, Repeated>();
  #found: Found | undefined = undefined;

  /** @param paceBytesPerSecond of files that are not in memory */
  constructor(
    source: FileSource,
    ready: ReadyAnswers,
    representations: Representations,
    paceBytesPerSecond: number | undefined,
  ) {
    this.#source = source;
    this.#ready = ready;
    this.#representations = representations;
    this.#paceBytesPerSecond = paceBytesPerSecond;
  }

  /** @returns the answer from memory; undefined where it has to be found out anew; valid until the next call @hot */
  find(head: string): StandingAnswer | undefined {
    if (head.length > LENGTH_MAX) return undefined;
    const kept = this.#kept.get(head);
    if (kept === undefined || kept.version !== undefined) return undefined;
    const { path, missing, fields } = kept;
    const file = this.#source.openKept(path);
    if (file === undefined || file === 'missing' || this.#ready.fieldsOf(file) !== fields) return undefined;
    if (!this.#lacks(path, missing)) return undefined;
    this.#found ??= new Found(fields);
    const found = this.#found;
    const content = file.content!;
    found.fields = fields;
    found.content = kept.isHead ? null : content;
    found.contentLength = content.length;
    return found;
  }

  /** @returns undefined where it has to be found out anew */
  answer(head: string): Response | undefined {
    const found = this.find(head);
    if (found !== undefined) return readyResponse(found.fields, found.content);
    const kept = head.length > LENGTH_MAX ? undefined : this.#kept.get(head);
    if (kept?.version === undefined) return undefined;
    const { path, missing, fields, version } = kept;
    const file = this.#source.openShared(path);
    if (file === undefined) return undefined;
    const isSame = file.version === version && this.#lacks(path, missing);
    const part = isSame ? file.part(0, file.sizeBytes, this.#paceBytesPerSecond) : undefined;
    if (part !== undefined) return readyFileResponse(fields, part);
    void file.close();
    return undefined;
  }

  /**
   * Keeps what a request got that is answered from memory.
   * @param file the one that `path` leads to, and that is sent
   */
  keep(head: string, path: RawPath, file: OpenFile, contentType: string, request: FilesRequest): void {
    const fields = this.#ready.fieldsOf(file);
    if (fields !== undefined) this.#keep(head, path, fields, undefined, contentType, request);
  }

  /** Keeps what a GET got that is answered with the whole of a file that is not in memory. @param answer as it was made */
  keepLarge(
    head: string,
    path: RawPath,
    { version }: OpenFile,
    contentType: string,
    request: FilesRequest,
    answer: Response,
  ): void {
    if (answer.status !== 200 || version === undefined) return;
    const fields = new ReadyFields(answer);
    // Without a date: it will have one in a moment.
    if (fields.names.includes('last-modified')) this.#keep(head, path, fields, version, contentType, request);
  }

  #keep(
    head: string,
    path: RawPath,
    fields: ReadyFields,
    version: string | undefined,
    contentType: string,
    request: FilesRequest,
  ): void {
    const { headers, method } = request;
    const missing = this.#representations.passedOver(path, contentType, headers.get('accept-encoding'));
    if (head.length > LENGTH_MAX || missing === undefined) return;
    if (this.#kept.size >= COUNT_MAX) this.#kept.clear();
    this.#kept.set(head, { path, missing, fields, version, isHead: method === 'HEAD' });
  }

  #lacks(path: RawPath, missing: readonly RawPath[]): boolean {
    if (this.#representations.hasNeighbour(path)) return false;
    for (const each of missing) if (this.#source.openKept(each) !== 'missing') return false;
    return true;
  }
}
