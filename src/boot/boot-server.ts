/** A boot server over a folder, put together: what `holdfast serve --boot` serves. */
import { files } from '../files/files.ts';
import type { FilesOptions } from '../files/options.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import type { FetchHandler } from '../web/context.ts';
import { BootFolder } from './boot-folder.ts';
import { type BootHandlerParts, createBootHandler } from './handler.ts';
import { KnownMachines } from './known-machines.ts';

interface BootServerOptions {
  readonly logger: LoggerLike;
  readonly files?: FilesOptions;
}

export interface BootServer {
  readonly fetch: FetchHandler;
  /** @throws BootConfigError; the last good configuration stays in force then */
  reload(): Promise<void>;
}

/** @throws BootConfigError for a `boot.toml` with mistakes */
export async function openBootServer(path: string, options: BootServerOptions): Promise<BootServer> {
  const folder = await BootFolder.open(path);
  // A kernel is no page: `/linux` is never `linux.html`.
  const answerFile = files(path, { listing: true, cleanUrls: false, ...options.files });
  const handler = createBootHandler({
    folder,
    files: answerFile as unknown as BootHandlerParts['files'],
    machines: new KnownMachines(),
    logger: options.logger,
  });
  return {
    fetch: handler as unknown as FetchHandler,
    reload: () => folder.reload(),
  };
}
