#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <regex>

#include "sidecar/config/invocation.hpp"
#include "sidecar/config/options.hpp"
#include "sidecar/config/values.hpp"

using namespace essequence::sidecar;
using Catch::Contains;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

using Environment = std::map<std::string, std::string>;

// A file with this content, as long as the object lives.
class File {
 public:
  explicit File(const std::string &content) {
    char path[] = "/tmp/essequence-config-XXXXXX";
    close(mkstemp(path));
    path_ = path;
    std::ofstream(path_) << content;
  }
  ~File() { std::filesystem::remove(path_); }
  const std::string &path() const { return path_; }

 private:
  std::string path_;
};

Invocation invoke(std::vector<const char *> arguments, const Environment &environment = {}) {
  arguments.insert(arguments.begin(), "essequenced");
  return parse_invocation(static_cast<int>(arguments.size()), arguments.data(), environment);
}

Config configured(const std::string &toml, std::vector<const char *> arguments = {},
                  const Environment &environment = {}) {
  const File file(toml);
  arguments.insert(arguments.end(), {"--config", file.path().c_str()});
  return invoke(arguments, environment).config;
}

// What a file with `toml` is refused with.
std::string refusal(const std::string &toml) {
  try {
    configured(toml);
  } catch (const ConfigError &error) {
    return error.what();
  }
  return "";
}

const std::string kLocal = "source = \"local\"\n";

}  // namespace

TEST_CASE("config: defaults") {
  const Config config = configured(kLocal);
  CHECK(config.runtime_dir == "/run/essequence");
  CHECK(config.state_dir == "/var/lib/essequence");
  CHECK(config.listen == "");
  CHECK(config.log_level == "info");
  CHECK(config.elasticsearch == ElasticsearchConfig());
  CHECK(config.control.admin_group == "essequence-admin");
  CHECK(config.control.reset == ResetRight::admin);
  CHECK(config.control.max_sequences == 10000);
  CHECK(config.defaults.cover == seconds(30));
  CHECK(config.defaults.progression == Progression{1, 1, INT64_MAX, Order::host});
}

TEST_CASE("config: every key can be set in the file") {
  const Config config = configured(R"(
source = "elasticsearch"
runtime_dir = "/dev/shm/r"
state_dir = "/srv/s"
listen = "[::1]:9469"
log_level = "debug"
[elasticsearch]
hosts = ["https://es1:9200", "http://[2001:db8::1]", "http://127.0.0.1:9200"]
index = "ids"
create = false
allocation = "cas"
username = "u"
password_file = "/p"
ca_file = "/ca"
cert_file = "/cert"
key_file = "/key"
request_timeout = "1500ms"
epoch_poll = "1m"
[control]
admin_group = "wheel"
reset = "never"
max_sequences = 65536
[defaults]
auto_create = false
cover = "1h"
min_block = 1
max_block = 2
start = 5
increment = 2147483647
max = 9223372036854775806
order = "cluster"
)");
  CHECK(config.source == "elasticsearch");
  CHECK(config.runtime_dir == "/dev/shm/r");
  CHECK(config.state_dir == "/srv/s");
  CHECK(config.listen == "[::1]:9469");
  CHECK(config.log_level == "debug");
  CHECK(config.elasticsearch.hosts == std::vector<std::string>{"https://es1:9200",
                                                               "http://[2001:db8::1]",
                                                               "http://127.0.0.1:9200"});
  CHECK(config.elasticsearch.index == "ids");
  CHECK_FALSE(config.elasticsearch.create);
  CHECK(config.elasticsearch.allocation == "cas");
  CHECK(config.elasticsearch.username == "u");
  CHECK(config.elasticsearch.password_file == "/p");
  CHECK(config.elasticsearch.ca_file == "/ca");
  CHECK(config.elasticsearch.cert_file == "/cert");
  CHECK(config.elasticsearch.key_file == "/key");
  CHECK(config.elasticsearch.request_timeout == milliseconds(1500));
  CHECK(config.elasticsearch.epoch_poll == seconds(60));
  CHECK(config.control.admin_group == "wheel");
  CHECK(config.control.reset == ResetRight::never);
  CHECK(config.control.max_sequences == 65536);
  CHECK_FALSE(config.defaults.auto_create);
  CHECK(config.defaults.cover == seconds(3600));
  CHECK(config.defaults.min_block == 1);
  CHECK(config.defaults.max_block == 2);
  CHECK(config.defaults.progression ==
        Progression{5, 2147483647, 9223372036854775806, Order::cluster});
  CHECK(configured(kLocal + "[elasticsearch]\napi_key_file = \"/k\"").elasticsearch.api_key_file ==
        "/k");
  const std::string digest = "aa:" + std::string(62, '0');
  CHECK(configured(kLocal + "[elasticsearch]\nca_fingerprint = \"" + digest + "\"")
            .elasticsearch.ca_fingerprint == digest);
}

