/**
 * io_uring's structures and flags with C's names, as in uapi/linux/io_uring.h. The kernel version that
 * brought a flag is noted where it is newer than 5.15, the oldest kernel worth running this on.
 * Operations and registrations have a file of their own, `io-uring-ops.ts`.
 */
import { array, group, struct, union } from '../layout.ts';
import { __kernel_timespec } from './time.ts';

export const io_uring_sqe = struct('io_uring_sqe', 64, {
  opcode: 'u8',
  flags: 'u8',
  ioprio: 'u16',
  fd: 's32',
  _1: union({ off: 'u64', addr2: 'u64', cmd_op: 'u32' }),
  _2: union({ addr: 'u64', splice_off_in: 'u64', _: group({ level: 'u32', optname: 'u32' }) }),
  len: 'u32',
  _3: union({
    rw_flags: 'u32',
    fsync_flags: 'u32',
    poll32_events: 'u32',
    msg_flags: 'u32',
    timeout_flags: 'u32',
    accept_flags: 'u32',
    cancel_flags: 'u32',
    open_flags: 'u32',
    statx_flags: 'u32',
    fadvise_advice: 'u32',
    splice_flags: 'u32',
    msg_ring_flags: 'u32',
    uring_cmd_flags: 'u32',
    install_fd_flags: 'u32',
    nop_flags: 'u32',
  }),
  user_data: 'u64',
  _4: union({ buf_index: 'u16', buf_group: 'u16' }),
  personality: 'u16',
  _5: union({ splice_fd_in: 's32', file_index: 'u32', optlen: 'u32', addr_len: 'u16' }),
  _6: union({ addr3: 'u64', optval: 'u64' }),
  __pad2: 'u64',
});

export const io_uring_cqe = struct('io_uring_cqe', 16, { user_data: 'u64', res: 's32', flags: 'u32' });

export const io_sqring_offsets = struct('io_sqring_offsets', 40, {
  head: 'u32',
  tail: 'u32',
  ring_mask: 'u32',
  ring_entries: 'u32',
  flags: 'u32',
  dropped: 'u32',
  array: 'u32',
  resv1: 'u32',
  user_addr: 'u64',
});

export const io_cqring_offsets = struct('io_cqring_offsets', 40, {
  head: 'u32',
  tail: 'u32',
  ring_mask: 'u32',
  ring_entries: 'u32',
  overflow: 'u32',
  cqes: 'u32',
  flags: 'u32',
  resv1: 'u32',
  user_addr: 'u64',
});

export const io_uring_params = struct('io_uring_params', 120, {
  sq_entries: 'u32',
  cq_entries: 'u32',
  flags: 'u32',
  sq_thread_cpu: 'u32',
  sq_thread_idle: 'u32',
  features: 'u32',
  wq_fd: 'u32',
  resv: array('u32', 3),
  sq_off: io_sqring_offsets,
  cq_off: io_cqring_offsets,
});

export const io_uring_buf = struct('io_uring_buf', 16, { addr: 'u64', len: 'u32', bid: 'u16', resv: 'u16' });

/** The tail of a provided-buffer ring lies in what would be `resv` of its first buffer. */
export const io_uring_buf_ring = struct('io_uring_buf_ring', 16, {
  resv1: 'u64',
  resv2: 'u32',
  resv3: 'u16',
  tail: 'u16',
});

export const io_uring_buf_reg = struct('io_uring_buf_reg', 40, {
  ring_addr: 'u64',
  ring_entries: 'u32',
  bgid: 'u16',
  /** `pad` before 6.4. */
  flags: 'u16',
  /** Reserved before 6.19. */
  min_left: 'u32',
  resv: array('u32', 5),
});

export const io_uring_buf_status = struct('io_uring_buf_status', 40, {
  buf_group: 'u32',
  head: 'u32',
  resv: array('u32', 8),
});

export const io_uring_probe_op = struct('io_uring_probe_op', 8, {
  op: 'u8',
  resv: 'u8',
  flags: 'u16',
  resv2: 'u32',
});

/** Followed by `ops_len` of io_uring_probe_op. */
export const io_uring_probe = struct('io_uring_probe', 16, {
  last_op: 'u8',
  ops_len: 'u8',
  resv: 'u16',
  resv2: array('u32', 3),
});

export const io_uring_files_update = struct('io_uring_files_update', 16, {
  offset: 'u32',
  resv: 'u32',
  fds: 'u64',
});

export const io_uring_rsrc_register = struct('io_uring_rsrc_register', 32, {
  nr: 'u32',
  flags: 'u32',
  resv2: 'u64',
  data: 'u64',
  tags: 'u64',
});

export const io_uring_rsrc_update = struct('io_uring_rsrc_update', 16, {
  offset: 'u32',
  resv: 'u32',
  data: 'u64',
});

