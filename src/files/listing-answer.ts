/**
 * The answer that shows a folder, as a page or as JSON. A short list is one piece with a length. A long one is a stream whose
 * rows are looked up and written when the reader takes them: what waits for a slow reader is one piece,
 * and no turn of the loop is longer for a folder of a hundred thousand files than for one of a hundred.
 */
import { Response } from '../web/response.ts';
import type { FilesRequest } from './file-answer.ts';
import { LISTING_CONTENT_SECURITY_POLICY, type ListingText, listingPage } from './listing.ts';
import { listingJson, prefersJson } from './listing-json.ts';
import { entriesIn, type ListingOrder, NAMES_A_PART, orderOf } from './listing-order.ts';
import { queryOf } from './path.ts';
import type { Listing, RawPath } from './source.ts';

/** Takes over `listing`: it is closed on return, or by the body that is returned. */
export async function answerListing(
  request: FilesRequest,
  path: RawPath,
  listing: Listing,
): Promise<Response> {
  const { method } = request;
  const order = orderOf(queryOf(request.url));
  const isJson = prefersJson(request.headers.get('accept'));
  const text = isJson ? listingJson(path) : listingPage(path, order);
  const headers: Record<string, string> = {
    'content-type': text.contentType,
    'cache-control': 'no-cache',
    'content-security-policy': LISTING_CONTENT_SECURITY_POLICY,
    'x-content-type-options': 'nosniff',
    vary: 'accept',
  };
  if (listing.count > NAMES_A_PART) {
    if (method !== 'HEAD') return new Response(streamListing(listing, text, order), { headers });
    listing.close();
    return new Response(null, { headers });
  }
  try {
    let rows = '';
    for await (const entries of entriesIn(listing, order)) rows += text.rows(entries);
    const bytes = new TextEncoder().encode(`${text.head()}${rows}${text.foot(rows === '', listing.isCut)}`);
    headers['content-length'] = String(bytes.length);
    return new Response(method === 'HEAD' ? null : bytes, { headers });
  } finally {
    listing.close();
  }
}

function streamListing(listing: Listing, text: ListingText, order: ListingOrder): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const parts = entriesIn(listing, order);
  let isBegun = false;
  let isEmpty = true;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          let out = isBegun ? '' : text.head();
          isBegun = true;
          let isOver = false;
          // All names of a part may have gone meanwhile; a stream that is asked for a piece must give one.
          do {
            const { done = false, value } = await parts.next();
            isOver = done;
            const rows = value === undefined ? '' : text.rows(value);
            if (rows !== '') isEmpty = false;
            out += rows;
          } while (out === '' && !isOver);
          if (isOver) out += text.foot(isEmpty, listing.isCut);
          controller.enqueue(encoder.encode(out));
          if (!isOver) return;
          listing.close();
          controller.close();
        } catch (error) {
          listing.close();
          throw error;
        }
      },
      cancel() {
        listing.close();
      },
    },
    { highWaterMark: 0 },
  );
}
