/** Constants and the one structure of zlib.h (1.2 and 1.3), with their names there. */
import { struct } from '../layout.ts';

export const Z_NO_FLUSH = 0;
export const Z_SYNC_FLUSH = 2;

export const Z_OK = 0;
export const Z_STREAM_END = 1;
export const Z_BUF_ERROR = -5;

export const Z_DEFLATED = 8;
export const Z_DEFAULT_STRATEGY = 0;

/** What is to be read, what may be written, and zlib's own state. */
export const z_stream = struct('z_stream_s', 112, {
  next_in: 'u64',
  avail_in: 'u32',
  total_in: 'u64',
  next_out: 'u64',
  avail_out: 'u32',
  total_out: 'u64',
  msg: 'u64',
  state: 'u64',
  zalloc: 'u64',
  zfree: 'u64',
  opaque: 'u64',
  data_type: 's32',
  adler: 'u64',
  reserved: 'u64',
});
