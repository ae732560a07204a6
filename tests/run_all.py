"""What tests/run does once everything is installed. See there."""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SYSTEM = ROOT / "tests/system"
sys.path.insert(0, str(SYSTEM))
import distribution  # noqa: E402
from elasticsearch_node import DEFAULT_VERSION, ElasticsearchNode  # noqa: E402

SKIPPED = 77  # exit status of a script that cannot run here; its last line says why

QUICK = ["test_local", "test_command_line", "test_refusals", "test_bad_names", "test_bad_answers",
         "test_installed", "test_readme", "test_provision", "test_sidecar_away", "test_two_hosts",
         "test_reset.*another_host", "test_id_checker"]
# What needs no server and waits more than it works: it runs beside the others.
BESIDE = ["test_service", "test_packages", "test_containers", "test_installed", "test_examples",
          "test_valgrind"]
OTHERS = [f"^(?!{'|'.join(BESIDE)})"]
# The sidecar under AddressSanitizer, where bad input and sudden ends are the point.
SANITIZED = ["test_bad_answers", "test_bad_network.OneFault", "test_refusals",
             "test_bad_names.*socket", "test_bad_names.*line", "test_bad_names.*bodies",
             "test_local", "test_fences", "test_reset", "test_sidecar_killed.*gap_but",
             "test_storm.*local"]

# The other servers that are promised, and the tests that --full runs on each of them too.
SERVERS = ["7.17.29", "9.5.0", "opensearch-2.19.1"]
ON_EACH_SERVER = ["test_two_hosts", "test_reset.*under_load_on_elasticsearch",
                  "test_reset.*another_host", "test_fences", "test_elasticsearch_outage.*killed",
                  "test_elasticsearch_outage.*without", "test_sidecar_killed.*elasticsearch",
                  "test_storm.*elasticsearch"]

BY_SCRIPT = ["test_two_hosts.*four_takers", "test_storm.*elasticsearch"]

SANITIZER_OPTIONS = {"ASAN_OPTIONS": "detect_stack_use_after_return=1",
                     "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
                     "TSAN_OPTIONS": "halt_on_error=1"}


class Report:
    def __init__(self, skipping_fails):
        self.skipping_fails = skipping_fails
        self.passed, self.failed = 0, []

    def tell(self, verdict, name, seconds, words=""):
        if verdict == "skipped" and self.skipping_fails:
            verdict, words = "failed", f"skipped: {words}"
        print(f"{verdict:7} {name} ({seconds:.1f} s) {words}".rstrip(), flush=True)
        if verdict == "passed":
            self.passed += 1
        elif verdict == "failed":
            self.failed.append(name)


def end_group(process):
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)


