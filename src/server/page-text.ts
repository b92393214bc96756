/**
 * The admin page as one document, which scripts/bundle.mjs makes of src/page/. In what is shipped it is a part of this
 * module: the bundler puts it in the place of the function below.
 */
import { readFileSync } from 'node:fs';

export function pageText(): string {
  return readFileSync(new URL('../page/page.html', import.meta.url), 'utf8');
}
