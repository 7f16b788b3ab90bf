/* The floor under every resolver on the same kernel: takes whatever has arrived with one recvmmsg, turns each query
 * into an answer with one constant A record in place, and sends them all with one sendmmsg. It knows no names, keeps
 * nothing and checks next to nothing. Usage: floor PORT [PROCESSES] */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <signal.h>
#include <unistd.h>

enum { BATCH = 64, ROOM = 1232, HEADER = 12 };

/* Owner: pointer to the question's name. A, IN, one day, 192.0.2.1. */
static const uint8_t record[] = {0xc0, 0x0c, 0, 1, 0, 1, 0, 1, 0x51, 0x80, 0, 4, 192, 0, 2, 1};

static uint8_t packets[BATCH][ROOM];
static struct sockaddr_in clients[BATCH];
static struct iovec vectors[BATCH];
static struct mmsghdr messages[BATCH];

/* Octets of the answer; 0 when there is to be none. */
static size_t answer(uint8_t *packet, size_t octets) {
  if (octets < HEADER || (packet[2] & 0x80) != 0) return 0;
  size_t at = HEADER;
  while (at < octets && packet[at] != 0) at += 1 + packet[at];
  at += 1 + 4; /* the root label; type and class */
  if (at > octets || at + sizeof record > ROOM) return 0;
  packet[2] = 0x80 | (packet[2] & 0x79); /* QR; opcode and RD as they came */
  packet[3] = 0x80;                      /* RA, NOERROR */
  memset(packet + 4, 0, 8);
  packet[5] = 1; /* QDCOUNT */
  packet[7] = 1; /* ANCOUNT */
  memcpy(packet + at, record, sizeof record);
  return at + sizeof record;
}

int main(int count, char **words) {
  if (count < 2) return 2;
  for (int others = count > 2 ? atoi(words[2]) - 1 : 0; others > 0; others--) {
    if (fork() > 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    break;
  }
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  int room = 4 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  int share = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &share, sizeof share);
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(atoi(words[1]))};
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)&here, sizeof here) != 0) {
    perror("bind");
    return 1;
  }
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      vectors[i] = (struct iovec){packets[i], ROOM};
      messages[i].msg_hdr = (struct msghdr){
          .msg_name = &clients[i], .msg_namelen = sizeof clients[i], .msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    int got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    int ready = 0;
    for (int i = 0; i < got; i++) {
      size_t octets = answer(packets[i], messages[i].msg_len);
      if (octets == 0) continue;
      vectors[i].iov_len = octets;
      messages[ready++].msg_hdr = messages[i].msg_hdr;
    }
    for (int sent = 0; sent < ready;) {
      int n = sendmmsg(fd, messages + sent, ready - sent, 0);
      sent += n > 0 ? n : 1;
    }
  }
}
