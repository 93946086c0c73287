// The side file of an artifact: a safetensors file whose header's hash the
// descriptor knows, mapped read-only and shared with other processes.
#include "core.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

namespace ingot_rt {

/// FNV-1a over `bytes` bytes.
static uint64_t hashBytes(const char *data, uint64_t bytes) {
  uint64_t h = 0xcbf29ce484222325ull;
  for (uint64_t i = 0; i < bytes; ++i)
    h = (h ^ (unsigned char)data[i]) * 0x100000001b3ull;
  return h;
}

/// Writes the folder of the file this code was loaded from, with a slash.
static bool ownFolder(char *folder, size_t size) {
  FILE *maps = fopen("/proc/self/maps", "r");
  if (!maps)
    return false;
  char *line = (char *)malloc(PATH_MAX + 128);
  bool found = false;
  auto self = (unsigned long)(uintptr_t)&defaultAllocator;
  while (line && !found && fgets(line, PATH_MAX + 128, maps)) {
    unsigned long begin = 0, end = 0;
    if (sscanf(line, "%lx-%lx", &begin, &end) != 2 || self < begin || self >= end)
      continue;
    char *path = strchr(line, '/');
    char *slash = path ? strrchr(path, '/') : nullptr;
    if (!slash || (size_t)(slash + 2 - path) > size)
      break;
    slash[1] = 0;
    memcpy(folder, path, (size_t)(slash + 2 - path));
    found = true;
  }
  free(line);
  fclose(maps);
  return found;
}

static int openWeights(const char *given, const char *name, char *path, size_t size) {
  if (given) {
    snprintf(path, size, "%s", given);
    return open(path, O_RDONLY | O_CLOEXEC);
  }
  char *folder = (char *)malloc(PATH_MAX);
  int fd = -1;
  if (folder && ownFolder(folder, PATH_MAX)) {
    snprintf(path, size, "%s%s", folder, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
  }
  free(folder);
  if (fd < 0) {
    int here = open(name, O_RDONLY | O_CLOEXEC);
    if (here >= 0)
      snprintf(path, size, "%s", name);
    return here;
  }
  return fd;
}

ingot_status mapWeights(ingot_state *state, const char *given) {
  const ingot_rt_module *m = state->module;
  const char *model = m->module->name;
  char path[512] = "";
  int fd = openWeights(given, m->module->weights_file, path, sizeof path);
  if (fd < 0)
    return fail(INGOT_IO,
                "%s: cannot open its weights '%s'; put the file beside the "
                "artifact or give weights_path",
                model, given ? given : m->module->weights_file);
  uint64_t need = m->weights_file_offset + m->module->weights_bytes;
  void *memory = MAP_FAILED;
  // lseek and not fstat, which is no symbol of glibc before 2.33.
  off_t size = lseek(fd, 0, SEEK_END);
  bool rightSize = size >= 0 && (uint64_t)size == need;
  if (rightSize)
    memory = mmap(nullptr, need, PROT_READ, MAP_PRIVATE, fd, 0);
  close(fd);
  if (!rightSize)
    return fail(INGOT_IO, "%s: '%s' is not its weights: %llu bytes expected", model, path,
                (unsigned long long)need);
  if (memory == MAP_FAILED)
    return fail(INGOT_IO, "%s: cannot map '%s' into memory", model, path);
  if (hashBytes((const char *)memory, m->weights_file_offset) != m->weights_file_check) {
    munmap(memory, need);
    return fail(INGOT_IO,
                "%s: '%s' is not its weights: the header differs from what "
                "the artifact was compiled with",
                model, path);
  }
  state->mapping = memory;
  state->mappingBytes = need;
  state->weights = (const char *)memory + m->weights_file_offset;
  return INGOT_OK;
}

void unmapWeights(ingot_state *state) {
  if (state->mapping)
    munmap(state->mapping, state->mappingBytes);
}

} // namespace ingot_rt
