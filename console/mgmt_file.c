#include "console/mgmt_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

FILE *mgmt_file_open(const char *path) {
    struct stat st;
    int fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
    if (fd < 0) return NULL;
    bool ok = !fstat(fd, &st) && (S_ISREG(st.st_mode) || (errno = EINVAL, false)) && !ftruncate(fd, 0);
    FILE *f = ok ? fdopen(fd, "wb") : NULL;
    int error = errno;
    if (!f) close(fd);
    errno = error;
    return f;
}
