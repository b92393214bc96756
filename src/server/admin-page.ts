/** The admin page as it is sent: with the policy that lets it run its own script and style, ask its own server, and nothing else. */
import { createHash } from 'node:crypto';
import { pageText } from './page-text.ts';

export interface AdminPage {
  readonly html: string;
  /** The value of Content-Security-Policy. */
  readonly policy: string;
}

export function makeAdminPage(): AdminPage {
  const html = pageText();
  const policy = [
    "default-src 'none'",
    `script-src ${hashOf(html, 'script')}`,
    `style-src ${hashOf(html, 'style')}`,
    "connect-src 'self'",
    'img-src data:',
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ];
  return { html, policy: policy.join('; ') };
}

/** Hashes the content of the one element of that name. */
function hashOf(html: string, element: string): string {
  const start = html.indexOf(`<${element}>`) + element.length + 2;
  const content = html.slice(start, html.indexOf(`</${element}>`, start));
  return `'sha256-${createHash('sha256').update(content).digest('base64')}'`;
}
