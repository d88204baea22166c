/* Stand-in for lwIP's sockets under POSIX's names. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
typedef uint32_t socklen_t;
struct sockaddr {
  uint8_t sa_len;
  uint8_t sa_family;
  char sa_data[14];
};
#define SOCK_STREAM 1
#define SOL_SOCKET 0xfff
#define SO_ERROR 0x1007
int socket(int domain, int type, int protocol);
int connect(int socket, const struct sockaddr *address, socklen_t bytes);
ssize_t send(int socket, const void *data, size_t bytes, int flags);
ssize_t recv(int socket, void *data, size_t bytes, int flags);
int getsockopt(int socket, int level, int name, void *value, socklen_t *bytes);
int setsockopt(int socket, int level, int name, const void *value, socklen_t bytes);
