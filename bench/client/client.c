/*
 * The load client of the benchmark, for where wrk is itself the limit: one epoll loop, one request given
 * as bytes, closed loop (a connection sends its next batch when the last one is answered in full).
 *
 *   client PORT CONNECTIONS DEPTH WARMUP_MS WINDOW_MS MODE < request
 *
 * MODE is "keep" (count and check every response), "close" (a new connection for every request) or
 * "discard" (learn the length of a response once, then let the kernel throw the bytes away and count
 * them: the lightest client there is, for servers on every core).
 *
 * Eight zeros in the request are a number that counts up with every batch, so that no two requests are the
 * same: servers that remember what they have parsed must not be measured by that alone.
 *
 * It writes "begin" when the warm-up is over and "end" when the window is, each at once, so that the
 * harness reads the server's CPU at those moments; then one line of JSON. It knows only as much HTTP as
 * framing by Content-Length takes; a response without it, or with another status than 2xx, is an error.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  BUFFER_BYTES = 72 * 1024, /* A page or file of 64 KiB, and its head. */
  REQUEST_BYTES_MAX = 64 * 1024,
  EVENTS_MAX = 1024,
  DISCARD_BYTES = 1 << 20,
  /* Log-linear histogram of microseconds, 64 steps a doubling: within 1.6 % of the true value. */
  STEP_BITS = 6,
  BUCKETS = (32 - STEP_BITS) << STEP_BITS,
};

static const char NUMBER[] = "00000000";

enum mode { KEEP, CLOSE, DISCARD };

struct connection {
  int fd;
  int outstanding;
  int writing;          /* a batch did not fit into the socket; EPOLLOUT is armed */
  size_t unsent_at;     /* where in the batch the rest begins */
  uint64_t sent_ns;
  size_t outstanding_bytes; /* DISCARD: bytes of responses that are still to come */
  size_t filled;
  char *buffer;
};

