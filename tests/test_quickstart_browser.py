"""The guestbook example in a real browser, served by ``costrel run``: what a newcomer does in the first minutes."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.support.server import child_environment, stop

EXAMPLE = Path(__file__).parents[1] / "examples" / "quickstart" / "guestbook"
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        CHROMIUM is None or DRIVER is None,
        reason="needs a browser: apt-get install chromium chromium-driver",
    ),
]

#: What a visitor reads or uses.
PARTS = ("h1", "h3", "label", "input", "textarea", "button", ".quiet", ".flash", ".message", "time", "a")

#: The contrast of text and background (WCAG 2.2, 1.4.3), for the element given as the first argument.
CONTRAST = """
const numbers = colour => (colour.match(/[0-9.]+/g) || []).map(Number);
const luminance = colour => {
  const [r, g, b] = numbers(colour).slice(0, 3).map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
let behind = arguments[0];
const isClear = element => numbers(getComputedStyle(element).backgroundColor)[3] === 0;
while (isClear(behind) && behind.parentElement) behind = behind.parentElement;
const pair = [getComputedStyle(arguments[0]).color, getComputedStyle(behind).backgroundColor].map(luminance);
return (Math.max(...pair) + 0.05) / (Math.min(...pair) + 0.05);
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the example, so that a test has a guestbook of its own."""
    shutil.copytree(EXAMPLE, tmp_path / "guestbook", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.fixture
def port() -> int:
    """A free port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def serving(folder: Path, port: int) -> Iterator[str]:
    """Runs the command from the example's page in a process of its own and gives the address it serves."""
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "costrel", "--app", "guestbook", "run", "--port", str(port)]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, env=child_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 30
        while not _answers(url):
            assert process.poll() is None and time.monotonic() < deadline, (folder / "server.log").read_text()
            time.sleep(0.05)
        yield url
    finally:
        stop(process)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return int(response.status) == 200
    except OSError:
        return False


@contextlib.contextmanager
def browsing(folder: Path, width: int = 1200, height: int = 900, dark: bool = False) -> Iterator[webdriver.Chrome]:
    """Opens a browser with a fresh profile and a window of that size in CSS pixels."""
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in (
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={folder / 'profile'}",
    ):
        options.add_argument(argument)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(DRIVER)))
    try:
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        yield browser
    finally:
        browser.quit()


def sign(browser: webdriver.Chrome, name: str, message: str) -> None:
    """Fills in the form and sends it, then waits for the next page."""
    for field, text in (("name", name), ("message", message)):
        element = browser.find_element(By.ID, field)
        element.clear()
        element.send_keys(text)
    button = browser.find_element(By.XPATH, "//button[text()='Sign the guestbook']")
    button.click()
    WebDriverWait(browser, 10).until(lambda _: _is_gone(button))


def _is_gone(element: Any) -> bool:
    """Tells whether the page that the element was on has been left."""
    try:
        element.is_enabled()
    except Exception:
        return True
    return False


def texts(browser: webdriver.Chrome, selector: str) -> list[str]:
    """Returns what a visitor reads in the elements that the CSS selector finds."""
    return [element.text for element in browser.find_elements(By.CSS_SELECTOR, selector)]


def screenshot(browser: webdriver.Chrome, file: Path) -> bytes:
    """Saves what the window shows as a PNG file, for people to look at, and returns its bytes."""
    assert browser.save_screenshot(str(file))
    return file.read_bytes()


def test_signing_the_guestbook_and_restarting_the_server(folder: Path, port: int) -> None:
    """A visitor signs, reads a thank-you once, and after a restart the entry and the name are still there."""
    with browsing(folder) as browser:
        with serving(folder, port) as url:
            browser.get(url)
            assert texts(browser, ".empty") == ["Nobody has signed yet. Be the first!"]
            empty = screenshot(browser, folder / "empty.png")

            sign(browser, "Ada", "Hello <b>there</b>!\nSecond line")
            assert browser.current_url == f"{url}/"
            assert texts(browser, "[role=status]") == ["Thank you for signing, Ada!"]
            assert texts(browser, "article h3") == ["Ada"]
            assert texts(browser, ".message") == ["Hello <b>there</b>!\nSecond line"]
            assert screenshot(browser, folder / "signed.png") != empty

            browser.refresh()
            assert texts(browser, "[role=status]") == []
            assert len(texts(browser, "article")) == 1

        with serving(folder, port) as url:
            browser.get(url)
            assert texts(browser, ".message") == ["Hello <b>there</b>!\nSecond line"]
            assert browser.find_element(By.ID, "name").get_attribute("value") == "Ada"
            assert texts(browser, "h1") == ["Hello, Ada!"]

            browser.find_element(By.XPATH, "//button[text()='Forget my name']").click()
            WebDriverWait(browser, 10).until(lambda driver: texts(driver, "[role=status]"))
            assert browser.find_element(By.ID, "name").get_attribute("value") == ""


def test_an_empty_form_is_stopped_by_browser_and_server(folder: Path, port: int) -> None:
    """The browser does not send an empty form; where it does, the page says what is missing, next to the field."""
    with serving(folder, port) as url, browsing(folder) as browser:
        browser.get(url)
        button = browser.find_element(By.XPATH, "//button[text()='Sign the guestbook']")
        button.click()
        assert browser.execute_script("return document.activeElement.id") == "name"
        browser.execute_script("document.querySelector('form').noValidate = true")
        button.click()
        WebDriverWait(browser, 10).until(lambda driver: texts(driver, ".error"))
        assert texts(browser, ".error") == ["Please tell us your name.", "Please write a message."]
        described = browser.find_element(By.ID, "name").get_attribute("aria-describedby")
        assert browser.find_element(By.ID, str(described)).text == "Please tell us your name."


def test_a_wrong_address_shows_the_guestbooks_page(folder: Path, port: int) -> None:
    """The 404 page has the looks of the rest and a link that leads back."""
    with serving(folder, port) as url, browsing(folder) as browser:
        browser.get(f"{url}/nowhere")
        assert texts(browser, "h1") == ["This page does not exist"]
        assert texts(browser, "code") == ["/nowhere"]
        assert screenshot(browser, folder / "not-found.png").startswith(b"\x89PNG")
        browser.find_element(By.LINK_TEXT, "Go to the guestbook").click()
        WebDriverWait(browser, 10).until(lambda driver: driver.current_url == f"{url}/")
        assert texts(browser, "label") == ["Your name", "Your message"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [320, 1200])
def test_the_page_is_readable(folder: Path, port: int, width: int, dark: bool) -> None:
    """On a phone and on a desk, light or dark: nothing sticks out, text has contrast, buttons can be hit."""
    with serving(folder, port) as url, browsing(folder, width, dark=dark) as browser:
        browser.get(url)
        sign(browser, "N" * 60, "m" * 300)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        for selector in (
            "h1",
            "h3",
            "label",
            "input",
            "textarea",
            "button",
            ".quiet",
            ".flash",
            ".message",
            "time",
            "a",
        ):
            element = browser.find_element(By.CSS_SELECTOR, selector)
            assert browser.execute_script(CONTRAST, element) >= 4.5, selector
        for button in browser.find_elements(By.CSS_SELECTOR, "form.card button"):
            assert button.rect["height"] >= 44
        for field in browser.find_elements(By.CSS_SELECTOR, "input, textarea"):
            assert browser.execute_script("return arguments[0].labels.length", field) == 1
        assert screenshot(browser, folder / "readable.png").startswith(b"\x89PNG")
