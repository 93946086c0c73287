// ingot-conform: compiles and runs files of cases (see container.py) and
// compares with TensorFlow's results.
//
//   ingot-conform [--known FILE] [--only PREFIX]... [--jobs N] [--engine WAY]
//   FILE...
//
// Cases run in child processes, so that a crash is one failed case. The last
// line is `N passed, N failed`.
#include "CaseFile.h"
#include "Engine.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/GlobPattern.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include <csignal>
#include <map>
#include <poll.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace llvm;
using namespace ingot::conform;

static cl::list<std::string> files(cl::Positional, cl::OneOrMore, cl::desc("FILE..."));
static cl::opt<std::string>
    knownFile("known", cl::desc("File of patterns of cases that Ingot refuses so far"));
static cl::list<std::string> only("only", cl::desc("Run cases with this prefix"));
static cl::opt<unsigned> jobs("jobs", cl::desc("Processes"), cl::init(0));
static cl::opt<unsigned> seconds("timeout", cl::desc("Seconds a case may take"), cl::init(60));
static cl::opt<std::string>
    way("engine", cl::init("compiled"),
        cl::desc("compiled, ungrouped (a kernel an operation), arena (with --debug-arena), "
                 "address (with --sanitize=address; this program must have "
                 "AddressSanitizer), gpu (needs a driver; test/emulator has one) or "
                 "reference (the evaluator)"));
static cl::opt<bool> verbose("v", cl::desc("Print each case"));

namespace {
enum class Outcome : char { Passed = 'P', Mismatch = 'M', Refused = 'R', Crashed = 'C' };

struct Result {
  Outcome outcome = Outcome::Crashed;
  std::string message;
};

/// A child process that works on every `jobs`-th case.
struct Worker {
  pid_t pid = -1;
  int fd = -1;
  size_t next = 0; ///< The case it is on.
  std::string buffer;
};
} // namespace

static std::unique_ptr<Engine> makeEngine(const Case &test, std::string &message) {
  if (way == "reference")
    return makeReference(test, message);
  return makeCompiled(test, way, message);
}

static std::string runOnce(const Case &test, const Run &run, Engine &engine) {
  RunResult result = engine.run(test, run);
  if (run.error)
    return result.failed ? "" : "runs without an error where TensorFlow reports one";
  if (result.failed)
    return result.message;
  for (size_t i = 0; i < test.fetches.size(); ++i) {
    std::string text =
        result.outputs[i].dtype == INGOT_INVALID_DTYPE
            ? "no such output"
            : compare(result.outputs[i], run.fetches[i], run.truth[i], test.rules[i]);
    if (!text.empty())
      return test.fetches[i] + ": " + text;
  }
  return "";
}

static Result runCase(const Case &test) {
  std::string message;
  std::unique_ptr<Engine> engine = makeEngine(test, message);
  if (!engine)
    return {Outcome::Refused, message};
  for (size_t i = 0; i < test.runs.size(); ++i) {
    std::string text = runOnce(test, test.runs[i], *engine);
    if (!text.empty())
      return {Outcome::Mismatch, formatv("run {0}: {1}", i, text).str()};
  }
  return {Outcome::Passed, ""};
}

static void writeAll(int fd, StringRef data) {
  while (!data.empty()) {
    ssize_t n = write(fd, data.data(), data.size());
    if (n <= 0)
      _exit(3);
    data = data.drop_front(n);
  }
}

/// The child: results of its cases as "OUTCOME message\0".
[[noreturn]] static void work(int fd, ArrayRef<const Case *> cases, size_t first, size_t step) {
  for (size_t i = first; i < cases.size(); i += step) {
    alarm(seconds);
    Result result = runCase(*cases[i]);
    alarm(0);
    std::string line(1, static_cast<char>(result.outcome));
    for (char c : result.message)
      line += c ? c : ' ';
    line += '\0';
    writeAll(fd, line);
  }
  _exit(0);
}

static void start(Worker &worker, ArrayRef<const Case *> cases, size_t step) {
  int fds[2];
  if (pipe(fds) != 0)
    exit(3);
  outs().flush();
  worker.buffer.clear();
  worker.pid = fork();
  if (worker.pid == 0) {
    close(fds[0]);
    work(fds[1], cases, worker.next, step);
  }
  close(fds[1]);
  worker.fd = fds[0];
}

/// Takes finished results out of the worker's buffer.
static void collect(Worker &worker, size_t step, std::vector<Result> &results) {
  size_t end;
  while ((end = worker.buffer.find('\0')) != std::string::npos) {
    results[worker.next] = {static_cast<Outcome>(worker.buffer[0]),
                            worker.buffer.substr(1, end - 1)};
    worker.buffer.erase(0, end + 1);
    worker.next += step;
  }
}

/// The worker's pipe is closed: it is done, or a case has taken it down.
static void finish(Worker &worker, ArrayRef<const Case *> cases, size_t step,
                   std::vector<Result> &results) {
  int status = 0;
  waitpid(worker.pid, &status, 0);
  close(worker.fd);
  worker.fd = -1;
  if (worker.next >= cases.size())
    return;
  std::string why = WIFSIGNALED(status) ? std::string("killed by ") + strsignal(WTERMSIG(status))
                                        : formatv("exit status {0}", WEXITSTATUS(status)).str();
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    why = formatv("takes more than {0} s", seconds.getValue());
  results[worker.next] = {Outcome::Crashed, why};
  worker.next += step;
  if (worker.next < cases.size())
    start(worker, cases, step);
}

