// The text of each thread's last failure. A pthread key and not thread-local
// storage: a shared object with TLS takes from the loader's small static
// reserve, or needs __tls_get_addr. Nothing here runs unless a call fails.
#include "core.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

namespace ingot_rt {

static constexpr size_t messageBytes = 768;
static pthread_key_t messageKey;
static pthread_once_t messageOnce = PTHREAD_ONCE_INIT;
static Atomic<uint32_t> haveKey;

// `free` outlives the artifact, so threads may end after it is unloaded.
static void makeKey() {
  if (pthread_key_create(&messageKey, free) == 0)
    haveKey.store(1);
}

ingot_status fail(ingot_status status, const char *format, ...) {
  pthread_once(&messageOnce, makeKey);
  if (!haveKey.load())
    return status;
  char *text = (char *)pthread_getspecific(messageKey);
  if (!text) {
    text = (char *)malloc(messageBytes);
    if (!text)
      return status;
    pthread_setspecific(messageKey, text);
  }
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, messageBytes, format, arguments);
  va_end(arguments);
  return status;
}

const char *lastMessage() {
  if (!haveKey.load())
    return "";
  const char *text = (const char *)pthread_getspecific(messageKey);
  return text ? text : "";
}

} // namespace ingot_rt
