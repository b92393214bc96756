/**
 * A folder as a module, so that every worker thread can make its own handler of it: the folder is in
 * the URL that this file is imported by (`?root=...&options=...`).
 */
import { files } from '../files/files.ts';
import type { FilesOptions } from '../files/options.ts';
import { deferPlatform } from '../web/platform.ts';

const { searchParams } = new URL(import.meta.url);
const root = searchParams.get('root');
if (root === null) throw new Error('folder-module: imported without ?root=');

// Nobody asks here whether an answer is `instanceof` the platform's Response.
deferPlatform(true);

const options = JSON.parse(searchParams.get('options') ?? '{}') as FilesOptions;

/** People who serve a folder by hand expect to see what is in it. */
const handler = files(root, { listing: true, ...options });

export default handler;
