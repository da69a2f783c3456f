"""What an answer to several entries means for each of them."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import orjson

from drivers.contract import Accepted, Divide, Entry, Rejected, Unknown, Verdict
from drivers.http.answer import Answer
from drivers.http.verdicts import judge

STATUSES = range(100, 600)


def judge_batch(answer: Answer, entries: Sequence[Entry]) -> Sequence[Verdict] | Divide:
    """Return the verdict on each entry, by the table for single answers.

    A 2xx may tell them apart: `{"results": [{"id": …, "status": …}, …]}`, where
    an entry that is not told of is unknown. Without results it speaks of all.
    Any other answer speaks of all, too; but if it says that something is wrong
    with them it may be one of them, so they have to be sent in smaller batches.
    """
    if answer.status // 100 == 2:  # noqa: PLR2004
        return _judge_each(answer, entries)
    verdict = judge(answer)
    if len(entries) > 1:
        if answer.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return Divide(answer.told(), too_large=True)
        if isinstance(verdict, Rejected | Accepted):  # a 409 may speak of one that is there already
            return Divide(answer.told(), too_large=False)
    return [verdict] * len(entries)


def _judge_each(answer: Answer, entries: Sequence[Entry]) -> Sequence[Verdict]:
    is_clear = answer.status != HTTPStatus.MULTI_STATUS
    try:
        told = answer.parsed()
    except ValueError:
        # JSON that was cut may have told of failures; what never was JSON speaks of all.
        began_as_json = answer.text().lstrip("\ufeff \r\n\t").startswith(("{", "["))
        is_clear = is_clear and answer.is_whole and not began_as_json
    else:
        if isinstance(told, dict) and "results" in told:
            return _judge_results(answer, told["results"], entries)
    if is_clear:
        return [judge(answer)] * len(entries)
    return [Unknown(f"does not tell one milestone from another: {answer.told()}")] * len(entries)


def _judge_results(answer: Answer, results: object, entries: Sequence[Entry]) -> list[Verdict]:
    doubt = Unknown(f"the answer {answer.status} to a batch tells of this milestone twice")
    told: dict[str, Verdict] = {}
    headers = {"content-type": "application/problem+json"}
    if "retry-after" in answer.headers:
        headers["retry-after"] = answer.headers["retry-after"]
    for result in results if isinstance(results, list) else []:
        if isinstance(result, dict):
            key, status = result.pop("id", None), result.pop("status", None)
            if isinstance(key, str) and type(status) is int and status in STATUSES:
                verdict = _judge_one(answer, status, headers, orjson.dumps(result))
                told[key] = verdict if told.setdefault(key, verdict) == verdict else doubt
    silence = Unknown(f"the answer {answer.status} to a batch does not tell of this milestone")
    return [told.get(entry.id, silence) for entry in entries]


def _judge_one(answer: Answer, status: int, headers: Mapping[str, str], words: bytes) -> Verdict:
    """Judge a result as the answer that the entry alone would have had."""
    return judge(
        Answer(
            place=answer.place,
            received_at=answer.received_at,
            status=status,
            headers=headers,
            body=b"" if words == b"{}" else words,
            secrets=answer.secrets,
        )
    )
