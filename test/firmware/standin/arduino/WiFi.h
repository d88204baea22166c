/* Stand-in for WiFi.h of the ESP32's Arduino core: WiFiClient over a socket to 127.0.0.1, at the port of TIDELOCK_PORT. */
#pragma once
#include "Arduino.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define WL_CONNECTED 3

struct WiFiClass {
  void begin(const char *, const char *) {}
  int status() { return WL_CONNECTED; }
};
static WiFiClass WiFi;

class WiFiClient {
  int socket_ = -1;

  public:
  int connect(const char *, uint16_t) {
    struct sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(atoi(getenv("TIDELOCK_PORT"))));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socket_ = socket(AF_INET, SOCK_STREAM, 0);
    if (::connect(socket_, reinterpret_cast<struct sockaddr *>(&address), sizeof address) == 0) return 1;
    stop();
    return 0;
  }
  size_t write(const uint8_t *bytes, size_t count) {
    ssize_t sent = send(socket_, bytes, count, MSG_NOSIGNAL);
    return sent < 0 ? 0 : static_cast<size_t>(sent);
  }
  int available() {
    int count = 0;
    return ioctl(socket_, FIONREAD, &count) == 0 ? count : 0;
  }
  int read(uint8_t *out, size_t room) { return static_cast<int>(recv(socket_, out, room, 0)); }
  bool connected() {
    uint8_t byte;
    return socket_ >= 0 && recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
  }
  void stop() {
    if (socket_ >= 0) close(socket_);
    socket_ = -1;
  }
};
