/*
 * A WebSocket client that costs little, so that what is measured is the server: one epoll loop, frames as bytes.
 *
 *   websocket PORT CONNECTIONS MODE WARMUP_MS WINDOW_MS
 *
 * MODE is "echo": each connection sends a text of 64 bytes, waits for as much to come back, and sends again. Or
 * "publish": one connection sends such a message, which the server publishes to all, waits until everybody has it, and sends
 * the next. It writes "begin" when the warm-up is over and "end" when the window is, then one line of JSON: messages that came,
 * and its own CPU.
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
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PAYLOAD = 64, SENT = 6 + PAYLOAD, ANSWER = 2 + PAYLOAD, EVENTS_MAX = 1024 };

static const char REQUEST[] =
  "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

struct connection {
  int fd;
  int open;      /* the head of the 101 has come */
  int matched;   /* of its end */
  size_t got;    /* bytes of the frame that is coming */
};

static struct connection *connections;
static unsigned char frame[SENT];
static int connection_count, poll_fd, open_count;
static uint64_t messages;

static uint64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void say(struct connection *c) {
  if (write(c->fd, frame, SENT) != SENT) fail("write");
}

static void begin(struct connection *c, int port) {
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  c->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");
  int one = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (write(c->fd, REQUEST, sizeof REQUEST - 1) != sizeof REQUEST - 1) fail("write");
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
}

/* Returns how many frames have become whole. */
static int take(struct connection *c) {
  char buffer[16384];
  ssize_t size = recv(c->fd, buffer, sizeof buffer, MSG_DONTWAIT);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (size <= 0) fail("the server has ended a connection");
  ssize_t at = 0;
  for (; !c->open && at < size; at++) {
    c->matched = buffer[at] == "\r\n\r\n"[c->matched] ? c->matched + 1 : buffer[at] == '\r';
    if (c->matched == 4) {
      c->open = 1;
      open_count++;
    }
  }
  c->got += size - at;
  int whole = c->got / ANSWER;
  c->got %= ANSWER;
  return whole;
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  int port = atoi(argv[1]);
  connection_count = atoi(argv[2]);
  int publishes = strcmp(argv[3], "publish") == 0;
  int warmup = atoi(argv[4]), window = atoi(argv[5]);
  frame[0] = 0x81;
  frame[1] = 0x80 | PAYLOAD;
  memcpy(frame + 2, "\x37\xfa\x21\x3d", 4);
  for (int i = 0; i < PAYLOAD; i++) frame[6 + i] = ('a' + i % 26) ^ frame[2 + (i & 3)];
  poll_fd = epoll_create1(0);
  connections = calloc(connection_count, sizeof *connections);
  static struct epoll_event events[EVENTS_MAX];
  for (int i = 0; i < connection_count; i++) {
    begin(&connections[i], port);
    while (open_count < i - 100) {
      int ready = epoll_wait(poll_fd, events, EVENTS_MAX, 1000);
      for (int k = 0; k < ready; k++) take(events[k].data.ptr);
    }
  }
  while (open_count < connection_count) {
    int ready = epoll_wait(poll_fd, events, EVENTS_MAX, 1000);
    for (int k = 0; k < ready; k++) take(events[k].data.ptr);
  }
  if (publishes) say(&connections[0]);
  else for (int i = 0; i < connection_count; i++) say(&connections[i]);
  uint64_t start = now_ms(), counted_from = 0;
  int had = 0, phase = 0;
  for (;;) {
    int ready = epoll_wait(poll_fd, events, EVENTS_MAX, 100);
    for (int k = 0; k < ready; k++) {
      struct connection *c = events[k].data.ptr;
      int whole = take(c);
      messages += whole;
      if (!publishes) {
        while (whole-- > 0) say(c);
      } else {
        had += whole;
        if (had == connection_count) {
          had = 0;
          say(&connections[0]);
        }
      }
    }
    uint64_t now = now_ms();
    if (phase == 0 && now >= start + warmup) {
      phase = 1;
      counted_from = messages;
      printf("begin\n");
      fflush(stdout);
    } else if (phase == 1 && now >= start + warmup + window) {
      printf("end\n");
      break;
    }
  }
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("{\"messages\":%llu,\"clientSeconds\":%.3f}\n", (unsigned long long)(messages - counted_from),
    usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
  return 0;
}