TEST_CASE("config: a bad value is refused with its line, its field, itself and what is accepted") {
  struct Case {
    std::string table, key, value, accepted;
  };
  const std::string path = "an absolute path", url = "http://HOST[:PORT]";
  const std::vector<Case> cases = {
      {"", "source", "\"es\"", "elasticsearch | local"},
      {"", "runtime_dir", "\"run\"", path},
      {"", "runtime_dir", "\"\"", path},
      {"", "runtime_dir", "\"/run\\n\"", path},
      {"", "state_dir", "7", path},
      {"", "listen", "\"9469\"", "ADDR:PORT"},
      {"", "listen", "\"localhost:9469\"", "ADDR:PORT"},
      {"", "listen", "\"127.0.0.1:0\"", "ADDR:PORT"},
      {"", "listen", "\"127.0.0.1:65536\"", "ADDR:PORT"},
      {"", "listen", "\"::1:9469\"", "ADDR:PORT"},
      {"", "log_level", "\"loud\"", "trace | debug | info | warning | error"},
      {"elasticsearch", "hosts", "[\"es1:9200\"]", url},
      {"elasticsearch", "hosts", "[\"ftp://es1\"]", url},
      {"elasticsearch", "hosts", "[\"http://\"]", url},
      {"elasticsearch", "hosts", "[\"http://es1/\"]", url},
      {"elasticsearch", "hosts", "[\"http://u:p@es1:9200\"]", url},
      {"elasticsearch", "hosts", "[\"http://es1:http\"]", url},
      {"elasticsearch", "hosts", "[\"http://es1:99999\"]", url},
      {"elasticsearch", "hosts", "[\"http://[::1\"]", url},
      {"elasticsearch", "hosts", "[\"http://[es1]:9200\"]", url},
      {"elasticsearch", "hosts", "[\"http://a,http://b\"]", url},
      {"elasticsearch", "hosts", "[\"http://es1\", 9200]", url},
      {"elasticsearch", "hosts", "\"http://es1\"", url},
      {"elasticsearch", "index", "\"\"", "a name that Elasticsearch allows"},
      {"elasticsearch", "index", "\"Ids\"", "lower case"},
      {"elasticsearch", "index", "\"_ids\"", "not beginning with _"},
      {"elasticsearch", "index", "\"a,b\"", "none of"},
      {"elasticsearch", "create", "\"false\"", "true or false"},
      {"elasticsearch", "allocation", "\"lua\"", "auto | cas | script"},
      {"elasticsearch", "username", "1", "a user name"},
      {"elasticsearch", "password_file", "true", "a path"},
      {"elasticsearch", "api_key_file", "[]", "a path"},
      {"elasticsearch", "ca_file", "1", "a path"},
      {"elasticsearch", "cert_file", "1", "a path"},
      {"elasticsearch", "key_file", "1", "a path"},
      {"elasticsearch", "ca_fingerprint", "\"abc\"", "64 hexadecimal digits"},
      {"elasticsearch", "request_timeout", "\"99ms\"", "from 100ms to 1m"},
      {"elasticsearch", "request_timeout", "\"61s\"", "from 100ms to 1m"},
      {"elasticsearch", "epoch_poll", "\"0s\"", "from 100ms to 1m"},
      {"elasticsearch", "epoch_poll", "5", "\"500ms\""},
      {"control", "admin_group", "4", "a group"},
      {"control", "reset", "\"all\"", "admin | group | never"},
      {"control", "max_sequences", "0", "from 1 to 65536"},
      {"control", "max_sequences", "65537", "from 1 to 65536"},
      {"defaults", "auto_create", "1", "true or false"},
      {"defaults", "cover", "\"999ms\"", "from 1s to 1h"},
      {"defaults", "cover", "\"3601s\"", "from 1s to 1h"},
      {"defaults", "cover", "\"30\"", "from 1s to 1h"},
      {"defaults", "cover", "\"-30s\"", "from 1s to 1h"},
      {"defaults", "min_block", "0", "from 1 to 16777216"},
      {"defaults", "min_block", "10.0", "from 1 to 16777216"},
      {"defaults", "max_block", "16777217", "from 1 to 16777216"},
      {"defaults", "start", "0", "from 1 to 9223372036854775807"},
      {"defaults", "start", "\"1\"", "from 1 to 9223372036854775807"},
      {"defaults", "increment", "-1", "from 1 to 2147483647"},
      {"defaults", "increment", "2147483648", "from 1 to 2147483647"},
      {"defaults", "max", "-9223372036854775808", "from 1 to 9223372036854775807"},
      {"defaults", "order", "\"any\"", "host | cluster"},
      {"sequence.orders", "cover", "\"0s\"", "from 1s to 1h"},
      {"sequence.orders", "start", "false", "from 1 to 9223372036854775807"},
  };
  for (const auto &[table, key, value, accepted] : cases) {
    std::string toml = "# a comment\n", field = key;
    if (table.empty()) {
      toml += "\n";
    } else {
      toml.append("[").append(table).append("]\n");
      field.insert(0, table + ".");
    }
    toml.append(key).append(" = ").append(value);
    const File file(toml);
    CAPTURE(table, key, value);
    std::string words;
    try {
      invoke({"--config", file.path().c_str()});
    } catch (const ConfigError &error) {
      words = error.what();
    }
    CHECK_THAT(words, Contains(file.path() + ":3: ") && Contains(field + " is ") &&
                          Contains("; accepted: ") && Contains(accepted));
    const bool escaped = value.find('\\') != std::string::npos;
    const std::string bare = std::regex_replace(value, std::regex("[\"\\[\\]]"), "");
    if (!escaped && bare.find(' ') == std::string::npos && key != "hosts") {
      CHECK_THAT(words, Contains(bare));
    }
  }
}

