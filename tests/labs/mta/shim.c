/* LD_PRELOAD shim for mail servers that run out of an unpacked package instead of an installed one.
 *
 * LAB_SYSLOG=FILE      syslog(3) lines are appended to FILE: the C library's /dev/log cannot be moved.
 * LAB_ALIAS=NAME=REAL  a user or group NAME that does not exist is looked up as REAL (a name built into the program).
 * LAB_HOSTNAME=NAME    gethostname(2) and uname(2) say NAME, which resolves as localhost.
 * Always: the resolver answers "no such host", so that no test depends on a name server.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <grp.h>
#include <netdb.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <syslog.h>
#include <unistd.h>

#define UNUSED __attribute__((unused))
/* The next definition of the function that ours stands before. */
#define NEXT(function) ((__typeof__(&function))dlsym(RTLD_NEXT, #function))

static char log_file[1024], alias_name[64], alias_real[64], host_name[65], log_ident[64] = "-";

static void copy(char *to, size_t size, const char *from)
{
    if (from)
        snprintf(to, size, "%s", from);
}

/* The servers scrub their environment after the start, so the settings are copied before main() runs. */
__attribute__((constructor)) static void read_settings(void)
{
    char pair[128] = "", *real;

    copy(log_file, sizeof log_file, getenv("LAB_SYSLOG"));
    copy(host_name, sizeof host_name, getenv("LAB_HOSTNAME"));
    copy(pair, sizeof pair, getenv("LAB_ALIAS"));
    if ((real = strchr(pair, '=')) != NULL) {
        *real++ = '\0';
        copy(alias_name, sizeof alias_name, pair);
        copy(alias_real, sizeof alias_real, real);
    }
}

void openlog(const char *ident, int option UNUSED, int facility UNUSED) { copy(log_ident, sizeof log_ident, ident); }
void closelog(void) {}

void vsyslog(int priority UNUSED, const char *format, va_list arguments)
{
    char text[8000], line[8192];
    int file, size;

    if (!log_file[0])
        return;
    vsnprintf(text, sizeof text, format, arguments);
    size = snprintf(line, sizeof line, "%s[%d]: %s\n", log_ident, (int)getpid(), text);
    file = open(log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0 || write(file, line, size) != size)
        abort(); /* a test must not pass on a log that has holes */
    close(file);
}

void syslog(int priority, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsyslog(priority, format, arguments);
    va_end(arguments);
}

/* What the two are called in programs that were compiled with _FORTIFY_SOURCE. */
void __vsyslog_chk(int priority, int flag UNUSED, const char *format, va_list arguments)
{
    vsyslog(priority, format, arguments);
}

void __syslog_chk(int priority, int flag UNUSED, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsyslog(priority, format, arguments);
    va_end(arguments);
}

static int is_alias(const char *name) { return alias_name[0] && strcmp(name, alias_name) == 0; }

struct passwd *getpwnam(const char *name)
{
    struct passwd *found = NEXT(getpwnam)(name);
    return found || !is_alias(name) ? found : NEXT(getpwnam)(alias_real);
}

struct group *getgrnam(const char *name)
{
    struct group *found = NEXT(getgrnam)(name);
    return found || !is_alias(name) ? found : NEXT(getgrnam)(alias_real);
}

int gethostname(char *name, size_t size)
{
    if (!host_name[0])
        return NEXT(gethostname)(name, size);
    copy(name, size, host_name);
    return 0;
}

int uname(struct utsname *system)
{
    int result = NEXT(uname)(system);
    if (result == 0 && host_name[0])
        copy(system->nodename, sizeof system->nodename, host_name);
    return result;
}

struct hostent *gethostbyname2(const char *name, int family)
{
    int own = host_name[0] && strcmp(name, host_name) == 0;
    return NEXT(gethostbyname2)(own ? "localhost" : name, family);
}

int res_query(const char *name UNUSED, int class UNUSED, int type UNUSED, unsigned char *answer UNUSED, int size UNUSED)
{
    h_errno = HOST_NOT_FOUND;
    return -1;
}

int res_search(const char *name, int class, int type, unsigned char *answer, int size)
{
    return res_query(name, class, type, answer, size);
}

int res_querydomain(const char *name, const char *domain UNUSED, int class, int type, unsigned char *answer, int size)
{
    return res_query(name, class, type, answer, size);
}
