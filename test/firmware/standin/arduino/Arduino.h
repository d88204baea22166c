/* Stand-in for Arduino's core, over POSIX. */
#pragma once
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <string>
#include <time.h>
#include <unistd.h>

class String : public std::string {
  public:
  String(const char *text = "") : std::string(text) {}
};

struct SerialPort {
  void begin(unsigned long) {}
  void println(const char *text) {
    printf("%s\n", text);
    fflush(stdout);
  }
};
static SerialPort Serial;

inline uint32_t millis() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint32_t>(now.tv_sec * 1000ll + now.tv_nsec / 1000000);
}

inline void delay(uint32_t ms) {
  usleep(ms * 1000);
}
