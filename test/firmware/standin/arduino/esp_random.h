/* Stand-in for esp_random.h. */
#pragma once
#include <sys/random.h>
inline void esp_fill_random(void *out, size_t bytes) {
  if (getrandom(out, bytes, 0) != static_cast<ssize_t>(bytes)) abort();
}
