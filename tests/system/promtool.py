"""promtool, the checker that comes with Prometheus: the one that is there, or that of Debian's
package, out of which it is taken, because to install the package would start a server."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import distribution


def promtool():
    """Its path. RuntimeError where it is not to be had."""
    if found := shutil.which("promtool"):
        return found
    kept = distribution.cache_directory() / "promtool"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=kept.parent) as fresh:
            fetched = subprocess.run(["apt-get", "download", "prometheus"], cwd=fresh, text=True,
                                     capture_output=True)
            packages = list(pathlib.Path(fresh).glob("*.deb"))
            if not packages:
                raise RuntimeError(f"no promtool: {fetched.stderr.strip()[-200:]}")
            subprocess.run(["dpkg-deb", "--extract", packages[0], fresh], check=True)
            os.replace(pathlib.Path(fresh) / "usr/bin/promtool", kept)
    return str(kept)
