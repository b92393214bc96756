/** What `files()` loads when it is called, and a program that serves no folder never does. */
import { diskAt } from './disk.ts';
import { FolderAnswers } from './handler.ts';
import type { FilesSettings } from './options.ts';
import type { Root } from './root.ts';

export function servedFolder(root: Root, settings: FilesSettings): FolderAnswers {
  return new FolderAnswers(diskAt(root, settings), settings, Date.now);
}
