"""What becomes of the attacks where a guard is taken away: for each, what is put in its place, and what then shows."""

from __future__ import annotations

import functools
import hmac
import ntpath
import operator
import os
import re
import types
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import Authorization
from werkzeug.http import parse_accept_header, parse_etags, parse_options_header, parse_range_header

from costrel.signing import secret_keys
from tests.security import bodies, files, headers, pages, vulnerable
from tests.security.world import Attack


@dataclass
class Removal:
    """A guard that is taken away.

    :param attack: the attack that succeeds then.
    :param shows: a part of what the attack fails with, so that it does not succeed for another reason.
    :param replaced: what stands in for functions and values of costrel, Werkzeug or Jinja, by their names.
    """

    attack: Attack
    shows: str
    replaced: dict[str, Any]


SLOW = "it took "
_COOKIES = tuple(
    f"costrel.{module}.{name}"
    for module in ("request", "request_parts")
    for name in ("parse_cookies", "parse_plain_cookies")
)
_JOINS = {"costrel.static.safe_join": os.path.join, "costrel.static._known_path": os.path.join}
_NO_DEVICES: dict[str, Any] = {"werkzeug.security._windows_device_files": set()}
_REQUEST = "werkzeug.sansio.request"


def _unchanged(value: Any, *others: Any) -> Any:
    return value


def _oldest_key_last(*settings: Any) -> Any:
    keys = secret_keys(*settings)
    return keys and keys[::-1]


def _escape_nothing(text: Any) -> str:
    return str(text)