TEST_CASE("config: each key of the table has a bad value that is refused") {
  // A value of another type, so that a new key cannot be forgotten.
  for (const auto &option : options()) {
    const std::size_t dot = option.key.find('.');
    const std::string table =
        dot == std::string::npos ? "" : "[" + option.key.substr(0, dot) + "]\n";
    CAPTURE(option.key);
    CHECK_THAT(refusal(table + option.key.substr(dot + 1) + " = 1979-05-27\n"),
               Contains(option.key + " is 1979-05-27; accepted: " + option.accepts));
  }
}

TEST_CASE("config: unknown keys and tables are refused, with the nearest known one") {
  CHECK_THAT(refusal("runtime_dri = \"/r\""),
             Contains(":1: unknown key runtime_dri; the nearest known one is runtime_dir"));
  CHECK_THAT(refusal("\n[elasticsearch]\nhost = []"),
             Contains(":3: unknown key elasticsearch.host") && Contains("is elasticsearch.hosts"));
  CHECK_THAT(refusal("[control]\nmin_block = 5"),
             Contains("unknown key control.min_block") && Contains("is defaults.min_block"));
  CHECK_THAT(refusal("min_block = 5"), Contains("is defaults.min_block"));
  CHECK_THAT(refusal("[defaults]\ncycle = true"), Contains("unknown key defaults.cycle"));
  CHECK_THAT(refusal("[sequence.orders]\nincremnt = 1"),
             Contains(":2: unknown key sequence.orders.incremnt") &&
                 Contains("is sequence.orders.increment"));
  CHECK_THAT(refusal("[elastic]\n"),
             Contains(":1: unknown table [elastic]") && Contains("is [elasticsearch]"));
  CHECK_THAT(refusal("[sequences.orders]\n"), Contains("is [sequence.NAME]"));
  CHECK_THAT(refusal("[elasticsearch.tls]\n"), Contains("unknown key elasticsearch.tls"));
  CHECK_THAT(refusal("defaults = 1\n"), Contains("accepted: a table, [defaults]"));
  CHECK_THAT(refusal("[[sequence]]\nname = \"a\"\n"), Contains("a table, [sequence.NAME]"));
  CHECK_THAT(refusal("[sequence]\norders = 1\n"), Contains("a table, [sequence.orders]"));
}

TEST_CASE("config: a file that is no TOML is refused with its line") {
  CHECK_THAT(refusal("source = \"local\"\nlisten = \n"), Contains(":2: "));
  CHECK_THAT(refusal("source = \"local\"\nsource = \"local\"\n"), Contains(":2: "));
  CHECK_THAT(refusal("[defaults]\nmax = 9223372036854775808\n"), Contains(":2: "));
  CHECK_THAT(refusal("source = \"\xff\"\n"), Contains(":1: "));
}

