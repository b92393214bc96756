/** What a thread tells whoever looks at the page, beside its counters. Plain data: it crosses threads. */
import type { SectionReport } from '../observe/admin-section.ts';
import type { OffenderReport } from '../observe/offenders.ts';
import type { Transfers } from './transfer-table.ts';

/** Rows of transfers that are told: as many as a person scrolls through. */
export const TRANSFER_ROWS_MAX = 200;

export interface ThreadObservation {
  readonly transfers: Transfers;
  readonly offenders: OffenderReport;
  readonly sections: readonly SectionReport[];
}
