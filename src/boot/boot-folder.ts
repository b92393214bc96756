/**
 * The folder of a boot server: its `boot.toml`, the kernels found beside it, and its templates. A configuration that
 * cannot be used leaves the last good one in place; a server does not start with a broken one.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BootConfig, configOfFound, type Profile, parseBootConfig } from './boot-config.ts';
import { BootConfigError } from './config-reader.ts';
import { findProfiles } from './found-profiles.ts';

export const CONFIG_NAME = 'boot.toml';

/** A kernel that was just copied is in the menu after this long; a hundred machines that boot at once look once. */
const FOUND_KEPT_MS = 2000;
/** What a machine is told about itself; installers' longest are some tens of KiB. */
const TEMPLATE_BYTES_MAX = 1024 * 1024;

export class BootFolder {
  readonly path: string;
  readonly #now: () => number;
  #text: string | undefined;
  #config: BootConfig;
  #foundAtMs: number;

  private constructor(path: string, text: string | undefined, config: BootConfig, now: () => number) {
    this.path = path;
    this.#text = text;
    this.#config = config;
    this.#now = now;
    this.#foundAtMs = now();
  }

  /** @throws BootConfigError; errors of the file system for a `boot.toml` that cannot be read */
  static async open(path: string, now: () => number = Date.now): Promise<BootFolder> {
    const text = await readConfig(path);
    return new BootFolder(path, text, configOf(text, await findProfiles(path)), now);
  }

  /** What is in force, with the kernels that lie there now. */
  async config(): Promise<BootConfig> {
    if (this.#now() - this.#foundAtMs >= FOUND_KEPT_MS) {
      this.#foundAtMs = this.#now();
      try {
        this.#config = configOf(this.#text, await findProfiles(this.path));
      } catch (error) {
        // A rule names a kernel that was found and is gone by now: `reload` tells of it, machines get what they got.
        if (!(error instanceof BootConfigError)) throw error;
      }
    }
    return this.#config;
  }

  /**
   * Reads `boot.toml` anew. What it throws leaves the last good one in force.
   * @throws as `open`
   */
  async reload(): Promise<void> {
    const text = await readConfig(this.path);
    this.#config = configOf(text, await findProfiles(this.path));
    this.#text = text;
    this.#foundAtMs = this.#now();
  }

  /** @throws errors of the file system */
  async template(name: string): Promise<string> {
    const bytes = await readFile(join(this.path, name));
    if (bytes.length > TEMPLATE_BYTES_MAX)
      throw new RangeError(`${name}: ${bytes.length} bytes are no template; at most ${TEMPLATE_BYTES_MAX}`);
    return bytes.toString('utf8');
  }
}

function configOf(text: string | undefined, found: ReadonlyMap<string, Profile>): BootConfig {
  return text === undefined ? configOfFound(found) : parseBootConfig(text, CONFIG_NAME, found);
}

async function readConfig(path: string): Promise<string | undefined> {
  try {
    return await readFile(join(path, CONFIG_NAME), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
