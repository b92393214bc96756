/*
 * The client of the workloads that move much: one connection, one request after the other, each with a body of
 * FILL_BYTES or with a long answer.
 *
 *   bulk PORT WARMUP_MS WINDOW_MS FILL_BYTES < request
 *
 * The request's bytes up to a NUL are sent, then FILL_BYTES of noise, then the bytes behind the NUL. An answer ends
 * by Content-Length or by its last chunk. The window begins and ends between two requests, so that what a server does
 * at the end of a body is in it as often as bodies are; it is longer than asked for by up to one request.
 *
 * It writes "begin" and "end" at these moments, at once, so that the harness reads the server's CPU there; then one
 * line of JSON with the bytes of bodies and the last answer, for the harness to check.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PIECE_BYTES = 256 * 1024, REQUEST_BYTES_MAX = 64 * 1024, SHOWN_BYTES = 40 };

static int fd;
static char noise[PIECE_BYTES], input[PIECE_BYTES + 1];
/* Of `input`, what has come and has not been looked at. */
static size_t at, end;
static uint64_t sent_bytes, received_bytes, answer_bytes;
static int status;
static char shown[SHOWN_BYTES + 1];
static size_t shown_bytes;

static void die(const char *what) {
  perror(what);
  exit(1);
}

static void refuse(const char *what) {
  fprintf(stderr, "bulk: %s\n", what);
  exit(1);
}

static double clock_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_seconds(void) {
  struct rusage r;
  getrusage(RUSAGE_SELF, &r);
  return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
         (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
}

static void send_all(const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t n = send(fd, bytes, length, MSG_NOSIGNAL);
    if (n < 0) die("send");
    bytes += n;
    length -= (size_t)n;
  }
}

static void receive_more(void) {
  if (at == end) at = end = 0;
  else if (end == PIECE_BYTES) {
    memmove(input, input + at, end - at);
    end -= at;
    at = 0;
    if (end == PIECE_BYTES) refuse("a line of the answer is too long");
  }
  ssize_t n = recv(fd, input + end, PIECE_BYTES - end, 0);
  if (n < 0) die("recv");
  if (n == 0) refuse("the server closed before its answer was whole");
  end += (size_t)n;
}

/* The next line without its end; valid until more is received. */
static char *read_line(void) {
  for (;;) {
    char *newline = memchr(input + at, '\n', end - at);
    if (newline != NULL) {
      char *line = input + at;
      at = (size_t)(newline - input) + 1;
      if (newline > line && newline[-1] == '\r') newline--;
      *newline = '\0';
      return line;
    }
    receive_more();
  }
}

/* `length` bytes of the answer's body. */
static void skip_body(uint64_t length) {
  answer_bytes += length;
  while (length > 0) {
    if (at == end) receive_more();
    size_t n = end - at < length ? end - at : length;
    size_t kept = n < SHOWN_BYTES - shown_bytes ? n : SHOWN_BYTES - shown_bytes;
    memcpy(shown + shown_bytes, input + at, kept);
    shown_bytes += kept;
    at += n;
    length -= n;
  }
}

static void read_answer(void) {
  long long length = -1;
  int chunked = 0;
  answer_bytes = shown_bytes = 0;
  char *line = read_line();
  if (strncmp(line, "HTTP/1.1 ", 9) != 0) refuse("the answer is no HTTP/1.1");
  status = atoi(line + 9);
  while (*(line = read_line()) != '\0') {
    if (strncasecmp(line, "content-length:", 15) == 0) length = atoll(line + 15);
    if (strncasecmp(line, "transfer-encoding:", 18) == 0 && strcasestr(line, "chunked")) chunked = 1;
  }
  if (chunked) {
    for (;;) {
      uint64_t size = strtoull(read_line(), NULL, 16);
      if (size == 0) break;
      skip_body(size);
      if (*read_line() != '\0') refuse("a chunk does not end where it said");
    }
    while (*read_line() != '\0') {
    }
  } else if (length >= 0) skip_body((uint64_t)length);
  else refuse("the answer says no length");
  received_bytes += answer_bytes;
}

int main(int argc, char **argv) {
  if (argc != 5) refuse("usage: bulk PORT WARMUP_MS WINDOW_MS FILL_BYTES < request");
  const double warmup = atof(argv[2]) / 1000, window = atof(argv[3]) / 1000;
  const uint64_t fill = strtoull(argv[4], NULL, 10);
  static char request[REQUEST_BYTES_MAX];
  const size_t request_bytes = fread(request, 1, sizeof request, stdin);
  const char *nul = memchr(request, '\0', request_bytes);
  const size_t before = nul != NULL ? (size_t)(nul - request) : request_bytes;
  const size_t after = nul != NULL ? request_bytes - before - 1 : 0;
  uint32_t seed = 1;
  for (size_t i = 0; i < PIECE_BYTES; i++) {
    seed = seed * 1664525u + 1013904223u;
    noise[i] = (char)(seed >> 24);
  }

  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if ((fd = socket(AF_INET, SOCK_STREAM, 0)) < 0) die("socket");
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, (struct sockaddr *)&server, sizeof server) < 0) die("connect");

  const double started = clock_seconds();
  double began = 0, cpu = 0;
  uint64_t requests = 0;
  int counting = 0;
  for (;;) {
    const double now = clock_seconds();
    if (!counting && now - started >= warmup) {
      counting = 1;
      requests = sent_bytes = received_bytes = 0;
      puts("begin");
      fflush(stdout);
      began = clock_seconds();
      cpu = cpu_seconds();
    }
    send_all(request, before);
    for (uint64_t left = fill; left > 0;) {
      const size_t n = left < PIECE_BYTES ? (size_t)left : PIECE_BYTES;
      send_all(noise, n);
      left -= n;
    }
    send_all(request + before + 1, after);
    sent_bytes += fill;
    read_answer();
    requests++;
    if (counting && clock_seconds() - began >= window) break;
  }
  const double seconds = clock_seconds() - began;
  cpu = cpu_seconds() - cpu;
  puts("end");
  fflush(stdout);
  for (size_t i = 0; i < shown_bytes; i++)
    if (shown[i] < ' ' || shown[i] > '~' || shown[i] == '"' || shown[i] == '\\') shown[i] = '.';
  shown[shown_bytes] = '\0';
  printf("{\"requests\":%llu,\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"sentBytes\":%llu,\"receivedBytes\":%llu,"
         "\"status\":%d,\"answerBytes\":%llu,\"answer\":\"%s\"}\n",
         (unsigned long long)requests, seconds, cpu, (unsigned long long)sent_bytes,
         (unsigned long long)received_bytes, status, (unsigned long long)answer_bytes, shown);
  return 0;
}
