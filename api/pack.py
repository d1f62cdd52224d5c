"""Choosing what is asked: by whoever begins a check-in or makes a schedule."""

from api.errors import Refusal
from schemas.questionnaires import NEWEST, Audience, Pack


class UnknownPack(Refusal):
    type = "/problems/unknown-pack"
    status = 422
    detail = "There is no such questionnaire, or it is not for two."
    pointer = "#/pack"


def chosen(pack_id: str, *, for_both: bool) -> Pack:
    """The newest version. What one asks oneself is never asked of two."""
    pack = NEWEST.get(pack_id)
    if pack is None or (for_both and pack.audience is not Audience.COUPLE):
        raise UnknownPack
    return pack
