/* dovecot_paths: lets Dovecot run where it was unpacked (LD_PRELOAD).
 *
 * It looks for its modules below the folder that it was compiled for, whatever its settings say. A path below
 * /usr/lib/dovecot is taken from the folder that the environment variable DOVECOT_UNPACKED names.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *moved(const char *path, char place[PATH_MAX]) {
    static const char compiled_in[] = "/usr/lib/dovecot/";
    const char *root = getenv("DOVECOT_UNPACKED");
    if (!path || !root || strncmp(path, compiled_in, sizeof compiled_in - 1)) return path;
    snprintf(place, PATH_MAX, "%s%s", root, path);
    return place;
}

DIR *opendir(const char *path) {
    char place[PATH_MAX];
    DIR *(*next)(const char *) = dlsym(RTLD_NEXT, "opendir");
    return next(moved(path, place));
}

void *dlopen(const char *path, int flags) {
    char place[PATH_MAX];
    void *(*next)(const char *, int) = dlsym(RTLD_NEXT, "dlopen");
    return next(moved(path, place), flags);
}
