/*
 * The floor: the least that a server can do. One epoll loop that answers every blank line with the same
 * bytes. It parses nothing, routes nothing, checks nothing and keeps no deadline, so what it costs is the
 * kernel's TCP, and no server that does the work of one can be expected below it.
 *
 * A connection whose first bytes carry "Connection: close" is closed after its answer, so that the floor
 * also stands under the workload with a new connection for every request.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  CONNECTIONS_MAX = 65536,
  EVENTS_MAX = 1024,
  RECEIVE_BYTES = 64 * 1024,
  ANSWERS_MAX = 512, /* answers in one send: more blank lines than that go out in several */
};

enum connection_state { FRESH, KEPT, CLOSING };

static unsigned char states[CONNECTIONS_MAX];
/* Bytes of a blank line, 0 to 3, with which the last receive of a connection ended. */
static unsigned char matched[CONNECTIONS_MAX];
static char received[RECEIVE_BYTES];
static char *answers;
static size_t answer_bytes;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void prepare_answers(void) {
  char one[512], date[64];
  time_t now = time(NULL);
  struct tm utc;
  gmtime_r(&now, &utc);
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  answer_bytes = (size_t)snprintf(one, sizeof one,
                                  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n"
                                  "Date: %s\r\n\r\nHello, World!",
                                  date);
  answers = malloc(answer_bytes * ANSWERS_MAX);
  if (answers == NULL) die("malloc");
  for (int i = 0; i < ANSWERS_MAX; i++) memcpy(answers + i * answer_bytes, one, answer_bytes);
}

/* Blank lines in what was received, also across the border of two receives. */
static int count_blank_lines(int fd, size_t length) {
  static const char blank[] = "\r\n\r\n";
  int count = 0;
  size_t at = 0;
  if (matched[fd] > 0) {
    unsigned m = matched[fd];
    while (at < length && m < 4 && received[at] == blank[m]) at++, m++;
    if (m == 4) count++;
    if (m < 4 && at == length) {
      matched[fd] = (unsigned char)m;
      return 0;
    }
  }
  for (;;) {
    char *end = memmem(received + at, length - at, blank, 4);
    if (end == NULL) break;
    count++;
    at = (size_t)(end - received) + 4;
  }
  size_t tail = length - at < 3 ? length - at : 3;
  matched[fd] = 0;
  for (size_t n = tail; n > 0; n--) {
    if (memcmp(received + length - n, blank, n) == 0) {
      matched[fd] = (unsigned char)n;
      break;
    }
  }
  return count;
}

static void serve(int fd) {
  ssize_t length = recv(fd, received, sizeof received, 0);
  if (length <= 0) {
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    close(fd);
    return;
  }
  if (states[fd] == FRESH)
    states[fd] = memmem(received, (size_t)length, "Connection: close", 17) != NULL ? CLOSING : KEPT;
  int count = count_blank_lines(fd, (size_t)length);
  while (count > 0) {
    int now = count < ANSWERS_MAX ? count : ANSWERS_MAX;
    size_t bytes = (size_t)now * answer_bytes;
    /* A short send would need a queue; the client of the benchmark never has that much outstanding. */
    if (send(fd, answers, bytes, MSG_NOSIGNAL) != (ssize_t)bytes) {
      close(fd);
      return;
    }
    count -= now;
    if (states[fd] == CLOSING) {
      close(fd);
      return;
    }
  }
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: floor PORT\n");
    return 2;
  }
  prepare_answers();
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  if (listener < 0) die("socket");
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) die("bind");
  if (listen(listener, 4096) < 0) die("listen");
  int poll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS_MAX];
  if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) < 0) die("epoll");
  for (;;) {
    int ready = epoll_wait(poll, events, EVENTS_MAX, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd != listener) {
        serve(fd);
        continue;
      }
      while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= CONNECTIONS_MAX) {
          close(fd);
          continue;
        }
        states[fd] = FRESH;
        matched[fd] = 0;
        event = (struct epoll_event){.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event) < 0) die("epoll_ctl");
      }
    }
  }
}
