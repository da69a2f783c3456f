"""From what came back, or did not, to a verdict. All that decides it is in two tables.

Rule 1: nothing is accepted unless the destination says so.
Rule 2: what may have taken effect is unknown; `Retry` is only for what certainly has not.
Rule 3: what is wrong with the address, the credentials or the whole destination is never
held against an entry: only an answer about the entry itself makes it a dead letter.
"""

import re
import ssl
from collections.abc import Callable, Sequence
from dataclasses import replace
from http import HTTPStatus

import httpx

from drivers.contract import Accepted, Rejected, Retry, Unknown, Verdict
from drivers.http.answer import Answer
from drivers.http.reasons import broken, refused_by_tls, unreachable
from drivers.http.secret import NoCredentials, hide

# How destinations say, with a 409, that they have the entry, or that they are still at it. A
# bare "already" is not enough: a period can be "already closed".
THERE_ALREADY = re.compile(
    r"duplicate"
    r"|already.?(been.?)?(accepted|booked|captured|exists|known|posted|processed|received|recorded"
    r"|stored)",
    re.IGNORECASE,
)
STILL_AT_IT = re.compile(r"in.?progress|processing|being.?processed|pending|locked", re.IGNORECASE)


def judge(answer: Answer) -> Verdict:
    """Return the verdict that an answer means. Every status means one."""
    by_class = _BY_CLASS.get(answer.status // 100, _failed)
    return _BY_STATUS.get(answer.status, by_class)(answer)


def judge_failure(error: Exception, place: str, secrets: Sequence[str] = ()) -> Retry | Unknown:
    """Return the verdict that one of `FAILURES` means: no answer came from `place`.

    None of the secrets is in its words.
    """
    kind = next(kind for kind in FAILURES if isinstance(error, kind))
    verdict = _BY_FAILURE[kind](error, place)
    return replace(verdict, reason=hide(secrets, verdict.reason))


def judge_look_up(answer: Answer) -> Accepted | Retry | Unknown | None:
    """Return what the answer to a look-up says; None if it is that the entry has not arrived.

    A 200 that shows nothing ("", null, an empty list or object) says so, too:
    it is what a search without a result looks like.
    """
    reason = f"a look-up was answered {answer.told()}"
    match answer.status:
        case HTTPStatus.OK if answer.body.strip() not in {b"", b"null", b"[]", b"{}"}:
            return Accepted(f"found by look-up: {answer.told()}")
        case HTTPStatus.OK | HTTPStatus.NOT_FOUND:
            return None
        case HTTPStatus.TOO_MANY_REQUESTS:
            return Retry(reason, answer.retry_after(), overloaded=True)
        case HTTPStatus.SERVICE_UNAVAILABLE:
            return Retry(reason, answer.retry_after(), outage=True)
        case _:
            return Unknown(reason)


# ---- Answers ---------------------------------------------------------------------------------


def _accepted(answer: Answer) -> Verdict:
    return Accepted(answer.told())


def _conflict(answer: Answer) -> Verdict:
    """Judge a 409, which may mean "there already" or "still at it" (Idempotency-Key, 2.7).

    The destination's own words decide, those for machines before those for
    people. If they do not, the outcome is unknown: a guess either way would
    lose the milestone or make a dead letter of one that has arrived.
    """
    for words in (*answer.members("type", "code", "title", "detail"), answer.text()):
        if STILL_AT_IT.search(words):
            return Retry(f"still at an earlier attempt: {answer.told()}", answer.retry_after())
        if THERE_ALREADY.search(words):
            return Accepted(f"there already: {answer.told()}")
    return Unknown(f"a conflict that does not say whether the entry is there: {answer.told()}")


def _not_now(answer: Answer) -> Verdict:
    return Retry(answer.told(), answer.retry_after())


def _overloaded(answer: Answer) -> Verdict:
    return Retry(answer.told(), answer.retry_after(), overloaded=True)


def _closed(answer: Answer) -> Verdict:
    return Retry(answer.told(), answer.retry_after(), outage=True)


def _not_allowed(answer: Answer) -> Verdict:
    return Retry(
        f"credentials refused: check auth and our rights at {answer.place}; {answer.told()}",
        answer.retry_after(),
        outage=True,
    )


def _wrong_address(answer: Answer) -> Verdict:
    return Retry(
        f"{answer.place} does not take CloudEvents by POST: check url; {answer.told()}", outage=True
    )


def _not_found(answer: Answer) -> Verdict:
    """Judge a 404, which may mean the address or the order that the entry is about.

    Only a problem with a type of its own is certainly about the entry. Else it
    is retried, and not as an outage: if the address is wrong nothing becomes a
    dead letter, and if the entry is it holds back its own key alone.
    """
    kind = answer.members("type")
    if answer.is_problem() and kind and kind[0] != "about:blank":
        return _rejected(answer)
    return Retry(f"nothing there to post to: check url {answer.place}; {answer.told()}")


def _redirected(answer: Answer) -> Verdict:
    target = answer.location() or "an address it does not tell"
    return Retry(
        f"{answer.status}: redirected to {target}; set url to the final address", outage=True
    )


def _see_other(answer: Answer) -> Verdict:
    # RFC 9110, section 15.4.4: an answer to a POST that has been dealt with, somehow.
    return Unknown(f"{answer.told()}; set url to an address that answers 2xx itself", outage=True)


def _rejected(answer: Answer) -> Verdict:
    return Rejected(answer.told())


def _failed(answer: Answer) -> Verdict:
    return Unknown(f"failed, perhaps after it was done: {answer.told()}")


def _out_of_reach(answer: Answer) -> Verdict:
    return Unknown(f"a proxy got no answer from it: {answer.told()}", outage=True)


_Judge = Callable[[Answer], Verdict]

_BY_CLASS: dict[int, _Judge] = {
    1: _failed,  # no final answer; httpx lets only 101 through, which we never ask for
    2: _accepted,
    3: _redirected,
    4: _rejected,
    5: _failed,
    # An invalid status is a 5xx (RFC 9110, section 15).
}
_BY_STATUS: dict[int, _Judge] = {
    303: _see_other,
    401: _not_allowed,
    402: _not_allowed,
    403: _not_allowed,
    404: _not_found,
    405: _wrong_address,
    406: _wrong_address,
    407: _not_allowed,
    408: _not_now,
    409: _conflict,
    410: _not_found,
    415: _wrong_address,
    421: _wrong_address,
    423: _not_now,
    425: _not_now,
    426: _wrong_address,
    429: _overloaded,
    501: _wrong_address,
    502: _out_of_reach,
    503: _closed,
    504: _out_of_reach,
    505: _wrong_address,
    511: _not_allowed,
}


# ---- No answer -------------------------------------------------------------------------------


def _unreachable(error: Exception, place: str) -> Retry | Unknown:
    return Retry(unreachable(error, place), outage=True)


def _no_connection(_: Exception, place: str) -> Retry | Unknown:
    return Retry(f"no connection to {place} within connect_timeout_seconds", outage=True)


def _no_answer(_: Exception, place: str) -> Retry | Unknown:
    return Unknown(f"no whole answer from {place} within timeout_seconds")


def _broken(error: Exception, place: str) -> Retry | Unknown:
    # With TLS 1.3 a server looks at our certificate only after we could begin to send; what it
    # then says refuses the connection, and with it all that was sent over it.
    if (refusal := refused_by_tls(error, place)) is not None:
        return Retry(refusal, outage=True)
    return Unknown(broken(error, place))


def _no_credentials(error: Exception, _: str) -> Retry | Unknown:
    after = error.after if isinstance(error, NoCredentials) else None
    return Retry(str(error), after, outage=True)


_BY_FAILURE: dict[type[Exception], Callable[[Exception, str], Retry | Unknown]] = {
    NoCredentials: _no_credentials,
    httpx.ConnectTimeout: _no_connection,
    httpx.ConnectError: _unreachable,
    httpx.ReadTimeout: _no_answer,
    httpx.WriteTimeout: _no_answer,
    TimeoutError: _no_answer,
    httpx.ReadError: _broken,
    httpx.WriteError: _broken,
    # Not a NetworkError, although most often it is a connection that was cut.
    httpx.RemoteProtocolError: _broken,
    # What TLS finds wrong once connected is not wrapped by httpx.
    ssl.SSLError: _broken,
}
FAILURES: tuple[type[Exception], ...] = tuple(_BY_FAILURE)
"""All ways in which an exchange fails. Anything else that is raised is a fault of our own."""