export const io_uring_sync_cancel_reg = struct('io_uring_sync_cancel_reg', 64, {
  addr: 'u64',
  fd: 's32',
  flags: 'u32',
  timeout: __kernel_timespec,
  /** 6.6; padding before. */
  opcode: 'u8',
  pad: array('u8', 7),
  pad2: array('u64', 3),
});

// sqe.flags
export const IOSQE_FIXED_FILE = 1 << 0;
export const IOSQE_IO_DRAIN = 1 << 1;
export const IOSQE_IO_LINK = 1 << 2;
export const IOSQE_IO_HARDLINK = 1 << 3;
export const IOSQE_ASYNC = 1 << 4;
export const IOSQE_BUFFER_SELECT = 1 << 5;
/** No completion when the operation succeeds: 5.17. */
export const IOSQE_CQE_SKIP_SUCCESS = 1 << 6;

// io_uring_params.flags
export const IORING_SETUP_IOPOLL = 1 << 0;
export const IORING_SETUP_SQPOLL = 1 << 1;
export const IORING_SETUP_SQ_AFF = 1 << 2;
export const IORING_SETUP_CQSIZE = 1 << 3;
export const IORING_SETUP_CLAMP = 1 << 4;
export const IORING_SETUP_ATTACH_WQ = 1 << 5;
export const IORING_SETUP_R_DISABLED = 1 << 6;
/** 5.18 */
export const IORING_SETUP_SUBMIT_ALL = 1 << 7;
/** 5.19 */
export const IORING_SETUP_COOP_TASKRUN = 1 << 8;
/** 5.19 */
export const IORING_SETUP_TASKRUN_FLAG = 1 << 9;
export const IORING_SETUP_SQE128 = 1 << 10;
export const IORING_SETUP_CQE32 = 1 << 11;
/** 6.0 */
export const IORING_SETUP_SINGLE_ISSUER = 1 << 12;
/** Completions are made only inside of io_uring_enter with GETEVENTS; needs SINGLE_ISSUER: 6.1. */
export const IORING_SETUP_DEFER_TASKRUN = 1 << 13;
/** 6.5 */
export const IORING_SETUP_NO_MMAP = 1 << 14;
/** 6.5 */
export const IORING_SETUP_REGISTERED_FD_ONLY = 1 << 15;
/** 6.6 */
export const IORING_SETUP_NO_SQARRAY = 1 << 16;

// io_uring_params.features
export const IORING_FEAT_SINGLE_MMAP = 1 << 0;
/** Completions are kept in the kernel, not dropped, when the completion queue is full. */
export const IORING_FEAT_NODROP = 1 << 1;
export const IORING_FEAT_SUBMIT_STABLE = 1 << 2;
export const IORING_FEAT_RW_CUR_POS = 1 << 3;
export const IORING_FEAT_CUR_PERSONALITY = 1 << 4;
export const IORING_FEAT_FAST_POLL = 1 << 5;
export const IORING_FEAT_POLL_32BITS = 1 << 6;
export const IORING_FEAT_SQPOLL_NONFIXED = 1 << 7;
export const IORING_FEAT_NATIVE_WORKERS = 1 << 9;
export const IORING_FEAT_RSRC_TAGS = 1 << 10;
/** 5.17 */
export const IORING_FEAT_CQE_SKIP = 1 << 11;
/** 5.17 */
export const IORING_FEAT_LINKED_FILE = 1 << 12;
/** 6.3 */
export const IORING_FEAT_REG_REG_RING = 1 << 13;
/** 6.10 */
export const IORING_FEAT_RECVSEND_BUNDLE = 1 << 14;
/** 6.12 */
export const IORING_FEAT_MIN_TIMEOUT = 1 << 15;

// io_uring_enter flags
export const IORING_ENTER_GETEVENTS = 1 << 0;
export const IORING_ENTER_SQ_WAKEUP = 1 << 1;
export const IORING_ENTER_SQ_WAIT = 1 << 2;
/** The descriptor is an index from IORING_REGISTER_RING_FDS: 5.18. */
export const IORING_ENTER_REGISTERED_RING = 1 << 4;
/** 6.12 */
export const IORING_ENTER_ABS_TIMER = 1 << 5;

// The flags word of the submission ring
export const IORING_SQ_NEED_WAKEUP = 1 << 0;
export const IORING_SQ_CQ_OVERFLOW = 1 << 1;
/** 5.19 */
export const IORING_SQ_TASKRUN = 1 << 2;

// The flags word of the completion ring
export const IORING_CQ_EVENTFD_DISABLED = 1 << 0;

