/** `holdfast serve --boot`: from flags to a boot server, and its mistakes in the words of the command line. */
import { join } from 'node:path';
import { CONFIG_NAME } from '../boot/boot-folder.ts';
import { type BootServer, openBootServer } from '../boot/boot-server.ts';
import { problemOfPattern } from '../files/name-pattern.ts';
import type { FilesOptions } from '../files/options.ts';
import type { LoggerLike } from '../observe/logger-like.ts';
import { versionOf } from '../server/loaded-files.ts';
import { deferPlatform } from '../web/platform.ts';
import type { FlagValues, GivenFlag } from './arguments.ts';
import { bootFailure } from './boot-failure.ts';
import { UsageError } from './failure.ts';
import type { SERVE_FLAGS } from './serve-flags.ts';
import type { Target } from './target.ts';
import { type Watch, watchFiles } from './watch.ts';

/**
 * @throws UsageError for flags that do not go with `--boot`
 * @throws CommandError for a `boot.toml` that cannot be used, with a line for each mistake
 */
export async function openBoot(
  target: Target,
  values: FlagValues<typeof SERVE_FLAGS>,
  given: ReadonlyMap<string, GivenFlag>,
  files: FilesOptions,
  logger: LoggerLike,
): Promise<BootServer> {
  if (target.kind !== 'folder') throw new UsageError('--boot is for folders; what is served is a module');
  if (typeof values.workers === 'number' && values.workers > 1)
    throw new UsageError(
      `${given.get('workers')?.spelling ?? '--workers'}: ${values.workers} is not allowed with --boot; one thread serves, for it knows all machines`,
    );
  deferPlatform(true);
  try {
    return await openBootServer(target.path, {
      logger,
      files,
      state: values.state,
      webhook: webhookOf(values.webhook),
      upstream: upstreamOf(values.upstream),
      upstreamAllow: patternsOf(values['upstream-allow'], values.upstream !== undefined),
    });
  } catch (error) {
    throw bootFailure(error);
  }
}

function webhookOf(text: string | undefined): string | undefined {
  if (text === undefined || (/^https?:\/\/[^/]/.test(text) && URL.canParse(text))) return text;
  throw new UsageError(
    `--webhook: ${JSON.stringify(text)} is not allowed; a URL such as http://127.0.0.1:9000/boots`,
  );
}

function upstreamOf(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search !== '' || url.hash !== '')
    throw new UsageError(
      `--upstream: ${JSON.stringify(text)} is not allowed; a URL without a query, such as https://mirror.example/boot`,
    );
  return url;
}

function patternsOf(
  texts: readonly string[] | undefined,
  hasUpstream: boolean,
): readonly string[] | undefined {
  if (texts !== undefined && !hasUpstream)
    throw new UsageError('--upstream-allow goes with --upstream alone');
  for (const text of texts ?? []) {
    const problem = problemOfPattern(text);
    if (problem !== undefined)
      throw new UsageError(`--upstream-allow: ${JSON.stringify(text)} is not allowed; ${problem}`);
  }
  return texts;
}

/** Notices when `boot.toml` changes, comes or goes. */
export function watchConfig(folder: string): Watch {
  const changes = watchFiles(folder);
  const path = join(folder, CONFIG_NAME);
  changes.add({ path, version: versionOf(path) });
  return changes;
}
