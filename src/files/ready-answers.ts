/**
 * Answers that are whole files from memory, kept as they were made: the usual request asks for no part of a file and on no condition,
 * and gets the same fields each time.
 */
import { ReadyFields, type Response } from '../web/response.ts';
import type { FilesRequest } from './file-answer.ts';
import type { Representation } from './representations.ts';
import type { OpenFile } from './source.ts';

interface Ready {
  readonly fields: ReadyFields;
  readonly varies: boolean;
}

/** Fields that make an answer another than the whole file. */
const CONDITIONS = [
  'range',
  'if-none-match',
  'if-modified-since',
  'if-match',
  'if-unmodified-since',
] as const;

export class ReadyAnswers {
  /** Kept as long as the file is: a file has one name here, and so one answer. */
  readonly #ready = new WeakMap<OpenFile, Ready>();

  /** @returns what the answer says, undefined where none is kept, or the request wants another one @hot */
  fields(request: FilesRequest, { file, varies }: Representation): ReadyFields | undefined {
    const ready = this.#ready.get(file);
    return ready === undefined || ready.varies !== varies || !isPlain(request) ? undefined : ready.fields;
  }

  /** @returns what an answer with the whole of `file` says, undefined where none is kept @hot */
  fieldsOf(file: OpenFile): ReadyFields | undefined {
    return this.#ready.get(file)?.fields;
  }

  /** @returns `answer`, which is kept if others can be made like it */
  keep(
    request: FilesRequest,
    { file, varies }: Representation,
    answer: Response | Promise<Response>,
  ): Response | Promise<Response> {
    // Without a date: it will have one in a moment.
    const isWhole =
      file.content !== undefined &&
      !(answer instanceof Promise) &&
      answer.status === 200 &&
      request.method === 'GET';
    if (!isWhole) return answer;
    const fields = new ReadyFields(answer);
    if (fields.names.includes('last-modified')) this.#ready.set(file, { fields, varies });
    return answer;
  }
}

function isPlain({ headers }: FilesRequest): boolean {
  for (const name of CONDITIONS) if (headers.get(name) !== null) return false;
  return true;
}