static std::vector<Result> runAll(ArrayRef<const Case *> cases) {
  std::vector<Result> results(cases.size());
  size_t step = jobs ? jobs : std::max(1u, std::thread::hardware_concurrency());
  std::vector<Worker> workers(std::min(step, cases.size()));
  for (size_t i = 0; i < workers.size(); ++i) {
    workers[i].next = i;
    start(workers[i], cases, step);
  }
  while (true) {
    std::vector<pollfd> polls;
    for (Worker &worker : workers)
      polls.push_back({worker.fd, POLLIN, 0});
    if (none_of(workers, [](const Worker &w) { return w.fd >= 0; }))
      return results;
    poll(polls.data(), polls.size(), -1);
    for (size_t i = 0; i < workers.size(); ++i) {
      if (workers[i].fd < 0 || !polls[i].revents)
        continue;
      char block[65536];
      ssize_t n = read(workers[i].fd, block, sizeof block);
      if (n > 0) {
        workers[i].buffer.append(block, n);
        collect(workers[i], step, results);
      } else {
        finish(workers[i], cases, step, results);
      }
    }
  }
}

namespace {
struct Known {
  std::string text;
  GlobPattern pattern;
  bool needed = false;
};
} // namespace

static std::vector<Known> readKnown() {
  std::vector<Known> known;
  if (knownFile.empty())
    return known;
  auto buffer = MemoryBuffer::getFile(knownFile);
  if (!buffer) {
    errs() << "ingot-conform: cannot read " << knownFile << "\n";
    exit(2);
  }
  SmallVector<StringRef> lines;
  (*buffer)->getBuffer().split(lines, '\n', -1, false);
  for (StringRef line : lines) {
    line = line.split('#').first.trim();
    if (line.empty())
      continue;
    Expected<GlobPattern> pattern = GlobPattern::create(line);
    if (!pattern) {
      errs() << "ingot-conform: " << knownFile << ": " << toString(pattern.takeError()) << "\n";
      exit(2);
    }
    known.push_back({line.str(), std::move(*pattern)});
  }
  return known;
}

static bool hasPrefix(StringRef name, ArrayRef<std::string> prefixes) {
  return any_of(prefixes, [&](const std::string &p) { return name.starts_with(p); });
}

/// Prints failures and the counts by op; returns whether all is well.
static bool report(ArrayRef<const Case *> cases, ArrayRef<Result> results) {
  std::vector<Known> known = readKnown();
  size_t passed = 0, failed = 0, refused = 0;
  std::map<std::string, std::map<char, unsigned>> byOp;
  for (size_t i = 0; i < cases.size(); ++i) {
    const Result &result = results[i];
    StringRef name = cases[i]->name;
    bool expected = false;
    if (result.outcome == Outcome::Refused)
      for (Known &k : known)
        if (k.pattern.match(name))
          expected = k.needed = true;
    if (result.outcome == Outcome::Passed)
      ++passed;
    else if (expected)
      ++refused;
    else {
      ++failed;
      ++byOp[name.split('/').first.str()][static_cast<char>(result.outcome)];
    }
    const char *word = result.outcome == Outcome::Mismatch  ? "MISMATCH"
                       : result.outcome == Outcome::Refused ? "REFUSED"
                                                            : "CRASHED";
    if (result.outcome != Outcome::Passed && !expected)
      outs() << word << " " << name << ": " << StringRef(result.message).rtrim() << "\n";
    else if (verbose)
      outs() << (expected ? "known" : "ok") << " " << name << "\n";
  }
  for (auto &[op, counts] : byOp)
    outs() << formatv("failed: {0}: {1} mismatched, {2} refused, {3} crashed\n", op, counts['M'],
                      counts['R'], counts['C']);
  for (const Known &k : known)
    if (!k.needed && only.empty()) {
      outs() << "failed: no case is refused any more under " << k.text << ": take it out of "
             << knownFile << "\n";
      ++failed;
    }
  if (refused)
    outs() << refused << " cases refused as " << knownFile << " says\n";
  outs() << passed << " passed, " << failed << " failed\n";
  return failed == 0;
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "Runs conformance and fuzz cases through Ingot\n");
  std::vector<std::unique_ptr<MemoryBuffer>> buffers;
  std::vector<Case> cases;
  for (const std::string &file : files) {
    auto buffer = MemoryBuffer::getFile(file, false, false);
    std::string error = buffer ? "" : buffer.getError().message();
    if (!buffer || !readCases((*buffer)->getBuffer(), cases, error)) {
      errs() << "ingot-conform: " << file << ": " << error << "\n";
      return 2;
    }
    buffers.push_back(std::move(*buffer));
  }
  std::vector<const Case *> chosen;
  for (const Case &test : cases)
    if (only.empty() || hasPrefix(test.name, std::vector<std::string>(only.begin(), only.end())))
      chosen.push_back(&test);
  std::vector<Result> results = runAll(chosen);
  return report(chosen, results) ? 0 : 1;
}