TEST_CASE("config: settings that contradict each other are refused") {
  CHECK_THAT(refusal("[elasticsearch]\n"), Contains("elasticsearch.hosts is empty") &&
                                               Contains("--elasticsearch") &&
                                               Contains("\"local\""));
  CHECK_THAT(refusal(kLocal + "runtime_dir = \"/d\"\nstate_dir = \"/d\""), Contains("both /d"));
  const std::string es = kLocal + "[elasticsearch]\n";
  CHECK_THAT(refusal(es + "username = \"u\""), Contains("elasticsearch.password_file"));
  CHECK_THAT(refusal(es + "password_file = \"/p\""), Contains("elasticsearch.username"));
  CHECK_THAT(refusal(es + "cert_file = \"/c\""), Contains("elasticsearch.key_file"));
  CHECK_THAT(refusal(es + "key_file = \"/k\""), Contains("elasticsearch.cert_file"));
  CHECK_THAT(refusal(es + "api_key_file = \"/a\"\nusername = \"u\"\npassword_file = \"/p\""),
             Contains("elasticsearch.api_key_file") && Contains("exclude"));
  CHECK_THAT(refusal(es + "ca_file = \"/c\"\nca_fingerprint = \"" + std::string(64, 'a') + "\""),
             Contains("elasticsearch.ca_fingerprint") && Contains("exclude"));
  CHECK_THAT(refusal(kLocal + "[defaults]\nmin_block = 100\nmax_block = 99"),
             Contains("defaults.min_block is 100; accepted: at most max_block, which is 99"));
  CHECK_THAT(refusal(kLocal + "[defaults]\nmin_block = 100\n[sequence.a]\nmax_block = 99"),
             Contains("sequence.a.min_block is 100"));
  CHECK_THAT(refusal(kLocal + "[sequence.a]\nstart = 2\nmax = 1"),
             Contains("sequence.a.start is 2; accepted: at most max, which is 1"));
}

TEST_CASE("config: a sequence has the defaults where its table says nothing") {
  const Config config =
      configured(kLocal + "[sequence.orders]\nstart = 1000\n[sequence.\"a b\"]\nmin_block = 20\n" +
                     "[defaults]\nincrement = 2\ncover = \"40s\"\n",
                 {}, {{"ESSEQUENCE_DEFAULTS_COVER", "50s"}});
  CHECK(config.of("orders").progression == Progression{1000, 2, INT64_MAX, Order::host});
  CHECK(config.of("orders").cover == seconds(50));
  CHECK(config.of("a b").min_block == 20);
  CHECK(config.of("a b").progression.start == 1);
  CHECK(config.of("other").progression == Progression{1, 2, INT64_MAX, Order::host});
}

TEST_CASE("config: names of sequences are checked") {
  CHECK_THAT(refusal(kLocal + "[sequence._x]\n"),
             Contains(":2: [sequence._x]: ") && Contains("'_'"));
  CHECK_THAT(refusal(kLocal + "[sequence.\"a/b\"]\n"), Contains("'/'"));
  CHECK_THAT(refusal(kLocal + "[sequence.\"\"]\n"), Contains("1 to 255 bytes"));
  CHECK(refusal(kLocal + "[sequence.\"Größe 1\"]\n") == "");
}

TEST_CASE("config: command line beats environment beats file beats default") {
  const std::string file = kLocal + "runtime_dir = \"/file\"\n";
  const Environment environment = {{"ESSEQUENCE_RUNTIME_DIR", "/environment"}};
  CHECK(configured(kLocal).runtime_dir == "/run/essequence");
  CHECK(configured(file).runtime_dir == "/file");
  CHECK(configured(file, {}, environment).runtime_dir == "/environment");
  CHECK(configured(file, {"--runtime-dir", "/line"}, environment).runtime_dir == "/line");
}

