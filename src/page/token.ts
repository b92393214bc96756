/**
 * The token, as far as the page keeps it: for this tab and this origin, port included, until the tab is closed. It comes
 * from the form, or from a link that ends in `#token=…`, which no server ever sees; it is taken out of the address at once.
 */

const KEY = 'holdfast-admin-token';

export function takeTokenOfAddress(): void {
  const match = /^#token=(.+)$/.exec(location.hash);
  if (match === null) return;
  keepToken(decodeURIComponent(match[1]!));
  history.replaceState(null, '', location.pathname + location.search);
}

export function keptToken(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

export function keepToken(token: string): void {
  sessionStorage.setItem(KEY, token);
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY);
}