static struct sockaddr_in server;
static int poll_fd, connection_count, depth;
static enum mode mode;
static char *batch;
static char *number; /* in the batch; NULL when its requests are all the same */
static size_t batch_bytes, response_bytes;
static uint64_t histogram[BUCKETS], now_ns;
static uint64_t responses, errors, bad_statuses, connects, bytes_received;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static uint64_t read_clock(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double read_cpu_seconds(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static unsigned bucket_of(uint64_t us) {
  if (us < (1u << STEP_BITS)) return (unsigned)us;
  int shift = 63 - __builtin_clzll(us) - STEP_BITS;
  unsigned bucket = ((unsigned)(shift + 1) << STEP_BITS) + (unsigned)((us >> shift) & ((1u << STEP_BITS) - 1));
  return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static double value_of(unsigned bucket) {
  if (bucket < (1u << STEP_BITS)) return bucket;
  unsigned shift = (bucket >> STEP_BITS) - 1;
  uint64_t low = ((uint64_t)((1u << STEP_BITS) + (bucket & ((1u << STEP_BITS) - 1)))) << shift;
  return (double)low + (double)((uint64_t)1 << shift) / 2;
}

static double percentile(double share) {
  uint64_t total = 0, seen = 0;
  for (unsigned i = 0; i < BUCKETS; i++) total += histogram[i];
  uint64_t wanted = (uint64_t)((double)total * share);
  for (unsigned i = 0; i < BUCKETS; i++)
    if ((seen += histogram[i]) > wanted) return value_of(i);
  return 0;
}

static void watch(struct connection *c, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  if (epoll_ctl(poll_fd, operation, c->fd, &event) < 0) die("epoll_ctl");
}

static void open_connection(struct connection *c);

static void reopen(struct connection *c) {
  close(c->fd);
  open_connection(c);
}

static void send_batch(struct connection *c) {
  ssize_t sent = send(c->fd, batch + c->unsent_at, batch_bytes - c->unsent_at, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) {
    errors++;
    reopen(c);
    return;
  }
  if (sent > 0) c->unsent_at += (size_t)sent;
  if (c->unsent_at < batch_bytes) {
    if (!c->writing) watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    c->writing = 1;
  } else if (c->writing) {
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
    c->writing = 0;
  }
}

/* Counts the number in the batch up by one; after 99999999 it begins anew. */
static void count_up(void) {
  for (char *digit = number + sizeof NUMBER - 2; digit >= number; digit--) {
    if (++*digit <= '9') return;
    *digit = '0';
  }
}

static void begin_batch(struct connection *c) {
  if (number != NULL) count_up();
  c->outstanding = depth;
  c->outstanding_bytes = (size_t)depth * response_bytes;
  c->unsent_at = 0;
  c->sent_ns = now_ns;
  send_batch(c);
}

static void open_connection(struct connection *c) {
  int on = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | (mode == CLOSE ? SOCK_NONBLOCK : 0), 0);
  if (c->fd < 0) die("socket");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  c->filled = 0;
  connects++;
  /* On loopback the handshake is over when connect returns, unless the accept queue is full. */
  if (connect(c->fd, (struct sockaddr *)&server, sizeof server) < 0 && errno != EINPROGRESS) die("connect");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
  c->writing = mode == CLOSE;
  if (c->writing) event.events |= EPOLLOUT;
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0) die("epoll_ctl");
  if (mode == CLOSE) {
    c->outstanding = 1;
    c->unsent_at = 0;
    c->sent_ns = read_clock();
  } else {
    begin_batch(c);
  }
}

/* Length of the response at the start of [p, end), 0 if more bytes are wanted, -1 if it cannot be framed. */
static ssize_t frame_response(const char *p, const char *end) {
  const char *blank = memmem(p, (size_t)(end - p), "\r\n\r\n", 4);
  if (blank == NULL) return end - p > BUFFER_BYTES / 2 ? -1 : 0;
  if (memcmp(p, "HTTP/1.1 2", 10) != 0) bad_statuses++;
  for (const char *line = memchr(p, '\n', (size_t)(blank - p)); line != NULL && line < blank;
       line = memchr(line + 1, '\n', (size_t)(blank - line))) {
    if ((line[1] | 32) == 'c' && strncasecmp(line + 1, "content-length:", 15) == 0) {
      ssize_t length = blank + 4 - p + strtol(line + 16, NULL, 10);
      return length <= end - p ? length : 0;
    }
  }
  return -1;
}

static void record(struct connection *c) {
  histogram[bucket_of((now_ns - c->sent_ns) / 1000)]++;
  responses++;
}

static void receive_discarded(struct connection *c) {
  ssize_t n = recv(c->fd, NULL, DISCARD_BYTES, MSG_TRUNC | MSG_DONTWAIT);
  if (n <= 0) {
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    errors++;
    reopen(c);
    return;
  }
  bytes_received += (uint64_t)n;
  size_t left = c->outstanding_bytes > (size_t)n ? c->outstanding_bytes - (size_t)n : 0;
  while (c->outstanding > 0 && left <= (size_t)(c->outstanding - 1) * response_bytes) {
    c->outstanding--;
    record(c);
  }
  c->outstanding_bytes = left;
  if (c->outstanding == 0) begin_batch(c);
}

static void receive(struct connection *c) {
  ssize_t n = recv(c->fd, c->buffer + c->filled, BUFFER_BYTES - c->filled, MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) {
    if (c->outstanding > 0) errors++;
    reopen(c);
    return;
  }
  bytes_received += (uint64_t)n;
  char *p = c->buffer, *end = c->buffer + c->filled + n;
  while (p < end && c->outstanding > 0) {
    ssize_t length = frame_response(p, end);
    if (length < 0) {
      errors++;
      reopen(c);
      return;
    }
    if (length == 0) break;
    response_bytes = (size_t)length;
    p += length;
    c->outstanding--;
    record(c);
  }
  c->filled = (size_t)(end - p);
  if (c->filled > 0) memmove(c->buffer, p, c->filled);
  /* In CLOSE mode the server ends the connection: its FIN leads to reopen above. */
  if (c->outstanding == 0 && mode == KEEP) begin_batch(c);
}

static void run_until(uint64_t end_ns) {
  struct epoll_event events[EVENTS_MAX];
  while ((now_ns = read_clock()) < end_ns) {
    int ready = epoll_wait(poll_fd, events, EVENTS_MAX, 10);
    now_ns = read_clock();
    for (int i = 0; i < ready; i++) {
      struct connection *c = events[i].data.ptr;
      if (events[i].events & (EPOLLERR | EPOLLHUP | EPOLLIN)) {
        if (mode == DISCARD) receive_discarded(c);
        else receive(c);
      } else if (events[i].events & EPOLLOUT) {
        send_batch(c);
      }
    }
  }
}

/* One request by itself, to learn how long a response is. */
static void learn_response_bytes(size_t request_bytes) {
  static char buffer[BUFFER_BYTES];
  size_t filled = 0;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&server, sizeof server) < 0) die("connect");
  if (send(fd, batch, request_bytes, 0) != (ssize_t)request_bytes) die("send");
  ssize_t length = 0;
  while (length == 0) {
    ssize_t n = recv(fd, buffer + filled, sizeof buffer - filled, 0);
    if (n <= 0) die("recv");
    filled += (size_t)n;
    length = frame_response(buffer, buffer + filled);
  }
  if (length < 0 || bad_statuses > 0) {
    fprintf(stderr, "client: the response is not a 2xx with Content-Length\n");
    exit(1);
  }
  response_bytes = (size_t)length;
  close(fd);
}

