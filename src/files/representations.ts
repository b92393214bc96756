/**
 * Which form of a file is sent: as it is, or compressed, by a file beside it (`app.js.br`) or when it is asked for. Each
 * form is a file of its own, with a tag of its own; what differs by client is told (RFC 9110 §12.5.5).
 */
import { type Coding, CodingsRead } from './accept-encoding.ts';
import { type Compressor, compressibleCodings } from './compressor.ts';
import { isCompressible } from './content-type.ts';
import type { FileSource, OpenFile, RawPath } from './source.ts';

export interface Representation {
  readonly file: OpenFile;
  readonly coding: Coding | undefined;
  /** Others may get another form of it. */
  readonly varies: boolean;
}

const SUFFIX: Readonly<Record<Coding, string>> = { br: '.br', zstd: '.zst', gzip: '.gz' };

/** A copy writes one file after the other; one that is older than this by its neighbour was made of what the file held before. */
const OLDER_MS_MAX = 2000;

/** Names that are remembered to have compressed neighbours. */
const NEIGHBOURED_MAX = 4096;

export class Representations {
  readonly #source: FileSource;
  /** undefined where neighbours are not looked for. */
  readonly #neighboured: Set<RawPath> | undefined;
  readonly #compressor: Compressor | undefined;
  readonly #codings = new CodingsRead();
  readonly #made: readonly Coding[];

  constructor(source: FileSource, precompressed: boolean, compressor: Compressor | undefined) {
    this.#source = source;
    this.#neighboured = precompressed ? new Set() : undefined;
    this.#compressor = compressor;
    this.#made = compressor === undefined ? [] : compressibleCodings();
  }

  /**
   * Takes over `file`: it is the one that is returned, or it is closed.
   * @param accepted the field Accept-Encoding
   */
  choose(
    path: RawPath,
    file: OpenFile,
    contentType: string,
    accepted: string | null,
  ): Representation | Promise<Representation> {
    if ((this.#neighboured === undefined && this.#compressor === undefined) || !isCompressible(contentType))
      return { file, coding: undefined, varies: false };
    const codings = this.#codings.of(accepted);
    if (codings.length === 0) return this.#plain(path, file);
    const kept = this.#kept(path, file, codings);
    return kept ?? this.#choose(path, file, codings);
  }

  /**
   * Names that would have been sent in the place of `path`, had they led anywhere: none where nothing is.
   * @returns undefined where that cannot be said, or what is sent depends on more
   */
  passedOver(path: RawPath, contentType: string, accepted: string | null): readonly RawPath[] | undefined {
    const isFixed = this.#neighboured === undefined || !isCompressible(contentType);
    if (isFixed && this.#compressor === undefined) return [];
    if (isFixed || this.#compressor !== undefined || this.#neighboured?.has(path) !== false) return undefined;
    return this.#codings.of(accepted).map((coding) => path + SUFFIX[coding]);
  }

  hasNeighbour(path: RawPath): boolean {
    return this.#neighboured?.has(path) === true;
  }

  #plain(path: RawPath, file: OpenFile): Representation {
    return { file, coding: undefined, varies: this.#varies(path, file) };
  }

  #varies(path: RawPath, file: OpenFile): boolean {
    return this.#neighboured?.has(path) === true || this.#compressor?.takes(file) === true;
  }

  /** What can be had without waiting, if it is known to be the best. */
  #kept(path: RawPath, file: OpenFile, codings: readonly Coding[]): Representation | undefined {
    // To close a file is to wait.
    if (file.content === undefined) return undefined;
    if (this.#neighboured !== undefined) {
      for (const coding of codings) {
        const neighbour = this.#source.openKept(path + SUFFIX[coding]);
        if (neighbour === undefined) return undefined;
        if (neighbour !== 'missing' && isAsNew(neighbour, file))
          return { file: neighbour, coding, varies: true };
      }
    }
    if (this.#compressor?.takes(file) !== true) return this.#plain(path, file);
    for (const coding of codings) {
      if (!this.#made.includes(coding)) continue;
      const made = this.#compressor.compressed(path, file, coding);
      if (made instanceof Promise) return undefined;
      return made === null ? this.#plain(path, file) : { file: made, coding, varies: true };
    }
    return this.#plain(path, file);
  }

  async #choose(path: RawPath, file: OpenFile, codings: readonly Coding[]): Promise<Representation> {
    let isHandedOver = false;
    try {
      const chosen =
        (await this.#neighbour(path, file, codings)) ?? (await this.#compressed(path, file, codings));
      if (chosen !== undefined) return chosen;
      isHandedOver = true;
      return this.#plain(path, file);
    } finally {
      if (!isHandedOver) await file.close();
    }
  }

  async #neighbour(
    path: RawPath,
    file: OpenFile,
    codings: readonly Coding[],
  ): Promise<Representation | undefined> {
    if (this.#neighboured === undefined) return undefined;
    for (const coding of codings) {
      const opened = await this.#source.open(path + SUFFIX[coding]);
      if (opened.kind !== 'file') continue;
      if (isAsNew(opened.file, file)) {
        if (this.#neighboured.size >= NEIGHBOURED_MAX) this.#neighboured.clear();
        this.#neighboured.add(path);
        return { file: opened.file, coding, varies: true };
      }
      await opened.file.close();
    }
    return undefined;
  }

  async #compressed(
    path: RawPath,
    file: OpenFile,
    codings: readonly Coding[],
  ): Promise<Representation | undefined> {
    const compressor = this.#compressor;
    const coding = codings.find((each) => this.#made.includes(each));
    if (compressor === undefined || coding === undefined || !compressor.takes(file)) return undefined;
    const made = await compressor.compressed(path, file, coding);
    return made === null ? undefined : { file: made, coding, varies: true };
  }
}

/** Not made of an earlier content of the file. */
function isAsNew(neighbour: OpenFile, file: OpenFile): boolean {
  return neighbour.modifiedMs >= file.modifiedMs - OLDER_MS_MAX;
}
