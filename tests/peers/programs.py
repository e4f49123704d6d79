"""Builds what Go makes for a machine with a GPU, which itself needs no Go then:
the tool, the tests, and a contestant for each network."""

import os
import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
NETS = ("p3d63", "p3d199")
STRIPPED = ("-trimpath", "-ldflags=-s -w")  # they are to travel


def prepare(folder):
    """Builds everything into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    folder = folder.resolve()
    go(ROOT, "build", *STRIPPED, "-o", folder / "tool", "./cmd/p3dc")
    go(ROOT, "test", "-c", *STRIPPED, "-o", folder / "cuda.test", "./tests/cuda")
    go(ROOT, "test", "./tests/cuda", "-count=1", "-run", "^TestPrepare$", "-args", "-prepare", folder)
    for net in NETS:
        contestant(folder, net)
    (folder / "commit").write_text(commit())


def contestant(folder, net):
    """Builds p3dcgpu with a network's package, in a module of its own."""
    here = pathlib.Path(__file__).parent
    with tempfile.TemporaryDirectory() as name:
        module = pathlib.Path(name)
        text = (ROOT / "go.mod").read_text()
        (module / "go.mod").write_text(text.replace("module github.com/p3dc/p3dc", "module suite", 1))
        shutil.copy(ROOT / "go.sum", module)
        (module / "protocol").mkdir()
        shutil.copy(here / "protocol" / "protocol.go", module / "protocol")
        for file in (here / "p3dcgpu").glob("*.go"):
            shutil.copy(file, module)
        package = [folder / "tool", "compile", "-q", net, "--backend", "cuda", "--package", "net", "-o", module / "net"]
        subprocess.run(package, check=True)
        go(module, "build", "-tags=gpu", *STRIPPED, "-o", folder / f"p3dc-{net}", ".")


def go(folder, *arguments):
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}
    subprocess.run(["go", *arguments], cwd=folder, env=environment, check=True)


def commit():
    return subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
