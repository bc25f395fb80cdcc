// Makes calls of the C library fail on purpose, for files below one directory. Loaded with LD_PRELOAD, so that it stands
// where the kernel would: below Rust's standard library, below SQLite in this addon and below better-sqlite3's.
//
// What fails is said in a struct in a file that both sides map: the test writes it, this side reads it at every call.
// FLOWKIT_SHIM_CONTROL is that file, FLOWKIT_SHIM_DIR the directory.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// __test__/support/disk-shim.mjs has the same list, in the same order.
enum kind { OPEN, READ, WRITE, SYNC, RENAME, UNLINK, MKDIR, CHMOD, CLOSE, STAT, TRUNCATE, LOCK, MAP, LINK };

// In place of an errno: the process stops once it has the lock that it asks for; a file that is only open for reading cannot be
// locked, as on NFS.
enum { STOP = 65535, ONLY_READ = 65534 };

struct control {
  uint32_t armed;
  uint32_t kinds;   // a bit for each kind that may fail
  uint32_t first;   // the number, from 1, of the call that fails
  uint32_t count;   // how many calls fail from that one on
  uint32_t error;   // errno; 0 to shorten a write or a read instead
  uint32_t delay;   // milliseconds to wait before each failure
  uint32_t seen;    // calls so far
  uint32_t hits;    // calls that failed
  uint32_t hit;     // a bit for each kind of them
};

enum { FILES = 65536 };
static struct control *control;
static const char *directory;
static size_t length;
static char watched[FILES];

__attribute__((constructor)) static void start(void) {
  const char *path = getenv("FLOWKIT_SHIM_CONTROL");
  directory = getenv("FLOWKIT_SHIM_DIR");
  if (!path || !directory) return;
  length = strlen(directory);
  int (*open_file)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
  int file = open_file(path, O_RDWR | O_CLOEXEC);
  if (file < 0) abort();
  void *memory = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) abort();
  control = memory;
  int (*close_file)(int) = dlsym(RTLD_NEXT, "close");
  close_file(file);
}

static int below(const char *path) {
  return control && path && strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int is_watched(int file) { return control && file >= 0 && file < FILES && watched[file]; }

static int watch(int file, int yes) {
  if (file >= 0 && file < FILES) watched[file] = (char)yes;
  return file;
}

// Whether this call is to fail: 0 for no, else an errno, or -1 for a short one.
static int fails(enum kind kind) {
  struct control *c = control;
  if (!__atomic_load_n(&c->armed, __ATOMIC_SEQ_CST) || !(c->kinds & (1u << kind))) return 0;
  uint32_t number = __atomic_add_fetch(&c->seen, 1, __ATOMIC_SEQ_CST);
  if (number < c->first || number - c->first >= c->count) return 0;
  if (c->error == 0 && kind != WRITE && kind != READ) return 0;
  __atomic_add_fetch(&c->hits, 1, __ATOMIC_SEQ_CST);
  __atomic_or_fetch(&c->hit, 1u << kind, __ATOMIC_SEQ_CST);
  if (c->delay) {
    struct timespec time = {c->delay / 1000, (long)(c->delay % 1000) * 1000000};
    nanosleep(&time, NULL);
  }
  return c->error == 0 ? -1 : (int)c->error;
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (!real) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define FAIL(condition, kind, answer) \
  do { \
    int error_ = (condition) ? fails(kind) : 0; \
    if (error_ > 0) { errno = error_; return answer; } \
  } while (0)

// A file that is opened without a mode has nothing there; the mode is then not looked at.
#define MODE(flags) \
  va_list list; \
  va_start(list, flags); \
  unsigned mode = va_arg(list, unsigned); \
  va_end(list)

#define OPENING(name) \
  int name(const char *path, int flags, ...) { \
    MODE(flags); \
    REAL(int, name, const char *, int, ...); \
    FAIL(below(path), OPEN, -1); \
    return watch(real(path, flags, mode), below(path)); \
  }
OPENING(open)
OPENING(open64)

#define OPENING_AT(name) \
  int name(int at, const char *path, int flags, ...) { \
    MODE(flags); \
    REAL(int, name, int, const char *, int, ...); \
    FAIL(below(path), OPEN, -1); \
    return watch(real(at, path, flags, mode), below(path)); \
  }
OPENING_AT(openat)
OPENING_AT(openat64)

DIR *opendir(const char *path) {
  REAL(DIR *, opendir, const char *);
  FAIL(below(path), OPEN, NULL);
  return real(path);
}

int close(int file) {
  REAL(int, close, int);
  int was = is_watched(file);
  watch(file, 0);
  int answer = real(file);
  // As on Linux: the descriptor is gone in any case.
  FAIL(was, CLOSE, -1);
  return answer;
}

#define MOVING(kind, name, pointer, ...) \
  ssize_t name(int file, pointer bytes, size_t size __VA_OPT__(, off_t at)) { \
    REAL(ssize_t, name, int, pointer, size_t __VA_OPT__(, off_t)); \
    int error = is_watched(file) ? fails(kind) : 0; \
    if (error > 0) { errno = error; return -1; } \
    if (error < 0 && size > 1) size /= 2; \
    return real(file, bytes, size __VA_OPT__(, at)); \
  }
MOVING(WRITE, write, const void *)
MOVING(WRITE, pwrite, const void *, at)
MOVING(WRITE, pwrite64, const void *, at)
MOVING(READ, read, void *)
MOVING(READ, pread, void *, at)
MOVING(READ, pread64, void *, at)

ssize_t writev(int file, const struct iovec *parts, int count) {
  REAL(ssize_t, writev, int, const struct iovec *, int);
  FAIL(is_watched(file), WRITE, -1);
  return real(file, parts, count);
}

#define ON_FILE(kind, name) \
  int name(int file) { \
    REAL(int, name, int); \
    FAIL(is_watched(file), kind, -1); \
    return real(file); \
  }
ON_FILE(SYNC, fsync)
ON_FILE(SYNC, fdatasync)

#define CUTTING(name) \
  int name(int file, off_t size) { \
    REAL(int, name, int, off_t); \
    FAIL(is_watched(file), TRUNCATE, -1); \
    return real(file, size); \
  }
CUTTING(ftruncate)
CUTTING(ftruncate64)

int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  FAIL(below(to), RENAME, -1);
  return real(from, to);
}

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
  REAL(int, linkat, int, const char *, int, const char *, int);
  FAIL(below(to), LINK, -1);
  return real(from_at, from, to_at, to, flags);
}

