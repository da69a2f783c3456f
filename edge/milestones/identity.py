"""Where a milestone's id comes from: what happened, and nothing else."""

from collections.abc import Sequence
from hashlib import blake2b
from json.encoder import encode_basestring_ascii as _quoted

_LAST_MILLISECOND = (1 << 48) - 1


def milestone_id(
    occurred_at: int,
    site: str,
    rule: str,
    name: str,
    key: str,
    *,
    occurrence: Sequence[str | None] = (),
    retraction: bool = False,
) -> str:
    """Return the id of a milestone: 128 bits as 32 hexadecimal digits.

    The first 48 bits are the milliseconds of `occurred_at`, so ids sort by time
    and an index over them grows at its end; the other 80 are a digest of the
    rest. No clock and no counter takes part: whoever judges the same signals
    again, after a crash, in a replay or in a backtest, gets the same id.
    """
    # JSON keeps apart what lies next to each other ("a","bc" and "ab","c") and None from "None".
    one_of = ", ".join("null" if each is None else _quoted(each) for each in occurrence)
    told = ", ".join(map(_quoted, (site, rule, name, key)))
    identity = f"[{told}, [{one_of}], {'true' if retraction else 'false'}]"
    digest = blake2b(identity.encode("ascii"), digest_size=10).hexdigest()
    return f"{min(max(occurred_at, 0), _LAST_MILLISECOND):012x}{digest}"
