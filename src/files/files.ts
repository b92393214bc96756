/** `files(folder, options)`: the door for programs. A folder as a handler for `serve()`, and for Hono, H3 and whatever speaks as they do. */
import { fileURLToPath } from 'node:url';
import { OptionError } from '../base/errors.ts';
import { openDisk } from './disk.ts';
import type { FilesRequest } from './file-answer.ts';
import { FolderAnswers } from './handler.ts';
import { type FilesOptions, readFilesOptions } from './options.ts';

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
  const { symlinks, memoryBytesMax, dotfiles } = settings;
  const answers = new FolderAnswers(
    sourceOf(folder, { symlinks, memoryBytesMax, dotfiles }),
    settings,
    Date.now,
  );
  return ((given: FilesRequest | FilesEvent, next?: unknown) => {
    const request = requestOf(given);
    return typeof next === 'function' ? answers.answerOr(request, () => next()) : answers.answer(request);
  }) as FilesHandler;
}

function requestOf(given: FilesRequest | FilesEvent): FilesRequest {
  if (!('req' in given)) return given;
  const { req } = given;
  return 'raw' in req ? req.raw : req;
}

function sourceOf(folder: unknown, options: Parameters<typeof openDisk>[1]): ReturnType<typeof openDisk> {
  const isUrl = folder instanceof URL && folder.protocol === 'file:';
  const path = isUrl ? fileURLToPath(folder) : folder;
  if (typeof path !== 'string' || path === '')
    throw new OptionError('folder', folder, 'the path of a folder, or a file URL');
  try {
    return openDisk(path, options);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new OptionError('folder', path, `the path of a folder that is there and may be read (${code})`);
  }
}