static void say(const char *line) {
  if (write(1, line, strlen(line)) < 0) die("write");
}

int main(int argc, char **argv) {
  static char request[REQUEST_BYTES_MAX];
  if (argc != 7) {
    fprintf(stderr, "usage: client PORT CONNECTIONS DEPTH WARMUP_MS WINDOW_MS keep|close|discard < request\n");
    return 2;
  }
  server = (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  connection_count = atoi(argv[2]);
  depth = atoi(argv[3]);
  uint64_t warmup_ns = strtoull(argv[4], NULL, 10) * 1000000u, window_ns = strtoull(argv[5], NULL, 10) * 1000000u;
  mode = strcmp(argv[6], "close") == 0 ? CLOSE : strcmp(argv[6], "discard") == 0 ? DISCARD : KEEP;
  if (mode == CLOSE) depth = 1;
  size_t request_bytes = fread(request, 1, sizeof request, stdin);
  batch_bytes = request_bytes * (size_t)depth;
  batch = malloc(batch_bytes);
  struct connection *connections = calloc((size_t)connection_count, sizeof *connections);
  if (request_bytes == 0 || batch == NULL || connections == NULL) die("setting up");
  for (int i = 0; i < depth; i++) memcpy(batch + (size_t)i * request_bytes, request, request_bytes);
  number = memmem(batch, batch_bytes, NUMBER, sizeof NUMBER - 1);

  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (mode == DISCARD) learn_response_bytes(request_bytes);
  for (int i = 0; i < connection_count; i++) {
    connections[i].buffer = mode == DISCARD ? NULL : malloc(BUFFER_BYTES);
    now_ns = read_clock();
    open_connection(&connections[i]);
  }
  run_until(read_clock() + warmup_ns);

  memset(histogram, 0, sizeof histogram);
  responses = errors = bad_statuses = connects = bytes_received = 0;
  double cpu_begin = read_cpu_seconds();
  uint64_t begin_ns = read_clock();
  say("begin\n");
  run_until(begin_ns + window_ns);
  uint64_t end_ns = read_clock();
  double cpu_seconds = read_cpu_seconds() - cpu_begin;
  say("end\n");
  printf("{\"requests\":%llu,\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"errors\":%llu,\"badStatuses\":%llu,"
         "\"connects\":%llu,\"bytes\":%llu,\"p50Us\":%.1f,\"p99Us\":%.1f}\n",
         (unsigned long long)responses, (double)(end_ns - begin_ns) / 1e9, cpu_seconds, (unsigned long long)errors,
         (unsigned long long)bad_statuses, (unsigned long long)connects, (unsigned long long)bytes_received,
         percentile(0.5), percentile(0.99));
  return 0;
}
