// "With one thread a call makes no allocation, lock or system call after the
// first call of a size", counted: allocation and locks by interposing the C
// library's functions, system calls by a seccomp filter that kills.
#include "TestModel.h"

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static thread_local bool counting = false;
static thread_local long calls = 0;

extern "C" int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  static auto real = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
  calls += counting;
  return real(memory, alignment, bytes);
}

extern "C" int pthread_mutex_lock(pthread_mutex_t *mutex) noexcept {
  static auto real = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
  calls += counting;
  return real(mutex);
}

namespace {

struct Call {
  std::vector<float> x, y, z;
  ingot_tensor in[2], out[1];
  ingot_context *context;
  Call(ingot_context *context, int64_t batch)
      : x(batch * 4), y(batch * 4), z(batch * 4),
        in{tensorOf(x, {batch, 4}), tensorOf(y, {batch, 4})}, out{tensorOf(z, {})},
        context(context) {}
  ingot_status operator()() { return ingot_run(demoModule(), context, 0, in, out); }
};

ingot_context *oneThread() {
  ingot_context_options o = {};
  o.struct_size = sizeof o;
  o.threads = 1;
  ingot_context *c = nullptr;
  EXPECT_EQ(ingot_context_create(demoModule(), &o, &c), INGOT_OK);
  return c;
}

TEST(Quiet, NoAllocationOrLockAfterTheFirstCallOfASize) {
  ingot_context *c = oneThread();
  Call large(c, 64), small(c, 5), larger(c, 65);
  counting = true;
  large();
  long first = calls;
  large();
  small();
  large();
  long after = calls;
  larger();
  long grown = calls;
  counting = false;
  EXPECT_GT(first, 0);
  EXPECT_EQ(after, first);
  EXPECT_GT(grown, after);
  ingot_context_destroy(demoModule(), c);
}

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
/// Allows nothing but the end of the process.
void forbidSystemCalls() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
  };
  sock_fprog program = {sizeof filter / sizeof *filter, filter};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/// Exit status of a child that calls once, forbids system calls, calls again.
int childStatus(bool withViolation) {
  pid_t child = fork();
  if (child == 0) {
    ingot_context *c = oneThread();
    Call call(c, 64), small(c, 3), larger(c, 100000);
    call();
    forbidSystemCalls();
    for (int i = 0; i < 100; ++i)
      if (call() != INGOT_OK || small() != INGOT_OK)
        syscall(SYS_exit_group, 1);
    if (withViolation)
      larger(); // its arena comes from mmap
    syscall(SYS_exit_group, 0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

TEST(Quiet, NoSystemCallAfterTheFirstCallOfASize) {
  int control = childStatus(true);
  if (!WIFSIGNALED(control))
    GTEST_SKIP() << "this kernel does not filter system calls";
  int status = childStatus(false);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}
#endif

} // namespace