// cqe.flags
/** The upper 16 bits are the id of the provided buffer. */
export const IORING_CQE_F_BUFFER = 1 << 0;
/** A multishot operation goes on; without it, it has ended. */
export const IORING_CQE_F_MORE = 1 << 1;
/** 5.19 */
export const IORING_CQE_F_SOCK_NONEMPTY = 1 << 2;
/** Second completion of a zero-copy send: the memory is free again. 6.0 */
export const IORING_CQE_F_NOTIF = 1 << 3;
/** The buffer is only partly used (IOU_PBUF_RING_INC). 6.12 */
export const IORING_CQE_F_BUF_MORE = 1 << 4;
export const IORING_CQE_BUFFER_SHIFT = 16;

// Offsets at which the rings are mapped
export const IORING_OFF_SQ_RING = 0;
export const IORING_OFF_CQ_RING = 0x800_0000;
export const IORING_OFF_SQES = 0x1000_0000;
export const IORING_OFF_PBUF_RING = 0x8000_0000;
export const IORING_OFF_PBUF_SHIFT = 16;

// io_uring_buf_reg.flags
/** The kernel allocates the ring, to be mapped at IORING_OFF_PBUF_RING: 6.4. */
export const IOU_PBUF_RING_MMAP = 1;
/** Buffers are used up bit by bit: 6.12. */
export const IOU_PBUF_RING_INC = 2;

// sqe.ioprio of accept
export const IORING_ACCEPT_MULTISHOT = 1 << 0;
/** 6.10 */
export const IORING_ACCEPT_DONTWAIT = 1 << 1;
/** 6.10 */
export const IORING_ACCEPT_POLL_FIRST = 1 << 2;

// sqe.ioprio of send and receive
export const IORING_RECVSEND_POLL_FIRST = 1 << 0;
/** 6.0 */
export const IORING_RECV_MULTISHOT = 1 << 1;
export const IORING_RECVSEND_FIXED_BUF = 1 << 2;
/** 6.2 */
export const IORING_SEND_ZC_REPORT_USAGE = 1 << 3;
/** 6.10 */
export const IORING_RECVSEND_BUNDLE = 1 << 4;

// sqe.cancel_flags: ALL and FD 5.19, ANY 5.19, FD_FIXED 6.0, USERDATA and OP 6.6
export const IORING_ASYNC_CANCEL_ALL = 1 << 0;
export const IORING_ASYNC_CANCEL_FD = 1 << 1;
export const IORING_ASYNC_CANCEL_ANY = 1 << 2;
export const IORING_ASYNC_CANCEL_FD_FIXED = 1 << 3;
export const IORING_ASYNC_CANCEL_USERDATA = 1 << 4;
export const IORING_ASYNC_CANCEL_OP = 1 << 5;

// sqe.timeout_flags
export const IORING_TIMEOUT_ABS = 1 << 0;
export const IORING_TIMEOUT_UPDATE = 1 << 1;
export const IORING_TIMEOUT_BOOTTIME = 1 << 2;
export const IORING_TIMEOUT_REALTIME = 1 << 3;
export const IORING_LINK_TIMEOUT_UPDATE = 1 << 4;
export const IORING_TIMEOUT_ETIME_SUCCESS = 1 << 5;
/** 6.4 */
export const IORING_TIMEOUT_MULTISHOT = 1 << 6;

// sqe.len of poll
export const IORING_POLL_ADD_MULTI = 1 << 0;
export const IORING_POLL_UPDATE_EVENTS = 1 << 1;
export const IORING_POLL_UPDATE_USER_DATA = 1 << 2;
export const IORING_POLL_ADD_LEVEL = 1 << 3;

// sqe.addr and sqe.msg_ring_flags of IORING_OP_MSG_RING
export const IORING_MSG_DATA = 0;
export const IORING_MSG_SEND_FD = 1;
export const IORING_MSG_RING_CQE_SKIP = 1 << 0;
export const IORING_MSG_RING_FLAGS_PASS = 1 << 1;

/** sqe.splice_flags: `splice_fd_in` is a registered file. The topmost bit, so unsigned by hand. */
export const SPLICE_F_FD_IN_FIXED = 0x8000_0000;

/** sqe.file_index: choose a free place among the registered files. */
export const IORING_FILE_INDEX_ALLOC = 0xffff_ffff;

/** Leaves a place alone in IORING_REGISTER_FILES_UPDATE. */
export const IORING_REGISTER_FILES_SKIP = -2;
export const IORING_RSRC_REGISTER_SPARSE = 1 << 0;

// sqe.cmd_op of IORING_OP_URING_CMD on a socket: SIOCINQ and SIOCOUTQ 6.6, GETSOCKOPT and SETSOCKOPT 6.7
export const SOCKET_URING_OP_SIOCINQ = 0;
export const SOCKET_URING_OP_SIOCOUTQ = 1;
export const SOCKET_URING_OP_GETSOCKOPT = 2;
export const SOCKET_URING_OP_SETSOCKOPT = 3;
