/**
 * Watches what a module may have been made of: its folder, and the symbolic links on the way to it. When a
 * link is swapped, as deployments do, that is a change like any other, and the folder that it leads to now is
 * watched from then on.
 */
import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import { folderOf, linksOnTheWay, type Target } from './target.ts';
import { type Watch, watchFolder } from './watch.ts';

/** A swap is a few steps, and may leave no link at all for a moment. */
const SETTLE_MS = 60;

export function watchTarget(target: Target): Watch {
  let listener: ((changed: readonly string[]) => void) | undefined;
  let inner = watchFolder(folderOf(target));
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
    inner = watchFolder(folderOf(target));
    watchLinks();
    if (listener === undefined) return;
    inner.onChange(listener);
    const names = [...swapped];
    swapped.clear();
    listener(names);
  };

  watchLinks();
  return {
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
