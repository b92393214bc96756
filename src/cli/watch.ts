/**
 * Watches a folder for changes of what a module may have been made of. Folders are watched one by one,
 * not recursively: that way dependencies and hidden folders, where thousands of files may change
 * without meaning anything, cost nothing.
 */
import { type FSWatcher, fstatSync, readdirSync, statSync, watch } from 'node:fs';
import { join, relative } from 'node:path';

export interface Watch {
  /**
   * @param listener called with the changed names, relative to the folder, once things have settled; also
   *   with what changed before anybody listened
   */
  onChange(listener: (changed: readonly string[]) => void): void;
  close(): void;
}

/** Editors save in several steps; one reload shall do for all of them. */
const SETTLE_MS = 60;

/** A working tree beyond this many folders is no module's folder but somebody's home. */
const FOLDERS_MAX = 2000;

export function watchFolder(folder: string): Watch {
  const watchers = new Map<string, FSWatcher>();
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let listener: ((changed: readonly string[]) => void) | undefined;

  const settle = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (listener === undefined) return;
      const names = [...changed].sort();
      changed.clear();
      listener(names);
    }, SETTLE_MS);
  };
  const add = (path: string): void => {
    if (watchers.has(path) || watchers.size >= FOLDERS_MAX) return;
    try {
      // Read first: it fails for a file, which watch would take as well.
      const entries = readdirSync(path, { withFileTypes: true });
      const watcher = watch(path, { persistent: false }, (_, name) => {
        if (name === null || isIgnored(name) || isOwnOutput(join(path, name))) return;
        changed.add(relative(folder, join(path, name)));
        add(join(path, name));
        settle();
      });
      watcher.on('error', () => drop(path));
      watchers.set(path, watcher);
      for (const entry of entries) {
        if (entry.isDirectory() && !isIgnored(entry.name)) add(join(path, entry.name));
      }
    } catch {
      // It is no folder, or has gone again: there is nothing to watch.
      drop(path);
    }
  };
  const drop = (path: string): void => {
    watchers.get(path)?.close();
    watchers.delete(path);
  };

  add(folder);
  return {
    onChange(call) {
      listener = call;
      if (changed.size > 0) settle();
    },
    close() {
      clearTimeout(timer);
      for (const path of [...watchers.keys()]) drop(path);
    },
  };
}

/** Dependencies, hidden files, logs, and what editors leave beside a file while they save it. */
function isIgnored(name: string): boolean {
  return name === 'node_modules' || name.startsWith('.') || /~$|\.log$|^\d+$/.test(name);
}

/**
 * Whether it is the file that our own output goes to (`holdfast serve app.js --watch > server.log 2>&1`): telling of a
 * change of it would change it again, without end.
 */
function isOwnOutput(path: string): boolean {
  try {
    const file = statSync(path);
    return [1, 2].some((fd) => {
      const output = fstatSync(fd);
      return output.ino === file.ino && output.dev === file.dev;
    });
  } catch {
    // It has gone again, or there is no output.
    return false;
  }
}
