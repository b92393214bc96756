/** The blocks of TypeScript and JavaScript in a page of Markdown. */

const LANGUAGES = { js: 'js', mjs: 'js', javascript: 'js', ts: 'ts', mts: 'ts', typescript: 'ts' };

/**
 * @param text of the page
 * @returns in order: the line of its opening (from 1), `js` or `ts`, the file name that it gives itself, whether it
 *   is marked as a fragment, and its text
 */
export function blocksOf(text) {
  const blocks = [];
  let open;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const fence = /^(\s*)(`{3,}|~{3,})\s*(.*?)\s*$/.exec(line);
    if (open === undefined) {
      if (fence !== null) open = opened(fence, index + 1);
    } else if (fence !== null && fence[3] === '' && fence[2].startsWith(open.fence)) {
      if (open.language !== undefined) blocks.push({ ...open.block, text: open.lines.join('\n') });
      open = undefined;
    } else {
      open.lines.push(line);
    }
  }
  return blocks;
}

function opened([, , fence, info], line) {
  const [word = '', ...rest] = info.split(/\s+/);
  const language = LANGUAGES[word];
  const isFragment = rest.includes('fragment');
  const name = rest.find((each) => /^[\w-]+\.[cm]?[jt]s$/.test(each));
  return { fence, language, lines: [], block: { line, language, name, isFragment } };
}
