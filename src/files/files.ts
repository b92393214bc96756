/** `files(folder, options)`: the door for programs. A folder as a handler for `serve()`, and for Hono, H3 and whatever speaks as they do. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { OptionError } from '../base/errors.ts';
import { withStanding } from '../web/standing-answers.ts';
import { diskAt } from './disk.ts';
import type { FilesRequest } from './file-answer.ts';
import { FolderAnswers } from './handler.ts';
import { type FilesOptions, readFilesOptions } from './options.ts';
import { Root } from './root.ts';

/** What Hono (`c`) and H3 (`event`) give to a handler: the request is in it. */
export interface FilesEvent {
  readonly req: FilesRequest | { readonly raw: FilesRequest };
}

/**
 * A fetch handler, and a handler and middleware of Hono and H3: where a function `next` is given, it is asked for what
 * the folder does not have.
 */
export interface FilesHandler {
  (request: Request, context?: unknown): Response | Promise<Response>;
  // biome-ignore lint/suspicious/noExplicitAny: Hono and H3 give a `next` of types of their own, which are none of ours
  (event: FilesEvent, next?: (...given: any[]) => unknown): Promise<Response>;
}

/**
 * The files of a folder as a handler:
 *
 *     await serve({ fetch: files('public') });
 *     app.use('*', files('public'));              // Hono
 *
 * @param folder a path, relative to the working directory of now, or a file URL; where its name is a symbolic link, what it leads to at each request
 * @throws OptionError for a folder that is not there or may not be read, and for options that are not allowed
 */
export function files(folder: string | URL, options: FilesOptions = {}): FilesHandler {
  const settings = readFilesOptions(options);
  const root = rootOf(folder, settings.symlinks);
  const answers = new FolderAnswers(diskAt(root, settings), settings, Date.now);
  const handler = ((given: FilesRequest | FilesEvent, next?: unknown) =>
    answerBy(answers, requestOf(given), next)) as FilesHandler;
  return withStanding(handler, answers.standing);
}

function answerBy(
  answers: FolderAnswers,
  request: FilesRequest,
  next: unknown,
): Response | Promise<Response> {
  return typeof next === 'function' ? answers.answerOr(request, () => next()) : answers.answer(request);
}

function requestOf(given: FilesRequest | FilesEvent): FilesRequest {
  if (!('req' in given)) return given;
  const { req } = given;
  return 'raw' in req ? req.raw : req;
}

function rootOf(folder: unknown, symlinks: Parameters<typeof Root.open>[1]): Root {
  const isUrl = folder instanceof URL && folder.protocol === 'file:';
  const path = isUrl ? fileURLToPath(folder) : folder;
  if (typeof path !== 'string' || path === '')
    throw new OptionError('folder', folder, 'the path of a folder, or a file URL');
  try {
    return Root.open(Buffer.from(resolve(path)), symlinks);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new OptionError('folder', path, `the path of a folder that is there and may be read (${code})`);
  }
}
