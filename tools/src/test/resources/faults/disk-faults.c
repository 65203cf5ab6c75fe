/*
 * disk-faults: preloaded into a storage daemon, makes chosen calls on chosen files fail, or makes a sync say "done" and do nothing.
 *
 *   gcc -shared -fPIC -O2 -o disk-faults.so disk-faults.c -ldl
 *   DISK_FAULTS=CONTROL LD_PRELOAD=./disk-faults.so program
 *
 * CONTROL is a file of one page that DiskFaults.java writes while the program runs; without a rule a call costs one look at it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

enum { READ = 1, WRITE = 2, SYNC = 4 };

/* The page, in the byte order of the machine. `calls` is written last when a rule begins, and first when it ends. */
struct control {
  volatile uint32_t calls; /* READ, WRITE, SYNC; 0 = no rule */
  uint32_t error;          /* errno; 0 = a sync that does nothing and says "done" */
  volatile uint64_t hits;  /* how often the rule took effect */
  char prefix[1024];       /* of the path of the file */
  char part[256];          /* that the path contains behind it */
};

static struct control *control;

__attribute__((constructor)) static void attach(void) {
  const char *path = getenv("DISK_FAULTS");
  int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) {
    return;
  }
  void *page = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  control = page == MAP_FAILED ? NULL : page;
  close(fd);
}

/* Whether the rule is about this call. */
static int hit(int fd, uint32_t call) {
  if (control == NULL || (control->calls & call) == 0) {
    return 0;
  }
  char link[64];
  char path[4096];
  int saved = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = saved;
  if (length <= 0) {
    return 0;
  }
  path[length] = 0;
  size_t prefix = strlen(control->prefix);
  if (strncmp(path, control->prefix, prefix) != 0 || strstr(path + prefix, control->part) == NULL) {
    return 0;
  }
  __sync_fetch_and_add(&control->hits, 1);
  return 1;
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define FAIL_OR(call, action) \
  if (hit(fd, call)) { errno = (int)control->error; return -1; } \
  return action

ssize_t read(int fd, void *to, size_t size) {
  REAL(ssize_t, read, int, void *, size_t);
  FAIL_OR(READ, real(fd, to, size));
}

ssize_t pread(int fd, void *to, size_t size, off_t at) {
  REAL(ssize_t, pread, int, void *, size_t, off_t);
  FAIL_OR(READ, real(fd, to, size, at));
}

ssize_t pread64(int fd, void *to, size_t size, off64_t at) {
  REAL(ssize_t, pread64, int, void *, size_t, off64_t);
  FAIL_OR(READ, real(fd, to, size, at));
}

ssize_t write(int fd, const void *from, size_t size) {
  REAL(ssize_t, write, int, const void *, size_t);
  FAIL_OR(WRITE, real(fd, from, size));
}

ssize_t writev(int fd, const struct iovec *from, int count) {
  REAL(ssize_t, writev, int, const struct iovec *, int);
  FAIL_OR(WRITE, real(fd, from, count));
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t at) {
  REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
  FAIL_OR(WRITE, real(fd, from, size, at));
}

ssize_t pwrite64(int fd, const void *from, size_t size, off64_t at) {
  REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
  FAIL_OR(WRITE, real(fd, from, size, at));
}

static int sync_result(void) {
  if (control->error == 0) {
    return 0;
  }
  errno = (int)control->error;
  return -1;
}

int fsync(int fd) {
  REAL(int, fsync, int);
  return hit(fd, SYNC) ? sync_result() : real(fd);
}

int fdatasync(int fd) {
  REAL(int, fdatasync, int);
  return hit(fd, SYNC) ? sync_result() : real(fd);
}
