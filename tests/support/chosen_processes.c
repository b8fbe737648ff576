/* Preloaded into hapulse by support::machine: `/proc` lists only the processes in CHOSEN_PROCESSES (and process 1), and
 * HAProxy's usual paths do not exist. */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int is_chosen(const char *pid)
{
    char word[32];
    const char *chosen = getenv("CHOSEN_PROCESSES");
    snprintf(word, sizeof word, " %s ", pid);
    return strspn(pid, "0123456789") != strlen(pid) || (chosen && strstr(chosen, word));
}

static int is_proc(DIR *dir)
{
    char link[64], target[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", dirfd(dir));
    ssize_t length = readlink(link, target, sizeof target - 1);
    return length == 5 && !memcmp(target, "/proc", 5);
}

struct dirent64 *readdir64(DIR *dir)
{
    struct dirent64 *(*next)(DIR *) = dlsym(RTLD_NEXT, "readdir64");
    struct dirent64 *entry = next(dir);
    while (entry && is_proc(dir) && !is_chosen(entry->d_name))
        entry = next(dir);
    return entry;
}

int statx(int folder, const char *path, int flags, unsigned int mask, struct statx *out)
{
    int (*next)(int, const char *, int, unsigned int, struct statx *) = dlsym(RTLD_NEXT, "statx");
    const char *hidden[] = { "/run/haproxy", "/var/run/haproxy", "/var/lib/haproxy", "/tmp/haproxy.sock", "/etc/haproxy" };
    for (size_t i = 0; path && i < sizeof hidden / sizeof *hidden; i++)
        if (!strncmp(path, hidden[i], strlen(hidden[i]))) {
            errno = ENOENT;
            return -1;
        }
    return next(folder, path, flags, mask, out);
}
