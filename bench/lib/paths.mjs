/** Where the benchmark keeps things: what it installs and builds is under `.cache/bench/`, out of git. */
import { fileURLToPath } from 'node:url';

const at = (relative) => fileURLToPath(new URL(relative, import.meta.url));

export const BENCH_DIR = at('../');
export const ROOT_DIR = at('../../');
export const CACHE_DIR = at('../../.cache/bench/');
export const CLIENT = `${CACHE_DIR}bin/client`;
export const BULK_CLIENT = `${CACHE_DIR}bin/bulk`;
export const FLOOR = `${CACHE_DIR}bin/floor`;
export const NPM_DIR = `${CACHE_DIR}npm/`;
export const BUN = `${NPM_DIR}node_modules/@oven/bun-linux-${process.arch === 'arm64' ? 'aarch64' : 'x64'}/bin/bun`;
