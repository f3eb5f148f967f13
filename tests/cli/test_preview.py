"""`preview` writes a site of what is published, says where, and serves it until it is stopped."""

from __future__ import annotations

import http.client
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Days, RunsCommand


@pytest.fixture
def good(all_days: Days, out: Path, lists: Path) -> Path:
    """An output folder as a good run left it, beside its definitions."""
    assert lists.is_dir()
    shutil.copytree(all_days.folder / "before", out)
    return out


def files(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_page(manifests: RunsCommand, good: Path, tmp_path: Path) -> None:
    """The page stands in the folder of the state and is named on stdout; no other is touched."""
    before = files(good)
    found = manifests("preview")
    page = tmp_path / "state" / "preview" / "index.html"
    assert (found.returncode, found.stdout) == (0, f"{page}\n")
    assert re.fullmatch(r"\d+ files, \d+ kB: \S+/preview/\n", found.stderr)
    assert b"Catalogue preview" in page.read_bytes()
    assert files(good) == before


def test_another_folder_twice(manifests: RunsCommand, good: Path) -> None:
    """The same set makes the same bytes, in any folder."""
    assert good.is_dir()
    for _ in range(2):
        assert manifests("preview", "--to", "one").stdout == "one/index.html\n"
    manifests("preview", "--to", "two")
    assert [*files(Path("one")).values()] == [*files(Path("two")).values()]


def test_images_only_on_request(manifests: RunsCommand, good: Path) -> None:
    """Addresses of images are in the site only with `--images`."""
    assert good.is_dir()
    manifests("preview", "--to", "without")
    manifests("preview", "--to", "with", "--images")
    found = [b"".join(files(Path(folder)).values()) for folder in ("without", "with")]
    pictured = [b"https://image.example/" in data for data in found]
    assert pictured == [False, True]


def test_definitions_that_can_not_be_read(manifests: RunsCommand, good: Path) -> None:
    """Without definitions the menus are guessed, and a warning says so."""
    assert good.is_dir()
    found = manifests("preview", "--filters", "nowhere")
    assert found.returncode == 0
    assert "warning: nowhere: is no folder; the menus are guessed from the paths\n" in found.stderr


def test_nothing_published(manifests: RunsCommand, tmp_path: Path) -> None:
    """Without a published set there is nothing to show, and the command that makes one is named."""
    found = manifests("preview")
    assert (found.returncode, found.stdout) == (1, "")
    assert "error: nothing is published in " in found.stderr
    assert "next: manifests generate" in found.stderr
    assert not (tmp_path / "state").exists()


def test_folders_that_are_not_for_previews(manifests: RunsCommand, good: Path) -> None:
    """Neither the output folder nor one with files of others is written to."""
    Path("mine").mkdir()
    Path("mine", "photo.jpeg").touch()
    before = files(good)
    for folder, why in [(good, "where only the published set stands"), (Path("mine"), "not empty")]:
        found = manifests("preview", "--to", folder)
        assert found.returncode == 1
        assert why in found.stderr
        assert "--to" in found.stderr
    assert files(good) == before
    assert [path.name for path in Path("mine").iterdir()] == ["photo.jpeg"]


@pytest.fixture
def server(good: Path) -> Iterator[subprocess.Popen[str]]:
    """The command as a server, on a port of its own."""
    assert good.is_dir()
    command = [sys.executable, "-m", "manifests", "preview", "--serve", "--port", "0"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_serving(server: subprocess.Popen[str], number: signal.Signals) -> None:
    """The address is all that stdout says; the page is there, and being stopped is a good end."""
    assert server.stdout is not None
    line = server.stdout.readline()
    port = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/\n", line)
    assert port is not None
    connection = http.client.HTTPConnection("127.0.0.1", int(port.group(1)))
    connection.request("GET", "/")
    assert b"Catalogue preview" in connection.getresponse().read()
    connection.close()
    server.send_signal(number)
    printed, told = server.communicate()
    assert (server.returncode, printed) == (0, "")
    assert "stop with Ctrl-C" in told


def test_help(manifests: RunsCommand) -> None:
    """The command explains itself, with an example of its own."""
    found = manifests("preview", "--help")
    assert found.returncode == 0
    assert "manifests preview" in found.stdout.partition("Example")[2]
