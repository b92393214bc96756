/**
 * Planted faults: a file each, with a sentence, a source file, and what is put in the place of what. Reads them, and makes the
 * source that has one. What is replaced must stand in the source exactly once, or the fault is not the one that was meant.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const FOLDER = path.join(ROOT, 'bench/mutants/faults');
const FORM =
  /^(?<sentence>[^\n]+\.)\n\nfile: (?<file>src\/\S+\.ts)\nwas:\n(?<was>[\s\S]+?\n)becomes:\n(?<becomes>[\s\S]*?)end\n$/;

/** @returns {{ id: string, area: string, sentence: string, file: string, was: string, becomes: string }[]} in order */
export function readFaults() {
  return readdirSync(FOLDER)
    .sort()
    .flatMap((area) =>
      readdirSync(path.join(FOLDER, area))
        .sort()
        .map((name) => parse(area, name, readFileSync(path.join(FOLDER, area, name), 'utf8'))),
    );
}

function parse(area, name, text) {
  const match = FORM.exec(text);
  if (match === null || !name.endsWith('.mutant'))
    throw new Error(`bench/mutants/faults/${area}/${name} is no fault; see bench/mutants/README.md`);
  return { id: `${area}/${name.slice(0, -'.mutant'.length)}`, area, ...match.groups };
}

/** @returns the source with the fault. @throws where what it replaces does not stand there exactly once */
export function plant({ id, file, was, becomes }, source) {
  const parts = source.split(was);
  if (parts.length !== 2)
    throw new Error(`${id}: what it replaces stands ${parts.length - 1} times in ${file}; write it anew`);
  return parts.join(becomes);
}
