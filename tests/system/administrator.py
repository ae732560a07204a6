"""essequencectl as an administrator runs it: it talks to the cluster itself, and to no sidecar."""

import subprocess

import cluster
from instance import program


def run(case, *arguments, status=0, text=None, url=None):
    """(standard output, standard error) of essequencectl, whose exit status is checked. `text`: its
    standard input."""
    ended = subprocess.run(
        [program("essequencectl"), *map(str, arguments),
         *([] if "--state-dir" in arguments else ["--elasticsearch", url or cluster.url()])],
        input=text or "", capture_output=True, text=True, timeout=120)
    case.assertEqual(ended.returncode, status, f"{arguments}: {ended.stdout}{ended.stderr}")
    return ended.stdout, ended.stderr


def provisioned(case):
    """The name of an alias that provision has made. It is gone when the test ends."""
    alias = cluster.fresh_index(case)
    run(case, "provision", "--index", alias)
    return alias