REMOVALS: list[Removal] = [
    # Bodies.
    Removal(
        bodies.a_preamble_that_fills_the_memory,
        "it needed ",
        {"costrel.multipart._Body.skip_preamble": vulnerable.keep_preamble},
    ),
    Removal(
        bodies.a_head_of_a_part_that_never_ends,
        "<= 1000000",
        {"costrel.multipart.MAX_HEAD_SIZE": 1 << 40},
    ),
    Removal(
        bodies.a_file_that_begins_with_a_line_break,
        SLOW,
        {
            "costrel.multipart._Body._find_delimiter": vulnerable.search_all_again,
            "costrel.multipart.CHUNK_SIZE": 4096,
        },
    ),
    Removal(
        bodies.line_breaks_around_the_parts,
        SLOW,
        {"costrel.multipart._Body.skip_preamble": vulnerable.skip_preamble_by_byte},
    ),
    Removal(
        bodies.a_content_type_that_backtracks,
        SLOW,
        {f"{_REQUEST}.parse_options_header": vulnerable.backtracking(parse_options_header)},
    ),
    Removal(
        bodies.a_content_disposition_that_backtracks,
        SLOW,
        {"costrel.multipart.parse_options_header": vulnerable.backtracking(parse_options_header)},
    ),
    Removal(
        bodies.a_content_disposition_without_end,
        SLOW,
        {"costrel.multipart.parse_options_header": vulnerable.make_no_progress},
    ),
    Removal(
        bodies.a_part_that_breaks_off,
        SLOW,
        {"costrel.multipart._Body.read_head": vulnerable.read_head_of_what_breaks_off},
    ),
    Removal(
        bodies.a_transfer_encoding_that_decodes_to_nothing,
        SLOW,
        {"costrel.multipart._read_file": vulnerable.decode_until_there_is_something},
    ),
    Removal(bodies.a_form_that_ends_too_soon, SLOW, {"costrel.multipart._Body.fetch": vulnerable.wait_for_more}),
    Removal(bodies.a_form_that_fills_the_log, "<= 1", {"costrel.multipart._read_any_part": vulnerable.log_and_go_on}),
    Removal(
        bodies.fields_that_a_cache_does_not_see,
        "callback",
        {"costrel.request.parse_fields": vulnerable.split_at_semicolons},
    ),
    Removal(bodies.names_that_nest, "500", {"costrel.request.parse_fields": vulnerable.nest_names}),
    Removal(bodies.a_file_name_with_a_line_break, "\\r", {"costrel.multipart._read_any_part": vulnerable.keep_folds}),
    Removal(bodies.json_in_another_encoding, SLOW, {"costrel.request.load_json": vulnerable.guess_the_encoding}),
    Removal(bodies.json_that_names_its_codec, "500 == 200", {"costrel.request.load_json": vulnerable.decode_as_named}),
    Removal(
        bodies.a_media_type_behind_another,
        "200 == 415",
        {"costrel.request.Request.is_json": property(lambda self: "/json" in self.environ["CONTENT_TYPE"])},
    ),
    Removal(bodies.json_as_plain_text, "200 == 415", {"costrel.request.Request.is_json": property(lambda self: True)}),
    # Files.
    Removal(files.a_step_upwards, "../secret.txt is 200", _JOINS),
    Removal(files.a_sister_folder, "../static_backup/secret.txt is 200", _JOINS),
    Removal(
        files.a_path_with_nul,
        "is 200",
        dict.fromkeys(_JOINS, vulnerable.join_up_to_nul),
    ),
    Removal(files.a_drive, "C:/Windows/win.ini", {"werkzeug.security.safe_join": ntpath.join}),
    Removal(files.a_path_on_another_computer, "//server/share/a.txt", {"werkzeug.security.safe_join": ntpath.join}),
    Removal(files.a_device, "CON", _NO_DEVICES),
    Removal(files.a_device_with_an_extension, "CON.txt", _NO_DEVICES),
    Removal(files.a_device_in_a_folder, "sub/CON", _NO_DEVICES),
    Removal(
        files.a_file_without_lines,
        "it needed ",
        dict.fromkeys(("werkzeug.utils.wrap_file", "costrel.static.wrap_file"), vulnerable.by_lines),
    ),
    # What ends up in headers.
    Removal(
        headers.a_line_break_in_a_header,
        "DID NOT RAISE",
        {"costrel.response.check_header_value": _unchanged},
    ),
    Removal(
        headers.a_line_break_in_a_redirect,
        "Set-Cookie: name=salt",
        {
            "costrel.response.check_header_value": _unchanged,
            "costrel.response.check_redirect_target": _unchanged,
            "costrel.header_fields._known_uri": _unchanged,
        },
    ),
    Removal(
        headers.a_download_named_by_the_attacker,
        'dummy=".sh',
        {"werkzeug.http.dump_options_header": vulnerable.name_as_it_is},
    ),
    Removal(headers.a_cookie_without_a_name, "__Host-test", dict.fromkeys(_COOKIES, vulnerable.ignore_the_first_sign)),
    Removal(headers.a_cookie_with_an_encoded_name, "__Host-a", dict.fromkeys(_COOKIES, vulnerable.decode_names)),
    Removal(headers.a_cookie_within_a_cookie, "True", dict.fromkeys(_COOKIES, vulnerable.split_at_more)),
    # What is costly to take apart.
    Removal(headers.a_cookie_full_of_escapes, SLOW, dict.fromkeys(_COOKIES, vulnerable.unquote_one_by_one)),
    Removal(
        headers.lists_in_headers_that_backtrack,
        SLOW,
        {f"{_REQUEST}.parse_accept_header": vulnerable.backtracking(parse_accept_header)},
    ),
    Removal(
        headers.wildcards_without_end,
        SLOW,
        {f"{_REQUEST}.parse_accept_header": vulnerable.backtracking(parse_accept_header)},
    ),
    Removal(
        headers.entity_tags_that_backtrack,
        SLOW,
        {f"{_REQUEST}.parse_etags": vulnerable.backtracking(parse_etags)},
    ),
    Removal(
        headers.ranges_that_are_costly,
        SLOW,
        {"werkzeug.wrappers.response.parse_range_header": vulnerable.backtracking(parse_range_header)},
    ),
    Removal(
        headers.ranges_that_multiply_the_file,
        "<= 1000",
        {"werkzeug.wrappers.response.Response._process_range_request": vulnerable.answer_each_range},
    ),
    Removal(
        headers.languages_that_are_remembered,
        "bytes are kept",
        {f"{_REQUEST}.parse_accept_header": functools.lru_cache(None)(parse_accept_header)},
    ),
    Removal(
        headers.schemes_that_are_remembered,
        "bytes are kept",
        {
            "werkzeug.datastructures.Authorization.from_header": functools.lru_cache(None)(Authorization.from_header),
        },
    ),
    # Hosts, schemes, paths.
    Removal(
        headers.a_host_that_is_none,
        "evil.example",
        {
            "costrel.urls.validate_host": vulnerable.accept_host,
            "werkzeug.routing.map.get_host": vulnerable.host_of,
            "costrel.urls._check_host": lambda *arguments: None,
        },
    ),
    Removal(
        headers.a_forwarded_host,
        "evil.example",
        {"costrel.app.App.wsgi_app": vulnerable.trust_forwarded, "costrel.urls._check_host": lambda *arguments: None},
    ),
    Removal(headers.a_forwarded_scheme, "https True", {"costrel.app.App.wsgi_app": vulnerable.trust_forwarded}),
    Removal(
        headers.a_path_that_is_a_host,
        "evil.example",
        {"werkzeug.routing.map.MapAdapter.make_redirect_url": vulnerable.to_the_path},
    ),
    Removal(
        headers.a_built_address_that_is_a_host,
        "//evil.example",
        {"costrel.routing.map.Map.build_path": lambda self, endpoint, values, *others: f"/{values['rest']}"},
    ),
    Removal(
        headers.a_login_that_leads_away,
        "leads to javascript:alert(1)",
        {"costrel.helpers.is_own_target": lambda *arguments: True},
    ),
    Removal(
        headers.a_request_that_fails_before_the_view,
        "assert 500 < 500",
        {
            "costrel.request.decode_path": vulnerable.decode_strictly,
            "costrel.dispatch.path_of": vulnerable.decode_strictly,
        },
    ),
    # Sessions.
    Removal(
        pages.a_refreshed_session_in_a_cache,
        "None == 'Cookie'",
        {"costrel.session_cookie.SessionCookie.fields": vulnerable.without_vary},
    ),
    Removal(
        pages.a_private_page_in_a_cache,
        "None == 'Cookie'",
        {"costrel.session_cookie.SessionCookie.fields": vulnerable.without_vary},
    ),
    Removal(
        pages.a_session_signed_with_an_old_key,
        "b'None' == b'ada'",
        {"costrel.sessions.secret_keys": _oldest_key_last, "costrel.sessions._signers": {}},
    ),
    Removal(
        pages.a_signature_guessed_by_its_time,
        "assert []",
        {"costrel.signing.hmac": types.SimpleNamespace(new=hmac.new, compare_digest=operator.eq)},
    ),
    Removal(
        pages.sessions_that_fill_the_store,
        "is None",
        {"costrel.session_cookie.SessionCookie.fields": vulnerable.set_always},
    ),
    Removal(
        pages.a_session_that_is_a_path,
        "root",
        {"costrel.session_cookie.SessionCookie.open": vulnerable.open_the_file},
    ),
    # Pages about errors.
    Removal(
        pages.a_message_in_the_page_for_404,
        "555",
        {"werkzeug.exceptions.NotFound.get_description": vulnerable.say_the_path},
    ),
    Removal(
        pages.a_script_in_the_page_for_400,
        "<script",
        {"werkzeug.exceptions.escape": _escape_nothing},
    ),
    Removal(pages.a_script_in_the_debugger, "<script>alert(1)", {"werkzeug.debug.tbtools.escape": str}),
    Removal(pages.a_script_in_the_cause_of_an_error, "<script>alert(1)", {"werkzeug.debug.tbtools.escape": str}),
    Removal(
        pages.a_debugger_under_another_name,
        "200 in (400, 404)",
        {"werkzeug.debug.DebuggedApplication.check_host_trust": lambda self, environ: True},
    ),
    # Templates.
    Removal(pages.an_attribute_within_an_attribute, "onclick", {"jinja2.filters._attr_key_re": re.compile("(?!)")}),
    Removal(pages.a_link_that_backtracks, SLOW, {"jinja2.filters.urlize": vulnerable.urlize}),
    Removal(pages.tags_within_tags, SLOW, {"markupsafe.Markup.striptags": vulnerable.strip_again}),
]
