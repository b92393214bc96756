/**
 * A copy of the built tree in which a fault is planted: nobody else's files are touched. One file is compiled anew for each
 * fault, by stripping its types, since no declaration changes.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { transformSync } from 'rolldown/experimental';
import { plant, ROOT } from './faults.mjs';

const COPIED = ['package.json', 'src', 'dist', 'dist-test', 'test', 'examples', 'docs', 'scripts'];
const OPTIONS = {
  lang: 'ts',
  target: 'es2023',
  typescript: { rewriteImportExtensions: 'rewrite', onlyRemoveTypeImports: true },
};

/** @returns JavaScript. @throws where it is no TypeScript */
export function compile(file, source) {
  const { code, errors } = transformSync(path.basename(file), source, OPTIONS);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0].message}`);
  return code;
}

export class PrivateCopy {
  folder = mkdtempSync(path.join(tmpdir(), 'holdfast-mutants-'));
  #undo = () => {};

  constructor() {
    for (const name of COPIED)
      cpSync(path.join(ROOT, name), path.join(this.folder, name), {
        recursive: true,
        verbatimSymlinks: true,
      });
    symlinkSync(path.join(ROOT, 'node_modules'), path.join(this.folder, 'node_modules'));
  }

  /** @param fault undefined for none */
  take(fault) {
    this.#undo();
    this.#undo = () => {};
    if (fault === undefined) return;
    const built = path.join(this.folder, fault.file.replace(/^src\//, 'dist/').replace(/\.ts$/, '.js'));
    const sound = readFileSync(built);
    this.#undo = () => writeFileSync(built, sound);
    writeFileSync(
      built,
      compile(fault.file, plant(fault, readFileSync(path.join(ROOT, fault.file), 'utf8'))),
    );
  }

  remove() {
    rmSync(this.folder, { recursive: true });
  }
}
