/**
 * Watches what a module is made of: the files that it has loaded, and the symbolic links on the way to it. When a
 * link is swapped, as deployments do, that is a change like any other, and what the module is made of then is
 * watched from then on.
 */
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { versionOf } from '../server/loaded-files.ts';
import { folderOf, linksOnTheWay, realPathOf, type Target } from './target.ts';
import { type Watch, watchFiles } from './watch.ts';

/** A swap is a few steps, and may leave no link at all for a moment. */
const SETTLE_MS = 60;

export function watchTarget(target: Target): Watch {
  let listener: ((changed: readonly string[]) => void) | undefined;
  let inner = watchModule(target);
  let links: FSWatcher[] = [];
  let timer: NodeJS.Timeout | undefined;
  const swapped = new Set<string>();

  const schedule = (): void => {
    clearTimeout(timer);
    timer = setTimeout(follow, SETTLE_MS);
  };
  const watchLink = (folder: string, name: string): void => {
    try {
      const watcher = watch(folder, { persistent: false }, (_, changed) => {
        if (changed !== name) return;
        swapped.add(join(folder, name));
        schedule();
      });
      watcher.on('error', () => watcher.close());
      links.push(watcher);
    } catch {
      // The folder has just gone: with it went the link, and a link further up tells of what replaces it.
    }
  };
  const watchLinks = (): void => {
    for (const watcher of links) watcher.close();
    links = [];
    for (const { folder, name } of linksOnTheWay(target.path)) watchLink(folder, name);
  };
  const follow = (): void => {
    inner.close();
    inner = watchModule(target);
    watchLinks();
    if (listener === undefined) return;
    inner.onChange(listener);
    const names = [...swapped];
    swapped.clear();
    listener(names);
  };

  watchLinks();
  return {
    add: (file) => inner.add(file),
    onChange(call) {
      listener = call;
      inner.onChange(call);
      if (swapped.size > 0) schedule();
    },
    close() {
      clearTimeout(timer);
      inner.close();
      for (const watcher of links) watcher.close();
    },
  };
}

/** The module's own file, from before it is read; it tells itself what else it loads. */
function watchModule(target: Target): Watch {
  const files = watchFiles(folderOf(target));
  const path = realPathOf(target);
  files.add({ path, version: versionOf(path) });
  return files;
}
