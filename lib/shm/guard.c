/*
 * guard.c - what a process must survive: see guard.h.
 *
 * The mappings stand in a list that only grows; entries are reused. The
 * signal handler and the fork handler read it without a lock: an entry is
 * live while its base is not 0, and base is stored last and cleared first.
 *
 * Orderings
 *  [G] Who reads base sees the entry's other fields; who then reads a size
 *  that is newer finds, after his acquire fence, that base has changed: or
 *  he would take the old base with the new size for the place of his fault.
 */
#include "shm/guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard {
	_Atomic uintptr_t base;
	_Atomic size_t size;
	int fd;
	int kept[GUARD_KEPT]; /* -1: none */
	_Atomic int *broken;
	struct guard *next;
};

const volatile uint32_t *guard_page;
static _Atomic(struct guard *) guards;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t opening = PTHREAD_MUTEX_INITIALIZER;
static struct sigaction previous;

/* The mapping that an address lies in, and its bounds as they were seen. */
struct found {
	struct guard *guard;
	uintptr_t base;
	size_t size;
};

static struct found find(uintptr_t address)
{
	/* [G] */
	struct guard *g = atomic_load_explicit(&guards, memory_order_acquire);

	for (; g; g = g->next) {
		/* [G] */
		uintptr_t base =
			atomic_load_explicit(&g->base, memory_order_acquire);
		size_t size =
			atomic_load_explicit(&g->size, memory_order_relaxed);

		/* [G] */
		atomic_thread_fence(memory_order_acquire);
		if (base && address - base < size &&
			atomic_load_explicit(&g->base, memory_order_relaxed) ==
				base)
			return (struct found){g, base, size};
	}
	return (struct found){.guard = NULL};
}

static bool put_zeros(uintptr_t page, size_t size)
{
	return mmap((void *)page, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE,
		       -1, 0) != MAP_FAILED;
}

/* From the fault to the end: behind a truncation nothing is left. */
static bool patch(const struct found *f, uintptr_t address)
{
	uintptr_t page = address & ~(uintptr_t)(PAGE - 1);

	if (!put_zeros(page, f->base + f->size - page) &&
		!put_zeros(page, PAGE))
		return false;
	atomic_store_explicit(f->guard->broken, 1, memory_order_relaxed);
	return true;
}

static void pass_on(int signal, siginfo_t *info, void *context)
{
	if (previous.sa_flags & SA_SIGINFO) {
		previous.sa_sigaction(signal, info, context);
	} else if (previous.sa_handler == SIG_DFL) {
		/* An access is repeated and a signal sent anew, now fatal. */
		sigaction(SIGBUS, &previous, NULL);
		if (info->si_code <= 0)
			raise(SIGBUS);
	} else if (previous.sa_handler != SIG_IGN) {
		previous.sa_handler(signal);
	} else if (info->si_code > 0) {
		/* The kernel ignores that faults are to be ignored. */
		sigaction(SIGBUS, &previous, NULL);
	}
}

static void on_sigbus(int signal, siginfo_t *info, void *context)
{
	int saved = errno;
	uintptr_t address = (uintptr_t)info->si_addr;
	struct found f = {.guard = NULL};

	if (info->si_code > 0) /* not sent by a process: an access */
		f = find(address);
	if (!f.guard || !patch(&f, address))
		pass_on(signal, info, context);
	errno = saved;
}

/* No fork while a segment is open and not yet in the list. */
static void before_fork(void)
{
	pthread_mutex_lock(&opening);
	pthread_mutex_lock(&lock);
}

static void after_fork_in_parent(void)
{
	pthread_mutex_unlock(&lock);
	pthread_mutex_unlock(&opening);
}

void guard_enter(void)
{
	pthread_mutex_lock(&opening);
}

void guard_leave(void)
{
	pthread_mutex_unlock(&opening);
}

static void close_in_child(const struct guard *g)
{
	close(g->fd);
	for (int i = 0; i < GUARD_KEPT; i++)
		if (g->kept[i] >= 0)
			close(g->kept[i]);
}

/* In the child: close what would keep the parent's locks alive. */
static void after_fork_in_child(void)
{
	struct guard *g = atomic_load_explicit(&guards, memory_order_relaxed);

	for (; g; g = g->next)
		if (atomic_load_explicit(&g->base, memory_order_relaxed))
			close_in_child(g);
	for (g = atomic_load_explicit(&guards, memory_order_relaxed); g;
		g = g->next)
		atomic_store_explicit(&g->base, 0, memory_order_relaxed);
	after_fork_in_parent();
}

static int start_page(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -ENOMEM;
	if (madvise(page, PAGE, MADV_WIPEONFORK)) {
		munmap(page, PAGE);
		return -ENOMEM;
	}
	guard_page = page;
	return 0;
}

static int start_handlers(void)
{
	struct sigaction action = {.sa_sigaction = on_sigbus,
		.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};

	if (sigaction(SIGBUS, &action, &previous))
		return -errno;
	return -pthread_atfork(
		before_fork, after_fork_in_parent, after_fork_in_child);
}

int guard_start(uint32_t *ret_generation)
{
	static uint32_t generation;
	int error = 0;

	pthread_mutex_lock(&lock);
	if (!guard_page) {
		error = start_page();
		if (!error)
			error = start_handlers();
	}
	if (!error && !*guard_page)
		*(volatile uint32_t *)(uintptr_t)guard_page = ++generation;
	if (!error)
		*ret_generation = generation;
	pthread_mutex_unlock(&lock);
	return error;
}

static struct guard *unused(void)
{
	struct guard *g = atomic_load_explicit(&guards, memory_order_relaxed);

	while (g && g->broken)
		g = g->next;
	if (g)
		return g;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->next = atomic_load_explicit(&guards, memory_order_relaxed);
	/* [G] */
	atomic_store_explicit(&guards, g, memory_order_release);
	return g;
}

int guard_add(char *base, size_t size, int fd, _Atomic int *broken,
	struct guard **ret_guard)
{
	struct guard *g;

	pthread_mutex_lock(&lock);
	g = unused();
	if (g) {
		/* [G] base was 0 before this */
		atomic_thread_fence(memory_order_release);
		atomic_store_explicit(&g->size, size, memory_order_relaxed);
		g->fd = fd;
		for (int i = 0; i < GUARD_KEPT; i++)
			g->kept[i] = -1;
		g->broken = broken;
		/* [G] */
		atomic_store_explicit(
			&g->base, (uintptr_t)base, memory_order_release);
		*ret_guard = g;
	}
	pthread_mutex_unlock(&lock);
	return g ? 0 : -ENOMEM;
}

void guard_keep(struct guard *guard, const int fds[GUARD_KEPT])
{
	pthread_mutex_lock(&lock);
	for (int i = 0; i < GUARD_KEPT; i++)
		guard->kept[i] = fds[i];
	pthread_mutex_unlock(&lock);
}

void guard_remove(struct guard *guard)
{
	if (!guard)
		return;
	pthread_mutex_lock(&lock);
	atomic_store_explicit(&guard->base, 0, memory_order_relaxed);
	guard->broken = NULL;
	pthread_mutex_unlock(&lock);
}
