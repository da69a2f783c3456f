/* Logs what a process tells its disk about the files in one directory: preload it, and name
 * the directory in DISK_LOG_DIRECTORY and the log in DISK_LOG.
 *
 * A record is one struct head, the path, the data; see log.py, which reads it. A call is logged
 * when it has returned, so that what a process does after a sync stands after the sync.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE, SYNC, TRUNCATE, CREATE, DELETE, RENAME };

struct head {
    uint32_t kind, path_length, data_length, reserved;
    uint64_t offset;
};

static int log_descriptor = -1;
static const char *directory;
static size_t directory_length;

__attribute__((constructor)) static void begin(void)
{
    directory = getenv("DISK_LOG_DIRECTORY");
    const char *file = getenv("DISK_LOG");
    if (!directory || !file)
        abort();
    directory_length = strlen(directory);
    log_descriptor = (int)syscall(SYS_openat, AT_FDCWD, file,
                                  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_descriptor < 0)
        abort();
}

static void note(enum kind kind, const char *path, uint64_t offset, const void *data, size_t length)
{
    if (strncmp(path, directory, directory_length) != 0)
        return;
    struct head head = {kind, (uint32_t)strlen(path), (uint32_t)length, 0, offset};
    struct iovec parts[] = {
        {&head, sizeof head}, {(void *)path, head.path_length}, {(void *)data, length}};
    size_t whole = sizeof head + head.path_length + length;
    if (writev(log_descriptor, parts, 3) != (ssize_t)whole)
        abort();
}

static void note_open_file(enum kind kind, int descriptor, uint64_t offset, const void *data,
                           size_t length)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t path_length = readlink(link, path, sizeof path - 1);
    if (path_length < 0)
        return;
    path[path_length] = 0;
    note(kind, path, offset, data, length);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list more;
        va_start(more, flags);
        mode = va_arg(more, mode_t);
        va_end(more);
    }
    int is_new = (flags & O_CREAT) && access(path, F_OK) != 0;
    int descriptor = REAL(open64)(path, flags, mode);
    if (descriptor >= 0 && is_new)
        note_open_file(CREATE, descriptor, 0, "", 0);
    else if (descriptor >= 0 && (flags & O_TRUNC))
        note_open_file(TRUNCATE, descriptor, 0, "", 0);
    return descriptor;
}

ssize_t pwrite64(int descriptor, const void *data, size_t length, off64_t offset)
{
    ssize_t written = REAL(pwrite64)(descriptor, data, length, offset);
    if (written > 0)
        note_open_file(WRITE, descriptor, (uint64_t)offset, data, (size_t)written);
    return written;
}

int ftruncate64(int descriptor, off64_t length)
{
    int result = REAL(ftruncate64)(descriptor, length);
    if (result == 0)
        note_open_file(TRUNCATE, descriptor, (uint64_t)length, "", 0);
    return result;
}

int posix_fallocate64(int descriptor, off64_t offset, off64_t length)
{
    struct stat now;
    int error = REAL(posix_fallocate64)(descriptor, offset, length);
    if (error == 0 && fstat(descriptor, &now) == 0)
        note_open_file(TRUNCATE, descriptor, (uint64_t)now.st_size, "", 0);
    return error;
}

int fsync(int descriptor)
{
    int result = REAL(fsync)(descriptor);
    if (result == 0)
        note_open_file(SYNC, descriptor, 0, "", 0);
    return result;
}

int fdatasync(int descriptor)
{
    int result = REAL(fdatasync)(descriptor);
    if (result == 0)
        note_open_file(SYNC, descriptor, 0, "", 0);
    return result;
}

int unlink(const char *path)
{
    int result = REAL(unlink)(path);
    if (result == 0)
        note(DELETE, path, 0, "", 0);
    return result;
}

int rename(const char *path, const char *name)
{
    int result = REAL(rename)(path, name);
    if (result == 0)
        note(RENAME, path, 0, name, strlen(name));
    return result;
}
