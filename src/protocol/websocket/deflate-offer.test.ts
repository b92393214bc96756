/** Offers of compression, by the rules of RFC 7692 §7.1. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { agreeOnDeflate } from './deflate-offer.ts';

it('the first offer of permessage-deflate that can be kept is taken', () => {
  const both = 'permessage-deflate; server_no_context_takeover; client_no_context_takeover';
  const cases: [offer: string | null, field: string | undefined][] = [
    [null, undefined],
    ['', undefined],
    ['x-webkit-deflate-frame', undefined],
    ['permessage-deflate', both],
    ['permessage-deflate; client_max_window_bits', both],
    ['permessage-deflate; client_max_window_bits=10; server_no_context_takeover', both],
    ['permessage-deflate; server_max_window_bits="9"', `${both}; server_max_window_bits=9`],
    ['permessage-deflate; server_max_window_bits=8', undefined],
    ['permessage-deflate; server_max_window_bits=8, permessage-deflate', both],
    ['permessage-deflate; server_max_window_bits=16', undefined],
    ['permessage-deflate; server_max_window_bits=09', undefined],
    ['permessage-deflate; server_max_window_bits', undefined],
    ['permessage-deflate; client_max_window_bits=7', undefined],
    ['permessage-deflate; server_no_context_takeover=1', undefined],
    ['permessage-deflate; server_no_context_takeover; server_no_context_takeover', undefined],
    ['permessage-deflate; unheard_of', undefined],
  ];
  for (const [offer, field] of cases) assert.equal(agreeOnDeflate(offer)?.field, field, String(offer));
});
