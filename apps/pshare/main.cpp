// pshare: the user's tool. Reads the command line, builds what the verb needs, runs it, and turns its end into an exit status.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "apps/command_line/completion.hpp"
#include "apps/process/arguments.hpp"
#include "apps/process/environment.hpp"
#include "apps/process/plain_output.hpp"
#include "apps/pshare/code_prompt.hpp"
#include "apps/pshare/completing.hpp"
#include "apps/pshare/config.hpp"
#include "apps/pshare/program.hpp"
#include "io/log.hpp"

namespace pshare {
namespace {

awaitable<void> run_verb(Program& program, Verb verb) {
  if (auto* options = std::get_if<InitOptions>(&verb)) co_await init(program, *options);
  if (std::holds_alternative<IdOptions>(verb)) co_await id(program);
  if (auto* options = std::get_if<SendOptions>(&verb)) co_await send(program, *options);
  if (auto* options = std::get_if<ReceiveOptions>(&verb)) co_await receive(program, *options);
  if (auto* options = std::get_if<ContactsOptions>(&verb)) co_await contacts(program, *options);
  if (auto* options = std::get_if<PairOptions>(&verb)) co_await pair(program, *options);
  if (std::holds_alternative<PeersOptions>(verb)) co_await peers(program);
  if (auto* options = std::get_if<DoctorOptions>(&verb)) co_await doctor(program, *options);
  if (auto* options = std::get_if<ReceiptsOptions>(&verb)) co_await receipts(program, *options);
  if (auto* options = std::get_if<SupernodeOptions>(&verb)) co_await supernode(program, *options);
}

/// Two are enough to read and compress while a third thread, the loop, encrypts and sends; more only where there are cores for them.
std::size_t worker_threads() { return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 2, 8); }

void run(const Options& options, Report& report) {
  const auto home = value_or_throw(Home::open(options.common));
  const auto identity = value_or_throw(home.identity());
  const TlsContext tls{identity};
  auto proxies = value_or_throw(proxy_settings(options.common.proxy, environment));
  if (proxies.ignored) report.warn("the environment's proxy is not used: " + *proxies.ignored);
  Outlet outlet{std::move(proxies)};
  SecureRandom random;
  asio::io_context loop{1};
  WorkerPool workers{worker_threads()};
  Terminal terminal{loop.get_executor(), [&report](std::string_view asked) { report.question(asked); }};
  Program program{loop.get_executor(), options.common, home, identity, tls, outlet, random, workers, terminal, report};

  std::exception_ptr trouble;
  asio::co_spawn(loop, run_verb(program, options.verb), [&](std::exception_ptr thrown) { trouble = thrown; });
  loop.run();
  if (trouble) std::rethrow_exception(trouble);
}

Report::Manner manner_of(const CommonOptions& options) { return {.json = options.json, .quiet = options.quiet, .verbosity = options.verbosity}; }

int end(Report& report, const Error& error) {
  report.error(error);
  return static_cast<int>(exit_status_of(error.code));
}

}  // namespace

int guarded_main(int argc, char** argv) {
  const PlainOutput plain_output;
  if (argc == 2 && argv[1] == complete_argument) {
    std::fputs(completed(typed_line(stdin)).c_str(), stdout);
    return static_cast<int>(ExitStatus::done);
  }
  const auto arguments = program_arguments(argc, argv);
  wipe_codes(arguments, argc, argv);
  std::vector<const char*> as_given;
  as_given.reserve(arguments.size());
  for (const auto& each : arguments) as_given.push_back(each.c_str());
  CommonOptions understood;  // of the command line, where pshare.toml is wrong
  const auto find = [&understood](const CommonOptions& common) {
    understood = common;
    return Home::pshare_toml(common);
  };
  const auto parsed = parse_options(static_cast<int>(as_given.size()), as_given.data(), find);
  if (!parsed) {
    Report report{manner_of(understood)};
    return end(report, parsed.error());
  }
  if (const auto* answered = std::get_if<Answered>(&*parsed)) {
    std::fputs(answered->text.c_str(), stdout);
    return static_cast<int>(ExitStatus::done);
  }
  const auto& options = std::get<Options>(*parsed);
  if (options.common.verbosity > 1) set_log_level(LogLevel::debug);
  Report report{manner_of(options.common)};
  try {
    if (const auto* asked = std::get_if<ConfigOptions>(&options.verb)) config(options.common, *asked, environment, report);
    else run(options, report);
    return static_cast<int>(ExitStatus::done);
  } catch (const Failure& failure) {
    return end(report, failure.error());
  } catch (const std::system_error& trouble) {
    return end(report, {.code = Errc::failed, .doing = "the system refused something", .cause = trouble.code()});
  } catch (const std::exception& trouble) {
    return end(report, {.code = Errc::failed, .doing = std::string{"something unforeseen: "} + trouble.what()});
  }
}

}  // namespace pshare

int main(int argc, char** argv) { return pshare::guarded_main(argc, argv); }
