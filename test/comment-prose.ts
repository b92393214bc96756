/**
 * The sentences of comments, and a heuristic for those that a reader whose first language is another stumbles over: they
 * open with a word that promises a clause, and no verb comes. It knows a few words and endings and no grammar, and is made to
 * miss some rather than to blame a good sentence.
 */

export interface Comment {
  readonly line: number;
  readonly text: string;
}

/** A paragraph of a comment is one; so is the text behind a tag, an item of a list, a row of a table, a picture. */
export function commentsOf(source: string): Comment[] {
  const found: Comment[] = [];
  let isInBlock = false;
  let isOpen = false;
  const add = (line: number, text: string): void => {
    const last = found.at(-1);
    if (isOpen && last !== undefined)
      found[found.length - 1] = { line: last.line, text: `${last.text} ${text}` };
    else found.push({ line, text });
    isOpen = true;
  };
  for (const [index, line] of source.split('\n').entries()) {
    const blockAt: number = isInBlock ? 0 : line.search(/(?:^|\s)\/\*/);
    const lineAt = isInBlock ? -1 : line.search(/(?:^|\s)\/\/ /);
    if (blockAt >= 0 && (lineAt < 0 || blockAt <= lineAt)) {
      if (!isInBlock) isOpen = false;
      const [inner, behind]: (string | undefined)[] = line.slice(blockAt).split('*/');
      const text = inner!.replace(/^\s*(?:\/\*+|\*)? ?/, '');
      // What is indented, tagged or drawn is no part of the sentence before it.
      if (/^(?:@| {2}|[-|#])/.test(text) || text.trim() === '') isOpen = false;
      if (text.trim() !== '') add(index + 1, text.replace(/^@(?:param \S+|\w+)\s*/, ''));
      isInBlock = behind === undefined;
      if (!isInBlock) isOpen = false;
    } else if (lineAt >= 0) {
      const isAlone = line.slice(0, lineAt).trim() === '';
      if (!isAlone) isOpen = false;
      add(index + 1, line.slice(lineAt).replace(/^\s*\/\/ /, ''));
      isOpen = isAlone;
    } else isOpen = false;
  }
  return found;
}

export function sentencesOf({ text }: Comment): string[] {
  return text
    .replace(/`[^`]*`/g, (code) => code.replace(/[.?!]/g, '_'))
    .replace(/\s+/g, ' ')
    .trim()
    .split(/(?<=[.!?])\s+(?=[A-Z`'(])/);
}

/** What is surely a verb with a subject, as far as it is known here. */
const FINITE = `(?:${[
  'is|are|was|were|has|have|had|do|does|did|can|cannot|could|may|might|must|shall|should|will|would',
  "(?:is|are|was|were|do|does|did|has|have|ca|wo|would|should)n't",
  '(?:answer|arrive|ask|become|begin|belong|bring|call|carry|close|come|cost|count|cut|decide|differ|end|fall|fit|get|give|go',
  '|grow|happen|hold|keep|know|last|lead|leave|let|lie|live|look|lose|make|matter|mean|meet|move|need|occupy|open',
  '|pass|pay|put|reach|read|remain|say|see|send|serve|set|share|show|sit|speak|stand|start|stay|stop|take|tell|use|wait|want',
  '|win|work|write)(?:s|es)?',
  'went|came|gave|got|took|told|made|kept|left|held|sent|found|began|became|stood|lay|ran|knew|saw|said|wrote|brought|grew',
  'lost|met|fell|won|spoke',
]
  .join('|')
  .replaceAll('||', '|')})`;
const VERB = new RegExp(`\\b${FINITE}\\b`);
/** Beside these an infinitive will do, and a word that has an ending of verbs; plurals have it too, and pass. */
const ANY_VERB = new RegExp(
  `\\b(?:${FINITE}|to [a-z]{2,}|(?!its\\b|this\\b|always\\b|perhaps\\b)[a-z]{2,}(?:[^s'u]s|ed))\\b`,
);
/** Clauses within a sentence, whose verbs are not its own. */
const INNER_CLAUSE = /\b(?:that|which|who|whose|whom|than|as|if|when|where|while|because|since)\b[^,;:.]*/g;

/** Whether the sentence opens as a clause would, and its own verb never comes. */
export function lacksVerb(sentence: string): boolean {
  const [opening, ...words] = sentence.split(' ');
  const rest = words.join(' ');
  switch (opening) {
    case 'Who':
      // Whoever it is, `Whoever` says so; a question may ask.
      return !rest.endsWith('?');
    case 'As': {
      // The clause that it opens has to end before another one says what happens.
      const [, ...behind] = rest.split(/[,;:]/);
      return !VERB.test(behind.join(',').replaceAll(INNER_CLAUSE, ''));
    }
    case 'Of':
      return !VERB.test(rest.replaceAll(INNER_CLAUSE, ''));
    case 'What':
    case 'Where':
    case 'Which':
    case 'How':
    case 'When':
    case 'Whether':
    case 'Whose':
    case 'Whom':
      return !ANY_VERB.test(rest);
    default:
      return false;
  }
}
