/**
 * Kernels and initial file systems that lie in a folder, as profiles: what is served when nobody has written a
 * `boot.toml`, and what its menu has besides. Pairs are found by the names that distributions give.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BootSource, Profile } from './boot-config.ts';

/** Mirrors of distributions keep kernels deeper, and are named by a profile. */
const DEPTH_MAX = 6;
const ENTRIES_MAX = 20_000;
/** A menu of more is none. */
const PROFILES_MAX = 64;

/** `vmlinuz-6.1.0-amd64`: Debian, Fedora; `linux`: Debian's installer, Arch; `bzImage`, `Image`: kernel builds; `kernel`: Nix, Flatcar. */
const KERNEL = /^(?:vmlinu[xz]|linux|bzImage|Image|kernel)(?:[-_.](.+?))?(?:\.gz)?$/;
const INITRD =
  /^(?:initrd|initramfs|rootfs)(?:\.img|\.gz|\.xz|\.zst|\.lz4|\.cpio)*(?:[-_](.+?))?(?:\.(?:img|gz|xz|zst|lz4|cpio))*$/;
const NOT_KERNEL = /\.(?:sig|asc|sha\d+|sha\d+sum|txt|efi|iso|img|part|config|map)$/;
const CHECKSUM = /\.(?:sig|asc|sha\d+|sha\d+sum|txt|part)$/;

/** Profiles by name, in the order of names. Folders that cannot be read have nothing in them. */
export async function findProfiles(folder: string): Promise<Map<string, Profile>> {
  const profiles = new Map<string, Profile>();
  let entriesLeft = ENTRIES_MAX;
  const look = async (path: string, depth: number): Promise<void> => {
    const entries = await readdir(join(folder, path), { withFileTypes: true }).catch(() => []);
    entries.sort((a, b) => (a.name < b.name ? -1 : 1));
    entriesLeft -= entries.length;
    const files = entries.filter((each) => !each.isDirectory()).map((each) => each.name);
    for (const profile of pairUp(path, files))
      if (profiles.size < PROFILES_MAX) profiles.set(profile.name, profile);
    if (depth === DEPTH_MAX || entriesLeft <= 0) return;
    for (const each of entries)
      if (each.isDirectory() && !each.name.startsWith('.')) await look(join(path, each.name), depth + 1);
  };
  await look('', 0);
  return profiles;
}

/** @param files names in one folder */
export function pairUp(path: string, files: readonly string[]): Profile[] {
  const initrds = files.filter((name) => INITRD.test(name) && !CHECKSUM.test(name));
  const kernels = files.filter((name) => KERNEL.test(name) && !NOT_KERNEL.test(name));
  return kernels.map((kernel) => {
    const version = KERNEL.exec(kernel)?.[1];
    const own = initrds.find((name) => INITRD.exec(name)?.[1] === version);
    const initrd = own ?? (kernels.length === 1 && initrds.length === 1 ? initrds[0] : undefined);
    const named = path === '' || kernels.length > 1 ? join(path, kernel) : path;
    return {
      name: named
        .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
        .replace(/^[._-]+/, '')
        .slice(0, 64),
      title: named,
      base: source(join(path, kernel), initrd === undefined ? [] : [join(path, initrd)]),
      byArch: new Map(),
      variables: {},
      documents: {},
    };
  });
}

function source(kernel: string, initrd: readonly string[]): BootSource {
  return { kernel, initrd, args: [], chain: undefined };
}
