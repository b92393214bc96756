/** Linux AIO (uapi/linux/aio_abi.h): used for one thing only, a poll that signals an eventfd. */
import { struct } from '../layout.ts';

export const iocb = struct('iocb', 64, {
  aio_data: 'u64',
  aio_key: 'u32',
  aio_rw_flags: 's32',
  aio_lio_opcode: 'u16',
  aio_reqprio: 's16',
  aio_fildes: 'u32',
  /** The address of the buffer; for IOCB_CMD_POLL the events asked for. */
  aio_buf: 'u64',
  aio_nbytes: 'u64',
  aio_offset: 's64',
  aio_reserved2: 'u64',
  aio_flags: 'u32',
  aio_resfd: 'u32',
});

export const io_event = struct('io_event', 32, { data: 'u64', obj: 'u64', res: 's64', res2: 's64' });

/** 4.18 */
export const IOCB_CMD_POLL = 5;
/** `aio_resfd` is an eventfd to signal on completion. */
export const IOCB_FLAG_RESFD = 1 << 0;
