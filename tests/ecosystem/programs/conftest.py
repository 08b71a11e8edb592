"""What the programs share: the check that they ran on the framework they were meant for, Redis, and a browser."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import socket
import subprocess
import sys
import time

import pytest

FRAMEWORK = os.environ.get("ECOSYSTEM_FRAMEWORK", "costrel")


def real_flask_modules():
    """Returns the loaded modules that come from the real Flask's folder, whatever they are called."""
    folders = {os.path.join(path, "flask") + os.sep for path in sys.path}
    files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
    return sorted(name for name, file in files.items() if file.startswith(tuple(folders)))


@pytest.fixture(scope="session", autouse=True)
def _framework():
    """After the last test, checks which framework the extension has used."""
    yield
    if FRAMEWORK == "flask":
        assert "flask" in real_flask_modules()
        return
    assert real_flask_modules() == []
    assert "costrel.as_flask" in sys.modules
    assert importlib.metadata.version("flask") == "3.1.3"


@pytest.fixture(autouse=True)
def _no_context_left(request):
    """After each test, checks that no context is left behind."""
    yield
    if FRAMEWORK == "costrel":
        from costrel.context import current_context

        assert current_context.get(None) is None


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    """The URL of a Redis of our own, empty at first."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("redis")
    command = ["redis-server", "--port", str(port), "--save", "", "--bind", "127.0.0.1", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    assert time.monotonic() < deadline, "Redis did not start"
                    time.sleep(0.05)
            yield f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()
