/* A disk that is full, for one process and those that it starts (LD_PRELOAD). Writes to
   files whose path has FULL_UNDER in it fail with ENOSPC, as write(2) says: those that
   still have some room are cut short.

   FULL_AFTER=n    once n bytes were written by the process
   FULL_SWITCH=f   as long as the file f exists */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long written;

static int ours(int fd) {
	const char *under = getenv("FULL_UNDER");
	char link[64], path[4096];
	if (!under)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof path - 1);
	if (n < 0)
		return 0;
	path[n] = 0;
	return strstr(path, under) != NULL;
}

/* room is how many of n bytes may be written: all of them, some, or none. */
static size_t room(int fd, size_t n) {
	const char *after = getenv("FULL_AFTER"), *file = getenv("FULL_SWITCH");
	if (!after && !(file && access(file, F_OK) == 0))
		return n;
	if (!ours(fd))
		return n;
	if (!after)
		return 0;
	long left = atol(after) - atomic_fetch_add(&written, (long)n);
	if (left <= 0)
		return 0;
	return left < (long)n ? (size_t)left : n;
}

#define FAIL() do { errno = ENOSPC; return -1; } while (0)
#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *b, size_t n) {
	REAL(write);
	size_t r = room(fd, n);
	if (n && !r) FAIL();
	return real(fd, b, r);
}

ssize_t pwrite(int fd, const void *b, size_t n, off_t at) {
	REAL(pwrite);
	size_t r = room(fd, n);
	if (n && !r) FAIL();
	return real(fd, b, r, at);
}

ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) {
	REAL(pwrite64);
	size_t r = room(fd, n);
	if (n && !r) FAIL();
	return real(fd, b, r, at);
}

static size_t sum(const struct iovec *v, int n) {
	size_t s = 0;
	for (int i = 0; i < n; i++)
		s += v[i].iov_len;
	return s;
}

ssize_t writev(int fd, const struct iovec *v, int n) {
	REAL(writev);
	size_t s = sum(v, n);
	if (s && room(fd, s) < s) FAIL();
	return real(fd, v, n);
}

ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) {
	REAL(pwritev);
	size_t s = sum(v, n);
	if (s && room(fd, s) < s) FAIL();
	return real(fd, v, n, at);
}

ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at) {
	REAL(pwritev64);
	size_t s = sum(v, n);
	if (s && room(fd, s) < s) FAIL();
	return real(fd, v, n, at);
}

int posix_fallocate(int fd, off_t at, off_t n) {
	REAL(posix_fallocate);
	return room(fd, n) < (size_t)n ? ENOSPC : real(fd, at, n);
}

int posix_fallocate64(int fd, off64_t at, off64_t n) {
	REAL(posix_fallocate64);
	return room(fd, n) < (size_t)n ? ENOSPC : real(fd, at, n);
}

int fallocate(int fd, int mode, off_t at, off_t n) {
	REAL(fallocate);
	if (room(fd, n) < (size_t)n) FAIL();
	return real(fd, mode, at, n);
}
