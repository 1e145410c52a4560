/* relax.h - tell the processor that this thread waits for another. */
#ifndef LIB_BASE_RELAX_H
#define LIB_BASE_RELAX_H

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

#endif