TEST_CASE("config: every flag of the command line") {
  const Config config = invoke({"--runtime-dir", "/r", "--state-dir", "/s", "--source",
                                "elasticsearch", "--elasticsearch", "http://a:1,http://b:2",
                                "--index", "i", "--listen", "127.0.0.1:1", "--log-level", "trace"})
                            .config;
  CHECK(config.runtime_dir == "/r");
  CHECK(config.state_dir == "/s");
  CHECK(config.source == "elasticsearch");
  CHECK(config.elasticsearch.hosts == std::vector<std::string>{"http://a:1", "http://b:2"});
  CHECK(config.elasticsearch.index == "i");
  CHECK(config.listen == "127.0.0.1:1");
  CHECK(config.log_level == "trace");
  CHECK(configured(kLocal + "listen = \"127.0.0.1:1\"", {"--listen", ""}).listen == "");
}

TEST_CASE("config: --elasticsearch implies its source") {
  CHECK(configured(kLocal, {"--elasticsearch", "http://a:1"}, {{"ESSEQUENCE_SOURCE", "local"}})
            .source == "elasticsearch");
  CHECK_THROWS_AS(invoke({"--elasticsearch", "http://a:1", "--source", "local"}), UsageError);
}

TEST_CASE("config: a wrong command line is a usage error") {
  const std::vector<std::vector<const char *>> lines = {
      {"--runtime-dri", "/r"}, {"extra"},           {"--index"},
      {"--source", "es"},      {"--listen", "x:1"}, {"--index", "a", "--index", "b"},
      {"--state-dir", "rel"},  {"--log-level", ""}, {"--elasticsearch", "es1"}};
  for (const auto &line : lines) {
    CAPTURE(line);
    CHECK_THROWS_AS(invoke(line), UsageError);
  }
  CHECK_THROWS_WITH(invoke({"--source", "es"}),
                    "--source is \"es\"; accepted: elasticsearch | local");
}

TEST_CASE("config: every option is a variable of the environment") {
  for (const auto &option : options()) {
    const std::string name = environment_name(option.key);
    CAPTURE(name);
    const std::string standard = option.get(Config());
    if (option.key != "source") CHECK_NOTHROW(configured(kLocal, {}, {{name, standard}}));
    const bool any_text = option.accepts.find("or empty") != std::string::npos;
    if (any_text && option.key != "elasticsearch.ca_fingerprint") continue;
    CHECK_THROWS_WITH(configured(kLocal, {}, {{name, "?"}}),
                      "environment: " + name + " is \"?\"; accepted: " + option.accepts);
  }
  const Config config = configured("", {},
                                   {{"ESSEQUENCE_ELASTICSEARCH_HOSTS", "http://a:1, http://b:2"},
                                    {"ESSEQUENCE_CONTROL_RESET", "group"},
                                    {"ESSEQUENCE_DEFAULTS_START", "7"},
                                    {"ESSEQUENCE_ELASTICSEARCH_CREATE", "false"}});
  CHECK(config.elasticsearch.hosts == std::vector<std::string>{"http://a:1", "http://b:2"});
  CHECK(config.control.reset == ResetRight::group);
  CHECK(config.defaults.progression.start == 7);
  CHECK_FALSE(config.elasticsearch.create);
}

TEST_CASE("config: unknown variables of the environment are refused, but those of tests") {
  CHECK_THROWS_WITH(configured(kLocal, {}, {{"ESSEQUENCE_LOGLEVEL", "info"}}),
                    "environment: unknown variable ESSEQUENCE_LOGLEVEL; the nearest known one is "
                    "ESSEQUENCE_LOG_LEVEL");
  CHECK_NOTHROW(configured(kLocal, {}, {{"ESSEQUENCE_TEST_IDS", "1"}, {"HOME", "/"}}));
}

TEST_CASE("config: which file is read") {
  const File file(kLocal + "log_level = \"error\"\n");
  const Environment environment = {{"ESSEQUENCE_CONFIG", file.path()}};
  CHECK(invoke({}, environment).config.log_level == "error");
  CHECK(invoke({}, environment).config_path == file.path());
  CHECK_THROWS_WITH(invoke({"--config", "/nonexistent/x"}, environment),
                    Contains("/nonexistent/x cannot be read: No such file"));
  CHECK_THROWS_AS(invoke({"--config", ""}), ConfigError);
  CHECK_THROWS_WITH(invoke({"--config", "/tmp"}), Contains("/tmp cannot be read"));
  CHECK_NOTHROW(invoke({"--config", "/dev/null", "--source", "local"}));
}

TEST_CASE("config: the same arguments read the changed file") {
  const File file(kLocal);
  const auto read = [&] { return invoke({"--config", file.path().c_str()}).config; };
  CHECK(read().control.reset == ResetRight::admin);
  std::ofstream(file.path()) << kLocal << "[control]\nreset = \"group\"\n";
  CHECK(read().control.reset == ResetRight::group);
}

