#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef REPLAY_CLOCK
extern uint32_t REPLAY_CLOCK(void);
#else
#define REPLAY_CLOCK() 0
#endif
#define FAULT(...) return snprintf(r->fault, sizeof r->fault, __VA_ARGS__), -1

static uint32_t number(const char **p) {
  char *end;
  uint32_t value = (uint32_t)strtoul(*p, &end, 10);
  *p = end;
  return value;
}

static uint32_t fnv(const uint8_t *p, uint32_t bytes) {
  uint32_t hash = 0x811c9dc5u;
  while (bytes-- > 0) hash = (hash ^ *p++) * 0x01000193u;
  return hash;
}

static unsigned digit(char c) {
  return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static int begin(replay *r, const char *line) {
  const char *p = strchr(line + 5, ' ');
  if (p == NULL) FAULT("line %lu: no form", (unsigned long)r->lines);
  r->other = r->core != NULL && ((size_t)(p - line - 5) != strlen(r->core) || strncmp(line + 5, r->core, strlen(r->core)) != 0);
  if (r->other) return 0;
  replay_end(r);
  tl_status status = tl_engine_open(&r->engine, r->memory, r->memory_bytes, r->options);
  if (status != TL_OK) FAULT("line %lu: tl_engine_open: %d", (unsigned long)r->lines, (int)status);
  r->base = tl_engine_memory(r->engine, &r->size);
  r->hashed = number(&p);
  if (r->hashed > r->size) FAULT("line %lu: %lu bytes of memory, the trace needs %lu", (unsigned long)r->lines, (unsigned long)r->size, (unsigned long)r->hashed);
  return 0;
}

static int write_bytes(replay *r, const char *p) {
  uint32_t at = number(&p);
  for (p++; p[0] > ' ' && p[1] > ' '; p += 2, at++) {
    if (at >= r->size) FAULT("line %lu: writes behind the memory", (unsigned long)r->lines);
    r->base[at] = (uint8_t)(digit(p[0]) << 4 | digit(p[1]));
  }
  return 0;
}

static int call(replay *r, const char *p) {
  char name[40];
  uint32_t arguments[TL_ENGINE_ARGUMENTS], count = 0, result = 0, n = 0;
  while (*p > ' ' && n < sizeof name - 1) name[n++] = *p++;
  name[n] = 0;
  uint32_t wanted = number(&p), hash = number(&p);
  while (*p == ' ' && count < TL_ENGINE_ARGUMENTS) arguments[count++] = number(&p);
  int function = tl_engine_export(r->engine, name);
  if (function < 0) FAULT("line %lu: no export %s", (unsigned long)r->lines, name);
  uint32_t before = REPLAY_CLOCK();
  tl_status status = tl_engine_call(r->engine, function, arguments, count, &result);
  r->instructions = REPLAY_CLOCK() - before;
  r->calls++;
  if (status != TL_OK) FAULT("line %lu: %s: status %d", (unsigned long)r->lines, name, (int)status);
  if (result != wanted) FAULT("line %lu: %s returned %lu, not %lu", (unsigned long)r->lines, name, (unsigned long)result, (unsigned long)wanted);
  if (fnv(r->base, r->hashed) != hash) FAULT("line %lu: %s left another memory", (unsigned long)r->lines, name);
  return 0;
}

int replay_line(replay *r, const char *line) {
  r->lines++;
  if (strncmp(line, "core ", 5) == 0) return begin(r, line);
  if (r->other) return 0;
  if (r->engine == NULL) FAULT("line %lu: no core yet", (unsigned long)r->lines);
  if (line[0] == 'w') return write_bytes(r, line + 2);
  if (line[0] == 'c') return call(r, line + 2);
  FAULT("line %lu: no form", (unsigned long)r->lines);
}

void replay_end(replay *r) {
  if (r->engine != NULL) tl_engine_close(r->engine);
  r->engine = NULL;
}
