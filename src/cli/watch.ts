/**
 * Watches files of which a served module is made. Their folders are watched, not they themselves, since most editors
 * save by writing another file and renaming it; and the folders above, since a build may remove one and make it again.
 * Whatever else changes there means nothing.
 */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname, extname, join, relative, sep } from 'node:path';
import { type LoadedFile, versionOf } from '../server/loaded-files.ts';

export interface Watch {
  /** Watches one more file. It counts as changed if it is not of that version any more. */
  add(file: LoadedFile): void;
  /**
   * @param listener called with the changed names, relative to the folder, once things have settled; also
   *   with what changed before anybody listened
   */
  onChange(listener: (changed: readonly string[]) => void): void;
  close(): void;
}

/** Editors save in several steps; one reload shall do for all of them. */
const SETTLE_MS = 60;

/** What matters in one folder. */
class WatchedFolder {
  readonly files = new Set<string>();
  /** Folders in which something matters. */
  readonly folders = new Set<string>();
  /** Names, without extension, of what was looked for in vain. */
  readonly missing = new Set<string>();
  watcher: FSWatcher | undefined;

  matters(name: string, isRename: boolean): boolean {
    return (
      this.files.has(name) ||
      (isRename && (this.folders.has(name) || this.missing.has(basename(name, extname(name)))))
    );
  }
}

/** @param root the module's folder: within it, folders that come and go are noticed as well */
export function watchFiles(root: string): Watch {
  const folders = new Map<string, WatchedFolder>();
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let listener: ((changed: readonly string[]) => void) | undefined;

  const settle = (path: string): void => {
    changed.add(relative(root, path));
    clearTimeout(timer);
    timer = setTimeout(tell, SETTLE_MS);
  };
  const tell = (): void => {
    if (listener === undefined || changed.size === 0) return;
    const names = [...changed].sort();
    changed.clear();
    listener(names);
  };
  const open = (path: string, folder: WatchedFolder): void => {
    folder.watcher?.close();
    folder.watcher = undefined;
    try {
      folder.watcher = watch(path, { persistent: false }, (event, name) => {
        if (name === null || !folder.matters(name, event === 'rename')) return;
        if (folder.folders.has(name)) openBelow(join(path, name));
        settle(join(path, name));
      });
      folder.watcher.on('error', () => folder.watcher?.close());
    } catch {
      // It is not there: when it comes, the folder above tells.
    }
  };
  const openBelow = (changedPath: string): void => {
    for (const [path, folder] of folders)
      if (path === changedPath || path.startsWith(changedPath + sep)) open(path, folder);
  };
  const folderAt = (path: string): WatchedFolder => {
    let folder = folders.get(path);
    if (folder === undefined) {
      folder = new WatchedFolder();
      folders.set(path, folder);
      open(path, folder);
    }
    return folder;
  };
  /** The folders from this one up to the root's own. */
  const addFolder = (path: string): void => {
    const isWithin = path === root || path.startsWith(root + sep);
    if (!isWithin || path === dirname(path)) return;
    folderAt(dirname(path)).folders.add(basename(path));
    addFolder(dirname(path));
  };

  return {
    add({ path, version }) {
      const folder = folderAt(dirname(path));
      const name = basename(path);
      if (folder.files.has(name)) return;
      folder.files.add(name);
      if (version === undefined) folder.missing.add(basename(name, extname(name)));
      addFolder(dirname(path));
      if (versionOf(path) !== version) settle(path);
    },
    onChange(call) {
      listener = call;
      tell();
    },
    close() {
      clearTimeout(timer);
      for (const { watcher } of folders.values()) watcher?.close();
      folders.clear();
    },
  };
}
