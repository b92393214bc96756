/**
 * A TOML text as plain values, with the line on which each key stands, so that whoever finds a value wrong can say where.
 * It knows TOML, by a library, and nothing of what the keys mean.
 */
import { type AST, getStaticTOMLValue, ParseError, parseTOML } from 'toml-eslint-parser';

/** Keys and indexes from the top: `['machines', 0, 'match']`. */
export type TomlPath = readonly (string | number)[];

export interface TomlDocument {
  readonly value: Readonly<Record<string, unknown>>;
  /** The line of the key, or of the nearest key around it that stands in the text. Lines count from 1. */
  lineOf(path: TomlPath): number;
}

/** The text is no TOML. */
export class TomlSyntaxError extends Error {
  override readonly name = 'TomlSyntaxError';
  readonly code = 'HOLDFAST_TOML_SYNTAX';
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/** @throws TomlSyntaxError */
export function readToml(text: string): TomlDocument {
  const program = parse(text);
  const lines = new Map<string, number>();
  const note = (path: TomlPath, line: number): void => {
    const key = JSON.stringify(path);
    if (!lines.has(key)) lines.set(key, line);
  };
  for (const node of program.body[0].body) {
    if (node.type === 'TOMLTable') {
      note(node.resolvedKey, node.loc.start.line);
      for (const each of node.body) notePair(each, node.resolvedKey, note);
    } else notePair(node, [], note);
  }
  return {
    value: getStaticTOMLValue(program) as Record<string, unknown>,
    lineOf(path) {
      for (let length = path.length; length > 0; length--) {
        const line = lines.get(JSON.stringify(path.slice(0, length)));
        if (line !== undefined) return line;
      }
      return 1;
    },
  };
}

function parse(text: string): AST.TOMLProgram {
  try {
    return parseTOML(text, { tomlVersion: '1.0' });
  } catch (error) {
    if (error instanceof ParseError) throw new TomlSyntaxError(error.message, error.lineNumber);
    throw error;
  }
}

type Note = (path: TomlPath, line: number) => void;

function notePair(pair: AST.TOMLKeyValue, base: TomlPath, note: Note): void {
  const path = [...base, ...pair.key.keys.map((key) => (key.type === 'TOMLBare' ? key.name : key.value))];
  note(path, pair.loc.start.line);
  noteContent(pair.value, path, note);
}

function noteContent(value: AST.TOMLContentNode, path: TomlPath, note: Note): void {
  if (value.type === 'TOMLInlineTable') for (const pair of value.body) notePair(pair, path, note);
  else if (value.type === 'TOMLArray')
    for (const [index, element] of value.elements.entries()) {
      note([...path, index], element.loc.start.line);
      noteContent(element, [...path, index], note);
    }
}
