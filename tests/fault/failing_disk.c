/* Fails one call on the files of one store: FAILING_CALL (fdatasync, pwrite or ftruncate),
 * FAILING_FILE (how the file's name ends), FAILING_NUMBER (the call's number, from 1).
 * It says FAILED on standard output at that moment, and sets the errno of a bad disk. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int fails(const char *call, int descriptor)
{
    static atomic_int number;
    const char *wanted = getenv("FAILING_CALL"), *file = getenv("FAILING_FILE");
    char link[64], name[PATH_MAX];
    if (!wanted || strcmp(wanted, call) != 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, name, sizeof name);
    size_t ending = strlen(file);
    if (length < (ssize_t)ending || memcmp(name + length - ending, file, ending) != 0)
        return 0;
    if (atomic_fetch_add(&number, 1) + 1 != atoi(getenv("FAILING_NUMBER")))
        return 0;
    if (write(1, "FAILED\n", 7) != 7)
        abort();
    errno = EIO;
    return 1;
}

int fdatasync(int descriptor)
{
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    return fails("fdatasync", descriptor) ? -1 : real(descriptor);
}

ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t offset)
{
    ssize_t (*real)(int, const void *, size_t, off64_t) =
        (ssize_t(*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
    return fails("pwrite", descriptor) ? -1 : real(descriptor, data, size, offset);
}

ssize_t pwrite(int descriptor, const void *data, size_t size, off_t offset)
{
    ssize_t (*real)(int, const void *, size_t, off_t) =
        (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    return fails("pwrite", descriptor) ? -1 : real(descriptor, data, size, offset);
}
