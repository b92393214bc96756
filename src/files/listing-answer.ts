/**
 * The answer that shows a folder. A short list is one piece with a length. A long one is a stream whose
 * rows are looked up and written when the reader takes them: what waits for a slow reader is one piece,
 * and no turn of the loop is longer for a folder of fifty thousand files than for one of a hundred.
 */
import { Response } from '../web/response.ts';
import { LISTING_CONTENT_SECURITY_POLICY, listingFoot, listingHead, listingRows } from './listing.ts';
import type { Listing, RawPath } from './source.ts';

/** Names a piece: some 30 KiB, a quarter of a millisecond. */
const NAMES_A_PIECE = 200;

/** Takes over `listing`: it is closed on return, or by the body that is returned. */
export async function answerListing(method: string, path: RawPath, listing: Listing): Promise<Response> {
  const headers: Record<string, string> = {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-cache',
    'content-security-policy': LISTING_CONTENT_SECURITY_POLICY,
    'x-content-type-options': 'nosniff',
  };
  if (listing.count > NAMES_A_PIECE) {
    if (method !== 'HEAD') return new Response(streamListing(path, listing), { headers });
    listing.close();
    return new Response(null, { headers });
  }
  try {
    const rows = listingRows(await listing.describe(0, listing.count));
    const page = `${listingHead(path)}${rows}${listingFoot(rows === '', listing.isCut)}`;
    const bytes = new TextEncoder().encode(page);
    headers['content-length'] = String(bytes.length);
    return new Response(method === 'HEAD' ? null : bytes, { headers });
  } finally {
    listing.close();
  }
}

function streamListing(path: RawPath, listing: Listing): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let at = 0;
  let isEmpty = true;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          let text = at === 0 ? listingHead(path) : '';
          // All names of a part may have gone meanwhile; a stream that is asked for a piece must give one.
          do {
            const to = Math.min(at + NAMES_A_PIECE, listing.count);
            const rows = listingRows(await listing.describe(at, to));
            if (rows !== '') isEmpty = false;
            text += rows;
            at = to;
          } while (text === '' && at < listing.count);
          if (at === listing.count) text += listingFoot(isEmpty, listing.isCut);
          controller.enqueue(encoder.encode(text));
          if (at < listing.count) return;
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
