"""Flask-Babel: pages in the language of the reader, with dates and numbers as they are written there."""

from datetime import date, datetime, timedelta

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask import Flask, g, render_template, request
from flask_babel import (
    Babel,
    force_locale,
    format_currency,
    format_date,
    format_datetime,
    format_decimal,
    format_percent,
    format_timedelta,
    get_locale,
    get_timezone,
    gettext,
    lazy_gettext,
    ngettext,
    pgettext,
    refresh,
    to_user_timezone,
    to_utc,
)

TITLE = lazy_gettext("Welcome")

PAGE = """
<h1>{% trans %}Welcome{% endtrans %}</h1>
<p>{% trans count=count %}{{ count }} loaf{% pluralize %}{{ count }} loaves{% endtrans %}</p>
<p>{{ _("Hello %(name)s", name=name) }}</p>
<p>{{ 1234.5|numberformat }} {{ day|dateformat("long") }}</p>
"""

WORDS = {
    "de": {
        "Welcome": "Willkommen",
        "Hello %(name)s": "Hallo %(name)s",
        ("%(count)s loaf", "%(count)s loaves"): ("%(count)s Brot", "%(count)s Brote"),
        ("%(num)d item", "%(num)d items"): ("%(num)d Ding", "%(num)d Dinge"),
    },
    "fr": {"Welcome": "Bienvenue"},
}


def write_catalog(folder, language, words):
    """Compiles a catalog into the place where gettext looks for it."""
    catalog = Catalog(locale=language, domain="messages")
    for word, translation in words.items():
        catalog.add(word, translation)
    if language == "de":
        catalog.add("May", "Mai", context="month")
        catalog.add("May", "dürfen", context="verb")
    place = folder / "translations" / language / "LC_MESSAGES"
    place.mkdir(parents=True)
    with (place / "messages.mo").open("wb") as file:
        write_mo(file, catalog)


def reader_language():
    return request.args.get("language") or request.accept_languages.best_match(["en", "de", "fr"])


def reader_timezone():
    return getattr(g, "timezone", None)


@pytest.fixture
def app(tmp_path):
    for language, words in WORDS.items():
        write_catalog(tmp_path, language, words)
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "page.html").write_text(PAGE)
    app = Flask(__name__, root_path=str(tmp_path))
    Babel(app, locale_selector=reader_language, timezone_selector=reader_timezone)

    @app.get("/")
    def page():
        return render_template("page.html", count=int(request.args.get("count", 1)), name="<Ada>", day=date(2026, 3, 1))

    @app.get("/title")
    def title():
        return {"title": TITLE, "language": str(get_locale())}

    return app


@pytest.fixture
def client(app):
    return app.test_client()


def test_page_in_the_language_of_the_browser(client):
    """The browser's wish chooses words, plural, number and date; what is filled in is escaped."""
    page = client.get("/?count=3", headers={"Accept-Language": "es, de;q=0.9, en;q=0.5"}).text
    assert "<h1>Willkommen</h1>" in page
    assert "<p>3 Brote</p>" in page
    assert "<p>Hallo &lt;Ada&gt;</p>" in page
    assert "<p>1.234,5 1. März 2026</p>" in page


def test_page_in_the_default_language(client):
    """Without a catalog the words of the program are shown."""
    page = client.get("/").text
    assert "<h1>Welcome</h1>" in page and "<p>1 loaf</p>" in page
    assert "<p>1,234.5 March 1, 2026</p>" in page


@pytest.mark.parametrize(
    ("language", "title"), [("en", "Welcome"), ("de", "Willkommen"), ("fr", "Bienvenue"), ("it", "Welcome")]
)
def test_lazy_word_in_json(client, language, title):
    """A word that was made when the program was loaded is translated when JSON is written."""
    assert client.get(f"/title?language={language}").json == {"title": title, "language": language}


def test_gettext(app):
    """Words, plurals and words with a context are translated in a view."""
    with app.test_request_context("/?language=de"):
        assert gettext("Hello %(name)s", name="Ada") == "Hallo Ada"
        assert [ngettext("%(num)d item", "%(num)d items", n) for n in (1, 2)] == ["1 Ding", "2 Dinge"]
        assert [pgettext("month", "May"), pgettext("verb", "May")] == ["Mai", "dürfen"]


def test_numbers(app):
    """Numbers, money and shares are written as in the reader's country."""
    with app.test_request_context("/?language=de"):
        assert format_decimal(1234567.891) == "1.234.567,891"
        assert format_currency(9.5, "EUR") == "9,50\xa0€"
        assert format_percent(0.25) == "25\xa0%"
    with app.test_request_context("/?language=en"):
        assert format_currency(9.5, "EUR") == "€9.50"


def test_timezone(app):
    """A time is kept in UTC and shown in the reader's timezone."""
    noon = datetime(2026, 7, 1, 12, 0)
    with app.test_request_context("/?language=de"):
        assert format_datetime(noon) == "01.07.2026, 12:00:00"
    with app.test_request_context("/?language=de"):
        g.timezone = "Europe/Vienna"
        assert str(get_timezone()) == "Europe/Vienna"
        assert format_datetime(noon) == "01.07.2026, 14:00:00"
        assert to_user_timezone(noon).hour == 14
        assert to_utc(datetime(2026, 7, 1, 14, 0)) == noon
        g.timezone = "Asia/Tokyo"
        refresh()
        assert format_datetime(noon, "HH:mm") == "21:00"


def test_dates(app):
    """Dates and spans of time are written in words of the language."""
    with app.test_request_context("/?language=fr"):
        assert format_date(date(2026, 3, 1), "full") == "dimanche 1 mars 2026"
        assert format_timedelta(timedelta(days=6), threshold=1) == "6\xa0jours"


def test_force_locale(app):
    """A part, such as a message to somebody else, is written in another language."""
    with app.test_request_context("/?language=fr"):
        with force_locale("de"):
            assert gettext("Welcome") == "Willkommen"
        assert gettext("Welcome") == "Bienvenue"


def test_outside_of_a_request(app):
    """A task has the default language and timezone of the configuration."""
    app.extensions["babel"].default_locale = "de"
    app.extensions["babel"].locale_selector = None
    with app.app_context():
        assert gettext("Welcome") == "Willkommen"
        assert str(get_timezone()) == "UTC"


def test_languages_that_there_are(app):
    """The extension lists the languages of the catalogs, and the default one."""
    with app.app_context():
        known = {str(locale) for locale in app.extensions["babel"].instance.list_translations()}
    assert known == {"de", "en", "fr"}
