/* The functions behind platform_internal.h. Memory comes from WAMR's pool alone: os_malloc has none to give. */
#include "platform_api_vmcore.h"
#include "wasm_runtime_common.h"

int bh_platform_init(void) { return 0; }
void bh_platform_destroy(void) {}

void *os_malloc(unsigned size) { (void)size; return NULL; }
void *os_realloc(void *ptr, unsigned size) { (void)ptr; (void)size; return NULL; }
void os_free(void *ptr) { (void)ptr; }

/* The linear memory: from the pool too, and zero as WebAssembly has it. */
void *os_mmap(void *hint, size_t size, int prot, int flags, os_file_handle file)
{
    void *memory = wasm_runtime_malloc((unsigned)size);

    (void)hint; (void)prot; (void)flags; (void)file;
    if (memory != NULL)
        memset(memory, 0, size);
    return memory;
}

void os_munmap(void *addr, size_t size) { (void)size; wasm_runtime_free(addr); }
int os_mprotect(void *addr, size_t size, int prot) { (void)addr; (void)size; (void)prot; return 0; }
void *os_mremap(void *old, size_t old_size, size_t new_size) { return os_mremap_slow(old, old_size, new_size); }
void os_dcache_flush(void) {}
void os_icache_flush(void *start, size_t len) { (void)start; (void)len; }

/* WAMR's own words are for its developers; what went wrong comes back as a status. */
int os_printf(const char *format, ...) { (void)format; return 0; }
int os_vprintf(const char *format, va_list ap) { (void)format; (void)ap; return 0; }

uint64 os_time_get_boot_us(void) { return 0; }
uint64 os_time_thread_cputime_us(void) { return 0; }
korp_tid os_self_thread(void) { return 0; }
uint8 *os_thread_get_stack_boundary(void) { return NULL; } /* unknown: recursion ends at the WASM stack's end */

int os_mutex_init(korp_mutex *mutex) { (void)mutex; return 0; }
int os_mutex_destroy(korp_mutex *mutex) { (void)mutex; return 0; }
int os_mutex_lock(korp_mutex *mutex) { (void)mutex; return 0; }
int os_mutex_unlock(korp_mutex *mutex) { (void)mutex; return 0; }
