/** Text and bytes that options give by themselves or by the path of a file; notes the paths, for whoever reads them anew. */
import { closeSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { OptionError } from '../base/errors.ts';

const PEM_ALLOWED = 'PEM text, or the path of a file that holds it';
const DER_ALLOWED = 'bytes of DER, or the path of a file that holds them';
/** A path is shorter (PATH_MAX), and text that is longer was meant as something else. */
const PATH_CHARACTERS_MAX = 4096;

export class TlsFiles {
  /** What was read, by its path, with what tells whether it has changed. What is no file, as a pipe, is read once. */
  readonly seen = new Map<string, string>();

  /** @throws OptionError naming the option */
  pem(option: string, given: unknown): string {
    const isBytes = given instanceof Uint8Array;
    if (!isBytes && (typeof given !== 'string' || given === ''))
      throw new OptionError(option, given, PEM_ALLOWED);
    const text = isBytes ? new TextDecoder().decode(given) : given;
    if (text.includes('-----BEGIN ')) return text;
    if (isBytes || text.includes('\n') || text.length > PATH_CHARACTERS_MAX)
      throw new OptionError(option, '(no PEM)', PEM_ALLOWED);
    const read = this.#read(option, text, PEM_ALLOWED).toString('utf8');
    if (!read.includes('-----BEGIN '))
      throw new OptionError(option, text, `${PEM_ALLOWED}; this file holds no PEM`);
    return read;
  }

  /** Several, one text of them all. @throws OptionError */
  pems(option: string, given: unknown): string {
    if (!Array.isArray(given)) return this.pem(option, given);
    if (given.length === 0) throw new OptionError(option, given, `${PEM_ALLOWED}, or a list of these`);
    return given.map((each, index) => this.pem(`${option}[${index}]`, each)).join('\n');
  }

  /** @throws OptionError */
  bytes(option: string, given: unknown): Uint8Array {
    if (given instanceof Uint8Array) return given;
    if (typeof given !== 'string' || given === '' || given.length > PATH_CHARACTERS_MAX)
      throw new OptionError(option, given, DER_ALLOWED);
    return this.#read(option, given, DER_ALLOWED);
  }

  #read(option: string, path: string, allowed: string): Buffer {
    try {
      const fd = openSync(path, 'r');
      try {
        const stats = fstatSync(fd);
        if (stats.isFile()) this.seen.set(path, stampOf(stats));
        return readFileSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new OptionError(option, path, `${allowed}; the file cannot be read (${code})`);
    }
  }
}

/** Differs for another file, and for one that was written to. */
export function stampOf({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${dev}:${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}
