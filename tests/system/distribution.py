"""What a test's node runs: a release of Elasticsearch, or of OpenSearch with Painless. Both come from
Maven Central and are kept in ~/.cache/essequence-tests (or ESSEQUENCE_TEST_CACHE).
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

MAVEN_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"


def named(name):
    """The distribution of the name "8.19.5" or "opensearch-2.19.1"."""
    return OpenSearch(name) if name.startswith("opensearch-") else Elasticsearch(name)


def cache_directory():
    cache = pathlib.Path(
        os.environ.get("ESSEQUENCE_TEST_CACHE") or pathlib.Path.home() / ".cache/essequence-tests")
    cache.mkdir(parents=True, exist_ok=True)
    return cache


def cached(name, *maven):
    """What this run of Maven leaves as `name` in the directory {fresh}; kept from then on."""
    cache = cache_directory()
    wanted = cache / name
    if not wanted.exists():
        with tempfile.TemporaryDirectory(dir=cache) as fresh:
            command = ["mvn", "-q", "-B", *(word.format(fresh=fresh) for word in maven)]
            subprocess.run(command, check=True, stdout=sys.stderr)
            os.replace(pathlib.Path(fresh) / name, wanted)
    return wanted


def java_home(what, least):
    """The oldest JDK of this machine that is new enough: what the release was tested with."""
    found = []
    for release in pathlib.Path("/usr/lib/jvm").glob("*/release"):
        match = re.search(r'JAVA_VERSION="(\d+)', release.read_text())
        if match and int(match.group(1)) >= least:
            found.append((int(match.group(1)), str(release.parent.resolve())))
    if not found:
        raise RuntimeError(f"{what} needs a JDK >= {least} under /usr/lib/jvm" +
                           (": apt-get install openjdk-17-jdk-headless" if least <= 17 else ""))
    return min(found)[1]


def yaml(settings):
    """JSON's strings, numbers, booleans and lists are YAML too."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in settings.items())


class Elasticsearch:
    """The official server without most of its modules: GET / answers 405, for example."""

    has_painless = False

    def __init__(self, version):
        self.title = f"Elasticsearch {version}"
        self.folder = f"elasticsearch-{version}"
        self.version = version

    def java_home(self):
        return java_home(self.title, 21 if int(self.version.split(".")[0]) >= 9 else 17)

    def lay_out(self, home, settings):
        artifact = "org.elasticsearch.distribution.integ-test-zip:elasticsearch"
        archive = cached(f"{self.folder}.zip", f"{MAVEN_PLUGIN}:copy",
                         f"-Dartifact={artifact}:{self.version}:zip", "-DoutputDirectory={fresh}")
        with zipfile.ZipFile(archive) as members:
            for member in members.infolist():
                path = members.extract(member, home.parent)
                mode = member.external_attr >> 16  # zipfile forgets who may execute
                if mode and not member.is_dir():
                    os.chmod(path, mode)
        (home / "config/elasticsearch.yml").write_text(
            yaml({"xpack.security.enabled": False, **settings}))
        options = home / "config/jvm.options.d"
        options.mkdir(exist_ok=True)
        (options / "heap.options").write_text("-Xms512m\n-Xmx512m\n")

    def command(self, home):
        return [str(home / "bin/elasticsearch")]


class OpenSearch:
    """The server's classes, started by OpenSearchNode.java: there is no distribution in Maven."""

    has_painless = True

    def __init__(self, name):
        self.title = name
        self.folder = name
        self.version = name.removeprefix("opensearch-")

    def java_home(self):
        return java_home(self.title, 17)

    def lay_out(self, home, settings):
        source = pathlib.Path(__file__).resolve().parent
        jars = cached(self.folder, "-f", str(source / "opensearch.pom.xml"),
                      f"-Dopensearch.version={self.version}", f"{MAVEN_PLUGIN}:copy-dependencies",
                      "-DoutputDirectory={fresh}/" + self.folder)
        shutil.copytree(jars, home / "lib")
        shutil.copy(source / "OpenSearchNode.java", home)
        (home / "config").mkdir()
        (home / "config/opensearch.yml").write_text(yaml(settings))

    def command(self, home):
        return [f"{self.java_home()}/bin/java", "-Xms512m", "-Xmx512m",
                "-Dorg.apache.logging.log4j.level=INFO", f"-Djava.io.tmpdir={home.parent}/tmp",
                "-cp", f"{home}/lib/*", f"{home}/OpenSearchNode.java", str(home)]
