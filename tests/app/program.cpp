// Spawning with redirected streams.
#include "app/program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "firstlight/base/error.h"
#include "firstlight/base/file.h"
#include "testing/testing.h"

extern char** environ;

namespace firstlight::testing {
namespace {

const std::filesystem::path& folder() {
  static const std::filesystem::path kFolder = scratch_dir("app");
  return kFolder;
}

}  // namespace

Ran firstlight(const std::vector<std::string>& arguments, const std::string& input) {
  const auto in = folder() / "stdin", out = folder() / "stdout", err = folder() / "stderr";
  write_text_file(in, input);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, in.c_str(), O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_addopen(&actions, 2, err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);

  std::vector<std::string> words = {FIRSTLIGHT_BINARY};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  std::string cache = "FIRSTLIGHT_CACHE=" + (folder() / "cache").string();
  std::vector<char*> environment;
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (!std::string_view(*variable).starts_with("FIRSTLIGHT_CACHE=")) environment.push_back(*variable);
  environment.push_back(cache.data());
  environment.push_back(nullptr);

  pid_t child = 0;
  const int error = posix_spawn(&child, words[0].c_str(), &actions, nullptr, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) fail(Category::kResource, words[0], "cannot be started: error {}", error);
  int status = 0;
  if (waitpid(child, &status, 0) != child) fail(Category::kInternal, words[0], "was lost");
  Ran ran;
  if (WIFEXITED(status)) ran.exit_code = WEXITSTATUS(status);
  ran.out = read_text_file(out);
  ran.err = read_text_file(err);
  return ran;
}

std::string bundled_model() { return (source_dir() / "models" / "phi3-nano").string(); }
std::string tiny_model() { return (source_dir() / "tests" / "golden" / "llama_plain").string(); }

std::string scratch_file(const std::string& name, const std::string& text) {
  const auto path = folder() / name;
  write_text_file(path, text);
  return path.string();
}

}  // namespace firstlight::testing