class Run:
    def __init__(self, mode, storm, seed):
        self.mode = mode
        self.report = Report(skipping_fails=mode == "--full")
        self.environment = {**os.environ, **SANITIZER_OPTIONS,
                            "CCACHE_SLOPPINESS": "pch_defines,time_macros"}
        self.ahead = concurrent.futures.ThreadPoolExecutor(1)   # builds
        self.beside = concurrent.futures.ThreadPoolExecutor(1)  # what needs no server
        self.running, self.told_to_stop = set(), False
        if seed:
            self.environment["ESSEQUENCE_TEST_SEED"] = seed
        if storm or mode == "--full":
            self.environment["ESSEQUENCE_TEST_STORM"] = storm or "240"
        elif mode == "--quick":
            self.environment["ESSEQUENCE_TEST_IDS"] = "1000000"
        if mode == "--full":
            self.environment["ESSEQUENCE_TEST_CRASH_POINTS"] = "all"
            self.environment["ESSEQUENCE_TEST_FULL"] = "1"

    @contextlib.contextmanager
    def process(self, *command, **environment):
        """A command, in a group of its own with all that it starts."""
        process = subprocess.Popen(list(map(str, command)), cwd=ROOT, text=True,
                                   env={**self.environment, **environment}, start_new_session=True,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT)
        self.running.add(process)
        try:
            if self.told_to_stop:
                end_group(process)
            yield process
        finally:
            end_group(process)  # no effect unless this run ends too
            process.wait()
            self.running.discard(process)

    def stop(self):
        """Ends what runs, in all threads, and whatever they begin next: the exit waits for them."""
        self.told_to_stop = True
        for process in list(self.running):
            end_group(process)

    def result(self, *command):
        """(verdict, what it said) of a test that is one command."""
        with self.process(*command) as process:
            said, _ = process.communicate()
        return {0: "passed", SKIPPED: "skipped"}.get(process.returncode, "failed"), said

    def check(self, name, *command):
        """One test that is one command. Returns whether it passed."""
        begin = time.monotonic()
        verdict, said = self.result(*command)
        if verdict == "failed":
            print(said, flush=True)
        words = said.strip().rpartition("\n")[2] if verdict == "skipped" else ""
        self.report.tell(verdict, name, time.monotonic() - begin, words)
        return verdict == "passed"

    def build(self, preset):
        launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
        return (self.check(f"configure/{preset}", "cmake", "--preset", preset, *launcher)
                and self.check(f"build/{preset}", "nice", "cmake", "--build", "--preset", preset))

    def build_ahead(self, preset):
        """Builds while something else is tested. The result is the one of build()."""
        return self.ahead.submit(self.build, preset)

    def lines(self, *command, **environment):
        """The lines of a command's output as they come; the last item is its exit status."""
        with self.process(*command, **environment) as process:
            yield from process.stdout
            yield process.wait()

    def unit(self, preset):
        told = re.compile(r"\s*\d+/\d+ Test\s+#\d+: (\S+) \.+(.+?)\s+([\d.]+) sec")
        failed = False
        for line in self.lines("ctest", "--test-dir", f"build/{preset}", "-j2", "--output-on-failure",
                               "--timeout", "300"):
            if isinstance(line, int):
                if line != 0 and not failed:
                    self.report.tell("failed", f"unit/{preset}", 0, f"ctest ended with {line}")
            elif match := told.match(line):
                name, outcome, seconds = match.groups()
                verdict = ("passed" if outcome.strip() == "Passed" else
                           "skipped" if "Skipped" in outcome else "failed")
                self.report.tell(verdict, f"unit/{preset}/{name}", float(seconds),
                                 "" if verdict == "passed" else outcome.strip())
                failed = failed or verdict == "failed"
            elif failed:
                print(line, end="", flush=True)  # why it failed

    def system(self, preset, patterns=(), on="", **environment):
        """`on`: which server, where it is not the run's own."""
        told = re.compile(r"(passed|failed|skipped) (\S+) ([\d.]+) ?(.*)")
        failed, said = False, []
        for line in self.lines(sys.executable, SYSTEM, *patterns,
                               ESSEQUENCE_TEST_BUILD=str(ROOT / "build" / preset), **environment):
            if isinstance(line, int):
                print("".join(said), end="", flush=True)
                if line != 0 and not failed:
                    self.report.tell("failed", f"system/{on or preset}", 0, f"it ended with {line}")
            elif match := told.match(line):
                verdict, name, seconds, words = match.groups()
                print("".join(said), end="", flush=True)  # in one piece, as others run beside it
                self.report.tell(verdict, f"system/{on or preset}/{name}", float(seconds), words)
                failed, said = failed or verdict == "failed", []
            else:
                said.append(line)

    @contextlib.contextmanager
    def node(self, version):
        """A server whose address is in the environment of what runs meanwhile."""
        node = ElasticsearchNode(tempfile.mkdtemp(prefix="essequence-node."), version)
        before = self.environment
        try:
            node.start()
            self.environment = {**before, "ESSEQUENCE_TEST_ELASTICSEARCH": node.url,
                                "ESSEQUENCE_TEST_ELASTICSEARCH_NODE": str(node.directory)}
            yield
        finally:
            self.environment = before
            # A test may have started it anew: what node.json says counts.
            ElasticsearchNode(node.directory).remove()

    def elasticsearch(self):
        """One node for all tests; only where no other is named."""
        named = "ESSEQUENCE_TEST_ELASTICSEARCH" in os.environ
        return contextlib.nullcontext() if named else self.node(DEFAULT_VERSION)

    def servers(self):
        for version in SERVERS:
            server = distribution.named(version)
            try:
                server.java_home()
            except RuntimeError as reason:
                self.report.tell("skipped", server.title, 0, str(reason))
                continue
            with self.node(version):
                self.check(f"unit/{server.folder}/elasticsearch_source_test",
                           "build/release/bin/elasticsearch_source_test",
                           "on a real Elasticsearch")
                short = {"ESSEQUENCE_TEST_STORM": "20", "ESSEQUENCE_TEST_IDS": "1000000"}
                self.system("release", ON_EACH_SERVER, server.folder, **short)
                if server.has_painless:
                    self.system("release", BY_SCRIPT, f"{server.folder}/script",
                                ESSEQUENCE_TEST_ALLOCATION="script", **short)

    def sources(self):
        listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard",
                                 "*.c", "*.cpp", "*.h", "*.hpp"], cwd=ROOT, check=True, text=True,
                                capture_output=True).stdout.split()
        return [path for path in listed if (ROOT / path).exists()]

    def style(self):
        self.check("clang-format", "clang-format-14", "--dry-run", "-Werror", *self.sources())

    def told(self, name, *command):
        """As check, but what it prints is told whatever its verdict."""
        begin = time.monotonic()
        verdict, said = self.result(*command)
        print(said, end="", flush=True)
        self.report.tell(verdict, name, time.monotonic() - begin)

    def model(self):
        self.told("model", "nice", "tests/protocol/model/run")  # the number of states of each

    def schedule(self):
        """The mutants, and what caught them."""
        runs, tries = ("20000", "3000") if self.mode == "--full" else ("1000", "300")
        self.told("schedule", "nice", "build/release/bin/schedule", runs, tries)

    def crash_points(self):
        log = ROOT / "build/release/Testing/Temporary/LastTest.log"
        for line in re.findall(r".*crash points visited.*", log.read_text(errors="replace")):
            print(line)

    def tidy(self):
        self.build("tidy")  # warnings are errors there

    def quickstart(self):
        url = self.environment["ESSEQUENCE_TEST_ELASTICSEARCH"]
        self.check("quickstart", "sidecar/quickstart")
        self.check("quickstart --elasticsearch URL", "sidecar/quickstart", "--elasticsearch", url)
        if self.mode == "--full":
            self.check("quickstart --elasticsearch", "sidecar/quickstart", "--elasticsearch")

    def bench(self):
        """That the benchmarks still run; what they measure is for a calm machine."""
        self.told("bench", "tests/bench/run", "--brief")
        self.told("bench/alternatives", "tests/bench/plot_processes", "--brief")
        self.told("bench/host_scale", "tests/bench/host_scale", "--sequences", 200, "--busy", 20,
                  "--processes", 8, "--seconds", 1, "--busy-seconds", 2, "--settle", 2)

    def fuzz(self):
        self.told("fuzz", "tests/fuzz/run", 60)

    def parts_beside(self):
        """The tests of the system wait more than they work: what only works may as well run beside."""
        parts = [(self.system, "release", BESIDE), (self.model,), (self.schedule,)]
        return parts + [(self.tidy,)] if self.mode == "--full" else parts

    def all(self):
        if self.mode != "--storm":
            self.style()
        whole = self.mode in ("", "--full")
        built = self.build("release")
        if built:
            with self.elasticsearch():  # unit tests of the source ask a real one too
                asan = self.build_ahead("asan") if whole else None
                beside = [self.beside.submit(*part) for part in (self.parts_beside() if whole else ())]
                if self.mode != "--storm":
                    self.unit("release")
                    self.crash_points()
                self.system("release",
                            {"--quick": QUICK, "--storm": ["test_storm"]}.get(self.mode, OTHERS))
                if self.mode != "--storm":
                    self.quickstart()
                if whole and asan.result():
                    tsan = self.build_ahead("tsan")
                    self.unit("asan")
                    self.system("asan", SANITIZED, ESSEQUENCE_TEST_STORM="15")
                    if tsan.result():
                        self.unit("tsan")
            for part in beside:
                part.result()
        if self.mode == "--full":
            if built:
                self.servers()
                self.bench()
            self.fuzz()
        for name in self.report.failed:
            print(f"failed: {name}")
        print(f"{self.report.passed} passed, {len(self.report.failed)} failed", flush=True)
        return 1 if self.report.failed or not self.report.passed else 0


def main():
    run = Run(*(sys.argv + ["", "", ""])[1:4])

    def told_to_stop(number, _):
        for each in (signal.SIGTERM, signal.SIGINT):
            # Once: what cleans up is not to be disturbed. (Not SIG_IGN, which children inherit.)
            signal.signal(each, lambda *_: None)
        run.stop()
        sys.exit(128 + number)

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, told_to_stop)
    sys.exit(run.all())


if __name__ == "__main__":
    main()
