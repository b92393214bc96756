/**
 * The file around the report: one document that needs nothing else. Its policy lets exactly its own style and
 * script in, by their hashes, and nothing from anywhere; so even what would slip through the escaping could
 * neither run nor call home.
 */
import { createHash } from 'node:crypto';
import { html, type Markup, type Piece, trusted } from './markup.ts';
import { REPORT_SCRIPT } from './page-script.ts';
import { REPORT_STYLE } from './page-style.ts';

interface Page {
  readonly title: string;
  readonly content: Piece;
  /** Escapes it as the content of a `script` element that holds data. */
  readonly data: Markup;
}

export function drawPage(page: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${page.title}</title>
<link rel="icon" href="data:,">
<style>${trusted(REPORT_STYLE)}</style>
</head>
<body>
${page.content}
<script type="application/json" id="result">${page.data}</script>
<script>${trusted(REPORT_SCRIPT)}</script>
</body>
</html>
`.text;
}

/** Content Security Policy Level 3: a hash allows one inline element, byte for byte. */
function policy(): string {
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  return [
    "default-src 'none'",
    `style-src ${hash(REPORT_STYLE)}`,
    `script-src ${hash(REPORT_SCRIPT)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}
