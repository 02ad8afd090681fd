/* Interposes pwrite(2): while the file that $FAIL_META_WHILE names is there, LMDB's meta pages can't be written.
 * These are small writes in the first two pages of data.mdb; anything else goes through. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define PAGES 8192
#define SMALL 512

typedef ssize_t (*writer)(int, const void *, size_t, off_t);

static int fails(size_t size, off_t at) {
    const char *flag = getenv("FAIL_META_WHILE");
    return flag && size < SMALL && at < PAGES && access(flag, F_OK) == 0;
}

static ssize_t written(const char *name, int fd, const void *data, size_t size, off_t at) {
    if (fails(size, at)) {
        errno = EIO;
        return -1;
    }
    return ((writer)dlsym(RTLD_NEXT, name))(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    return written("pwrite", fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
    return written("pwrite64", fd, data, size, at);
}
