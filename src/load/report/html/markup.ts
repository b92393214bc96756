/**
 * Text that is known to be HTML. The `html` tag escapes whatever it is given, unless that is Markup
 * already; so what came from outside (addresses, names of errors, a script's checks) can only become text,
 * and nobody has to remember to escape. Knows no page.
 */

export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes: `undefined` and `false` leave nothing, lists are joined. */
export type Piece = Markup | string | number | undefined | false | readonly Piece[];

/** Pieces may stand where text stands, or inside of an attribute's double quotes: nowhere else. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Markup {
  let text = strings[0]!;
  for (let i = 0; i < pieces.length; i++) text += render(pieces[i]) + strings[i + 1]!;
  return new Markup(text);
}

/** Our own style and script: never anything that came from outside. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function render(piece: Piece): string {
  if (piece === undefined || piece === false) return '';
  if (piece instanceof Markup) return piece.text;
  if (typeof piece === 'object') return piece.map(render).join('');
  return escapeText(String(piece));
}

/**
 * Control characters, which HTML forbids, and the characters that change the direction of writing, with
 * which one address can be made to look like another (Unicode UAX #9), are shown as the replacement
 * character.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding these is what it is for
const UNSHOWABLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeText(text: string): string {
  return text.replace(UNSHOWABLE, '\ufffd').replace(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** JSON as the content of a `script` element: `<` is written so that nothing in it can end the element. */
export function jsonForScript(value: unknown): Markup {
  return new Markup(JSON.stringify(value).replaceAll('<', '\\u003c'));
}