TEST_CASE("config: what is printed reads back to the same") {
  const std::string toml = R"(
runtime_dir = '/r "quoted" \ back'
[elasticsearch]
hosts = ["https://a:1", "https://b:2"]
api_key_file = "/secret/key"
request_timeout = "1500ms"
[control]
reset = "group"
[defaults]
cover = "2m"
max = 9223372036854775806
[sequence."a \"b\" \\ . c"]
start = 1000
order = "cluster"
[sequence.orders]
cover = "90s"
)";
  const std::string printed = to_toml(configured(toml));
  CHECK(to_toml(configured(printed)) == printed);
  for (const char *const line :
       {"runtime_dir = \"/r \\\"quoted\\\" \\\\ back\"",
        "hosts = [\"https://a:1\", \"https://b:2\"]", "request_timeout = \"1500ms\"",
        "reset = \"group\"", "cover = \"2m\"", "max = 9223372036854775806",
        "[sequence.\"a \\\"b\\\" \\\\ . c\"]", "start = 1000", "order = \"cluster\"",
        "cover = \"90s\""}) {
    CHECK_THAT(printed, Contains(std::string(line) + "\n"));
  }
}

TEST_CASE("config: help tells every option, and needs no configuration") {
  const Invocation invocation = invoke({"--help"}, {{"ESSEQUENCE_CONFIG", "/nonexistent/x"}});
  REQUIRE(invocation.help);
  for (const auto &option : options()) {
    CAPTURE(option.key);
    CHECK_THAT(invocation.help_text, Contains("  " + option.key + "\n") && Contains(option.flag) &&
                                         Contains(option.help) && Contains(option.accepts));
  }
  CHECK(invoke({"--version"}, {{"ESSEQUENCE_NO", ""}}).version);
  CHECK(invoke({"--source", "local", "--check-config"}).check_config);
  CHECK(invoke({"--source", "local", "--print-config"}).print_config);
}

TEST_CASE("config: the example file tells every key with its default") {
  const auto source_tree = std::filesystem::path(__FILE__).parent_path() / "../..";
  std::ifstream example(source_tree / "systemd/essequence.toml");
  REQUIRE(example);
  std::string packaged, uncommented;
  for (std::string line; std::getline(example, line);) {
    packaged += line + "\n";
    uncommented += std::regex_replace(line, std::regex("^#(?=\\[|[a-z_]+ = )"), "") + "\n";
  }
  const Config config = configured(packaged);
  CHECK(config.source == "elasticsearch");
  CHECK_FALSE(config.elasticsearch.create);

  Config defaults;
  defaults.elasticsearch.hosts = config.elasticsearch.hosts;
  defaults.elasticsearch.create = false;
  CHECK(to_toml(config) == to_toml(defaults));
  defaults.sequences["orders"].progression.start = 1000;
  CHECK(to_toml(configured(uncommented)) == to_toml(defaults));
  for (const auto &option : options()) {
    const std::string key = option.key.substr(option.key.rfind('.') + 1);
    CHECK_THAT(uncommented, Contains("\n" + key + " = "));
  }
}

TEST_CASE("config: durations") {
  CHECK(parse_duration("500ms") == milliseconds(500));
  CHECK(parse_duration("2m") == seconds(120));
  CHECK(parse_duration("1h") == seconds(3600));
  for (const char *const text : {"", "s", "5", "1.5s", "-1s", " 1s", "1 s", "1S", "1d", "+1s",
                                 "99999999999999999999s", "9223372036854775807h"}) {
    CAPTURE(text);
    CHECK(parse_duration(text) == std::nullopt);
  }
  for (const char *const text : {"1ms", "1500ms", "90s", "2m", "3h"}) {
    CHECK(duration_text(*parse_duration(text)) == text);
  }
}

TEST_CASE("config: a value that is no UTF-8 is refused, as it would not read back") {
  CHECK_THROWS_AS(invoke({"--source", "local"}, {{"ESSEQUENCE_STATE_DIR", "/s\xe5"}}), ConfigError);
  CHECK_THROWS_AS(invoke({"--source", "local", "--state-dir", "/s\xe5"}), UsageError);
  CHECK(invoke({"--source", "local", "--state-dir", "/s\xc3\xa5"}).config.state_dir ==
        "/s\xc3\xa5");
}
