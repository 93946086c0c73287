// INGOT_TRACE=file.json: one event for each call and each dispatch, in the
// format of chrome://tracing and Perfetto. All artifacts of a process append
// to one file; a file of an earlier process is overwritten.
#include "core.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

namespace ingot_rt {

/// Text of events, written out when full and when the context ends.
struct TraceBuffer {
  const char *path;
  int64_t thread;
  size_t used;
  char text[1 << 16];
};

TraceBuffer *traceOpen() {
  const char *path = getenv("INGOT_TRACE");
  if (!path || !*path)
    return nullptr;
  auto *trace = (TraceBuffer *)malloc(sizeof(TraceBuffer));
  if (!trace)
    return nullptr;
  trace->path = path;
  trace->used = 0;
  trace->thread = 0;
  return trace;
}

/// Opens the file at its end, first emptying what another process left. The
/// array is never closed: readers of the format accept that.
static int openTrace(const char *path) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0644);
  if (fd < 0)
    return fd;
  char head[160], found[160] = "";
  int length = snprintf(head, sizeof head,
                        "[\n{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%d,"
                        "\"tid\":0,\"args\":{\"name\":\"ingot\"}}",
                        (int)getpid());
  ssize_t got = pread(fd, found, (size_t)length, 0);
  if (got == length && memcmp(head, found, (size_t)length) == 0)
    return fd;
  if (ftruncate(fd, 0) != 0 || write(fd, head, (size_t)length) != length) {
    close(fd);
    return -1;
  }
  return fd;
}

static void flush(TraceBuffer *trace) {
  if (trace->used == 0)
    return;
  int fd = openTrace(trace->path);
  if (fd >= 0) {
    // A trace is an aid: what cannot be written is dropped.
    ssize_t written = write(fd, trace->text, trace->used);
    (void)written;
    close(fd);
  }
  trace->used = 0;
}

static void append(TraceBuffer *trace, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void append(TraceBuffer *trace, const char *format, ...) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    size_t room = sizeof trace->text - trace->used;
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(trace->text + trace->used, room, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < room) {
      trace->used += (size_t)length;
      return;
    }
    flush(trace);
  }
}

/// Copies a name into a JSON string.
static void quote(const char *name, char *out, size_t size) {
  size_t n = 0;
  for (; *name && n + 3 < size; ++name) {
    if (*name == '"' || *name == '\\')
      out[n++] = '\\';
    out[n++] = (unsigned char)*name < ' ' ? ' ' : *name;
  }
  out[n] = 0;
}

static void event(TraceBuffer *trace, const char *name, const char *category, uint64_t begin,
                  uint64_t end, const char *arguments) {
  if (!trace->thread)
    trace->thread = syscall(SYS_gettid);
  char quoted[256];
  quote(name, quoted, sizeof quoted);
  append(trace,
         ",\n{\"name\":\"%s\",\"cat\":\"%s\",\"ph\":\"X\",\"pid\":%d,"
         "\"tid\":%lld,\"ts\":%llu.%03u,\"dur\":%llu.%03u,\"args\":{%s}}",
         quoted, category, (int)getpid(), (long long)trace->thread,
         (unsigned long long)(begin / 1000), (unsigned)(begin % 1000),
         (unsigned long long)((end - begin) / 1000), (unsigned)((end - begin) % 1000), arguments);
}

void traceEvent(TraceBuffer *trace, const ingot_rt_site *site, uint64_t begin, uint64_t end,
                int64_t grid, int64_t chunk) {
  char nodes[512], arguments[640];
  quote(site->nodes, nodes, sizeof nodes);
  snprintf(arguments, sizeof arguments, "\"nodes\":\"%s\",\"grid\":%lld,\"chunk\":%lld", nodes,
           (long long)grid, (long long)chunk);
  event(trace, site->name, "kernel", begin, end, arguments);
}

void traceRun(TraceBuffer *trace, const char *signature, uint64_t begin, uint64_t end) {
  event(trace, signature, "run", begin, end, "");
}

void traceClose(TraceBuffer *trace) {
  if (!trace)
    return;
  flush(trace);
  free(trace);
}

} // namespace ingot_rt