int unlink(const char *path) {
  REAL(int, unlink, const char *);
  FAIL(below(path), UNLINK, -1);
  return real(path);
}

int rmdir(const char *path) {
  REAL(int, rmdir, const char *);
  FAIL(below(path), UNLINK, -1);
  return real(path);
}

int mkdir(const char *path, mode_t mode) {
  REAL(int, mkdir, const char *, mode_t);
  FAIL(below(path), MKDIR, -1);
  return real(path, mode);
}

int chmod(const char *path, mode_t mode) {
  REAL(int, chmod, const char *, mode_t);
  FAIL(below(path), CHMOD, -1);
  return real(path, mode);
}

int fchmod(int file, mode_t mode) {
  REAL(int, fchmod, int, mode_t);
  FAIL(is_watched(file), CHMOD, -1);
  return real(file, mode);
}

#define LOOKING(name, type) \
  int name(const char *path, struct type *found) { \
    REAL(int, name, const char *, struct type *); \
    FAIL(below(path), STAT, -1); \
    return real(path, found); \
  }
LOOKING(stat, stat)
LOOKING(lstat, stat)
LOOKING(stat64, stat64)
LOOKING(lstat64, stat64)

#define LOOKING_AT_FILE(name, type) \
  int name(int file, struct type *found) { \
    REAL(int, name, int, struct type *); \
    FAIL(is_watched(file), STAT, -1); \
    return real(file, found); \
  }
LOOKING_AT_FILE(fstat, stat)
LOOKING_AT_FILE(fstat64, stat64)

int statx(int at, const char *path, int flags, unsigned mask, struct statx *found) {
  REAL(int, statx, int, const char *, int, unsigned, struct statx *);
  // Rust asks with no path at all whether there is such a call. `volatile`, as glibc's header denies that it can happen.
  const char *volatile given = path;
  const char *name = given;
  FAIL(name && (below(name) || (!*name && is_watched(at))), STAT, -1);
  return real(at, path, flags, mask, found);
}

#define CONTROLLING(name) \
  int name(int file, int command, ...) { \
    va_list list; \
    va_start(list, command); \
    void *argument = va_arg(list, void *); \
    va_end(list); \
    REAL(int, name, int, int, ...); \
    int locks = command == F_SETLK || command == F_SETLKW || command == F_GETLK || command == F_OFD_SETLK || \
                command == F_OFD_SETLKW || command == F_OFD_GETLK; \
    FAIL(locks && is_watched(file), LOCK, -1); \
    return real(file, command, argument); \
  }
CONTROLLING(fcntl)
CONTROLLING(fcntl64)

int flock(int file, int operation) {
  REAL(int, flock, int, int);
  // Giving a lock back never fails.
  int error = is_watched(file) && !(operation & LOCK_UN) ? fails(LOCK) : 0;
  int only_read = error == ONLY_READ && (fcntl(file, F_GETFL) & O_ACCMODE) == O_RDONLY;
  if (only_read) error = EBADF;
  if (error > 0 && error != STOP && error != ONLY_READ) { errno = error; return -1; }
  int answer = real(file, operation);
  // To this very thread: another one would let it go on for a moment.
  if (error == STOP) raise(SIGSTOP);
  return answer;
}

#define MAPPING(name) \
  void *name(void *address, size_t size, int protection, int flags, int file, off_t at) { \
    REAL(void *, name, void *, size_t, int, int, int, off_t); \
    FAIL(is_watched(file), MAP, MAP_FAILED); \
    return real(address, size, protection, flags, file, at); \
  }
MAPPING(mmap)
MAPPING(mmap64)
