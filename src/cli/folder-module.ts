/**
 * A folder as a module, so that every worker thread can make its own handler of it: the folder is in
 * the URL that this file is imported by (`?root=...`).
 */
import { openDisk } from '../files/disk.ts';
import { createFilesHandler } from '../files/handler.ts';
import { deferPlatform } from '../web/platform.ts';

const root = new URL(import.meta.url).searchParams.get('root');
if (root === null) throw new Error('folder-module: imported without ?root=');

// Nobody asks here whether an answer is `instanceof` the platform's Response.
deferPlatform(true);

/** People who serve a folder by hand expect to see what is in it. */
const handler = createFilesHandler(await openDisk(root), { listing: true });

export default handler;
