/**
 * Lists of URLs as siege's files have them: one a line, `#` comments, `NAME=value` and `$(NAME)` or
 * `${NAME}`, and after a URL a method with a body: `POST name=value`, or `POST <file`. Pure: a body in a
 * file is named, not read.
 */
import { OptionError } from '../../base/errors.ts';
import { withoutPassword } from './target-address.ts';

export interface ListedUrl {
  readonly url: string;
  /** Undefined where the line names none. */
  readonly method: string | undefined;
  readonly body: string | undefined;
  /** The body is what this file holds. */
  readonly bodyFile: string | undefined;
}

/** siege's own; it takes what follows any of them for the body. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const LINE = new RegExp(`^(\\S+)(?:\\s+(${METHODS.join('|')})(?:\\s+(.*))?)?$`);
const ASSIGNMENT = /^([A-Za-z_]\w*)\s*=\s*(.*)$/;
const VARIABLE = /\$(?:\((\w+)\)|\{(\w+)\})/g;

/**
 * @param name of the file, for errors
 * @throws OptionError naming the line
 */
export function parseUrlList(text: string, name: string): ListedUrl[] {
  const variables = new Map<string, string>();
  const found: ListedUrl[] = [];
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const at = `${name}:${index + 1}`;
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const assignment = ASSIGNMENT.exec(line);
    if (assignment !== null && !/^https?:/i.test(line)) {
      variables.set(assignment[1]!, substitute(assignment[2]!, variables, at));
      continue;
    }
    found.push(parseListedUrl(substitute(line, variables, at), at));
  }
  if (found.length === 0) throw new OptionError(name, '', 'it holds at least one URL');
  return found;
}

/** One URL with what may follow it: `http://host/path POST a=b`. */
export function parseListedUrl(line: string, at: string): ListedUrl {
  const match = LINE.exec(line);
  if (match === null)
    throw new OptionError(
      at,
      withoutPassword(line),
      `a line is URL, or URL METHOD BODY with one of ${METHODS.join(' ')}`,
    );
  const [, url, method, body] = match;
  const isFile = body?.startsWith('<') === true;
  return {
    url: url!,
    method,
    body: isFile || body === undefined || body === '' ? undefined : body,
    bodyFile: isFile ? body.slice(1).trim() : undefined,
  };
}

function substitute(text: string, variables: ReadonlyMap<string, string>, at: string): string {
  return text.replace(VARIABLE, (_, round: string | undefined, curly: string | undefined) => {
    const variable = (round ?? curly)!;
    const value = variables.get(variable);
    if (value === undefined)
      throw new OptionError(
        at,
        withoutPassword(text),
        `${variable} is set on a line before, as ${variable}=value`,
      );
    return value;
  });
}
