/**
 * Tells of which files a served module is made, while they are loaded: the module, what it imports and requires, and
 * what it looked for in vain. `holdfast serve --watch` watches those and nothing else, so that what the program writes
 * beside its own source means nothing. Packages and Holdfast's own files are left out.
 *
 * Workers tell only while somebody in the main thread has subscribed to the channel.
 */

import { channel } from 'node:diagnostics_channel';
import { statSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';

export interface LoadedFile {
  readonly path: string;
  /** Which version was there just before it was read, as `versionOf` has it; undefined where nothing was. */
  readonly version: string | undefined;
}

/** What is published there is a LoadedFile. */
export function loadedFiles(): ReturnType<typeof channel> {
  return channel('holdfast:loaded-files');
}

/** @returns undefined where there is no such file */
export function versionOf(path: string): string | undefined {
  const facts = statSync(path, { throwIfNoEntry: false });
  return facts?.isFile() ? `${facts.dev}:${facts.ino}:${facts.size}:${facts.mtimeMs}` : undefined;
}

/** What a hook sees of one module: where it was found, or what was looked for. */
interface Sight {
  readonly url?: string;
  readonly specifier?: string;
  readonly parentURL?: string | undefined;
}

/**
 * Calls `tell` once for each file that this thread loads from now on.
 * @returns a function that tells at once of what has been loaded so far, required files of older Nodes included
 */
export function reportLoads(tell: (file: LoadedFile) => void): () => void {
  const told = new Set<string>();
  const report = (path: string | undefined): void => {
    if (path === undefined || told.has(path) || isNobodysSource(path)) return;
    told.add(path);
    tell({ path, version: versionOf(path) });
  };
  const drain = hook((sight) => report(pathOf(sight)));
  return () => {
    drain();
    // Before 22.15 hooks do not see what is required by a module that was required.
    for (const path of Object.keys(nodeModule.createRequire(import.meta.url).cache)) report(path);
  };
}

const OWN_FOLDER = fileURLToPath(new URL('.', import.meta.url));

function isNobodysSource(path: string): boolean {
  return path.startsWith(OWN_FOLDER) || path.includes(`${sep}node_modules${sep}`);
}

function pathOf({ url, specifier = '', parentURL }: Sight): string | undefined {
  try {
    // A name without a dot or a slash is a package.
    if (url === undefined && !/^(?:\.|\/|file:)/.test(specifier)) return undefined;
    const found = new URL(url ?? specifier, parentURL);
    found.search = '';
    found.hash = '';
    return found.protocol === 'file:' ? fileURLToPath(found) : undefined;
  } catch {
    return undefined;
  }
}

/** @returns what has to be called to hear of the latest */
function hook(see: (sight: Sight) => void): () => void {
  // From 22.15 and 23.5 on.
  if ('registerHooks' in nodeModule) {
    nodeModule.registerHooks({
      resolve(specifier, context, next) {
        try {
          const found = next(specifier, context);
          see({ url: found.url });
          return found;
        } catch (error) {
          see({ specifier, parentURL: context.parentURL });
          throw error;
        }
      },
    });
    return () => {};
  }
  return hookFromThread(see);
}

/** Before that hooks live in a thread of their own, which is given a port. */
const HOOK_SOURCE = `let port;
export function initialize(data) { port = data.port; }
export async function resolve(specifier, context, next) {
  try {
    const found = await next(specifier, context);
    port.postMessage({ url: found.url });
    return found;
  } catch (error) {
    port.postMessage({ specifier, parentURL: context.parentURL });
    throw error;
  }
}`;

function hookFromThread(see: (sight: Sight) => void): () => void {
  const { port1, port2 } = new MessageChannel();
  nodeModule.register(`data:text/javascript,${encodeURIComponent(HOOK_SOURCE)}`, {
    data: { port: port2 },
    transferList: [port2],
  });
  port1.on('message', see);
  port1.unref();
  return () => {
    for (let next = receiveMessageOnPort(port1); next !== undefined; next = receiveMessageOnPort(port1))
      see(next.message as Sight);
  };
}
