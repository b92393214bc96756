/** TCP's socket options, states and TCP_INFO: uapi/linux/tcp.h. */
import { struct } from '../layout.ts';

/**
 * What TCP_INFO answers. The kernel grows it at the end and cuts it to the length given, so the length
 * that comes back says which fields are there. Times are milliseconds, round trips microseconds.
 */
export const tcp_info = struct('tcp_info', 232, {
  tcpi_state: 'u8',
  tcpi_ca_state: 'u8',
  tcpi_retransmits: 'u8',
  tcpi_probes: 'u8',
  tcpi_backoff: 'u8',
  tcpi_options: 'u8',
  // Two bytes of C bit-fields, which have no offsetof: window scales, then delivery and fastopen bits.
  wscale_bits: 'u8',
  flag_bits: 'u8',
  tcpi_rto: 'u32',
  tcpi_ato: 'u32',
  tcpi_snd_mss: 'u32',
  tcpi_rcv_mss: 'u32',
  tcpi_unacked: 'u32',
  tcpi_sacked: 'u32',
  tcpi_lost: 'u32',
  tcpi_retrans: 'u32',
  tcpi_fackets: 'u32',
  tcpi_last_data_sent: 'u32',
  tcpi_last_ack_sent: 'u32',
  tcpi_last_data_recv: 'u32',
  tcpi_last_ack_recv: 'u32',
  tcpi_pmtu: 'u32',
  tcpi_rcv_ssthresh: 'u32',
  tcpi_rtt: 'u32',
  tcpi_rttvar: 'u32',
  tcpi_snd_ssthresh: 'u32',
  tcpi_snd_cwnd: 'u32',
  tcpi_advmss: 'u32',
  tcpi_reordering: 'u32',
  tcpi_rcv_rtt: 'u32',
  tcpi_rcv_space: 'u32',
  tcpi_total_retrans: 'u32',
  tcpi_pacing_rate: 'u64',
  tcpi_max_pacing_rate: 'u64',
  tcpi_bytes_acked: 'u64',
  tcpi_bytes_received: 'u64',
  tcpi_segs_out: 'u32',
  tcpi_segs_in: 'u32',
  tcpi_notsent_bytes: 'u32',
  tcpi_min_rtt: 'u32',
  tcpi_data_segs_in: 'u32',
  tcpi_data_segs_out: 'u32',
  tcpi_delivery_rate: 'u64',
  tcpi_busy_time: 'u64',
  tcpi_rwnd_limited: 'u64',
  tcpi_sndbuf_limited: 'u64',
  tcpi_delivered: 'u32',
  tcpi_delivered_ce: 'u32',
  tcpi_bytes_sent: 'u64',
  tcpi_bytes_retrans: 'u64',
  tcpi_dsack_dups: 'u32',
  tcpi_reord_seen: 'u32',
  /** 5.4 */
  tcpi_rcv_ooopack: 'u32',
  /** The peer's window in bytes: 5.4. */
  tcpi_snd_wnd: 'u32',
});

export const TCP_NODELAY = 1;
export const TCP_MAXSEG = 2;
export const TCP_CORK = 3;
export const TCP_KEEPIDLE = 4;
export const TCP_KEEPINTVL = 5;
export const TCP_KEEPCNT = 6;
export const TCP_SYNCNT = 7;
export const TCP_LINGER2 = 8;
export const TCP_DEFER_ACCEPT = 9;
export const TCP_WINDOW_CLAMP = 10;
export const TCP_INFO = 11;
export const TCP_QUICKACK = 12;
export const TCP_CONGESTION = 13;
export const TCP_USER_TIMEOUT = 18;
export const TCP_FASTOPEN = 23;
export const TCP_NOTSENT_LOWAT = 25;
export const TCP_ULP = 31;
export const TCP_INQ = 36;
/** Upper bound of the retransmission timeout in milliseconds: 6.15. */
export const TCP_RTO_MAX_MS = 44;

// tcpi_state: net/tcp_states.h, and enum of netinet/tcp.h
export const TCP_ESTABLISHED = 1;
export const TCP_SYN_SENT = 2;
export const TCP_SYN_RECV = 3;
export const TCP_FIN_WAIT1 = 4;
export const TCP_FIN_WAIT2 = 5;
export const TCP_TIME_WAIT = 6;
export const TCP_CLOSE = 7;
export const TCP_CLOSE_WAIT = 8;
export const TCP_LAST_ACK = 9;
export const TCP_LISTEN = 10;
export const TCP_CLOSING = 11;
