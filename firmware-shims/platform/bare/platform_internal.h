/* What WAMR asks of a platform, for one thread and no operating system. Chosen by -I of this folder. */
#ifndef TIDELOCK_PLATFORM_INTERNAL_H
#define TIDELOCK_PLATFORM_INTERNAL_H

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BH_PLATFORM_BARE
#define BH_APPLET_PRESERVED_STACK_SIZE 512
#define BH_THREAD_DEFAULT_PRIORITY 0

typedef int korp_tid;
typedef int korp_mutex;
typedef int korp_cond;
typedef int korp_thread;
typedef int korp_rwlock;
typedef int korp_sem;
typedef int os_file_handle;
typedef int os_raw_file_handle;
typedef void *os_dir_stream;
typedef int bh_socket_t;
typedef struct { int unused; } os_poll_file_handle;
typedef unsigned os_nfds_t;
typedef struct { int64_t tv_sec; long tv_nsec; } os_timespec;

static inline os_file_handle os_get_invalid_handle(void) { return -1; }

/*
 * WAMR maps a shrunk linear memory at its exact size, but rounds the bound it checks against up to this number: with 4096
 * a module reads and writes up to 4,095 bytes beyond its memory. Our cores' memories end at a multiple of 16.
 */
#ifndef TL_PAGE_SIZE
#define TL_PAGE_SIZE 16
#endif
static inline int os_getpagesize(void) { return TL_PAGE_SIZE; }

#endif
