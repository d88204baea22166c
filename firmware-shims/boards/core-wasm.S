/* The core's .wasm in flash, for the interpreters: CORE_FILE names it. */
    .section .rodata.core, "a"
    .globl board_core, board_core_end
    .balign 4
board_core:
    .incbin CORE_FILE
board_core_end:
#ifdef __linux__
    .section .note.GNU-stack, "", %progbits
#endif
