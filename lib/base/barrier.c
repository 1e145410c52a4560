/* barrier.c - a full barrier in all processes: see barrier.h. */
#include "base/barrier.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

static int membarrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0) ? -errno : 0;
}

int barrier_register(void)
{
	return membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
}

int barrier_everywhere(void)
{
	return membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}
