"""Questionnaires: what Twofold asks. Shape: none, for everybody.

Everybody sees the same packs, paired or not; nothing here depends on a person but the language.
A pack that changes gets a new version, and the old one stays as it was: an answer given to
version 1 is always read beside the words of version 1.
"""

from typing import Annotated

from fastapi import Path

from api.areas import area
from api.deps import Me
from api.errors import NotFound, NotSignedIn, documented
from schemas.questionnaires import NEWEST, PACKS, Name, PackNumber, PackPublic

router = area("/questionnaires", NotSignedIn)

PackId = Annotated[Name, Path(description="The questionnaire, for instance `daily_pulse`.")]
Version = Annotated[PackNumber, Path(description="The version with which answers were begun.")]


@router.get("", summary="Read the questionnaires")
async def read_questionnaires(me: Me) -> list[PackPublic]:
    """The newest version of each, in my language."""
    return [pack.shown_in[me.locale] for pack in NEWEST.values()]


@router.get("/{pack_id}", summary="Read the newest version of one", responses=documented(NotFound))
async def read_questionnaire(pack_id: PackId, me: Me) -> PackPublic:
    """What would be asked today, in my language."""
    pack = NEWEST.get(pack_id)
    if pack is None:
        raise NotFound
    return pack.shown_in[me.locale]


@router.get("/{pack_id}/{version}", summary="Read one version", responses=documented(NotFound))
async def read_version(pack_id: PackId, version: Version, me: Me) -> PackPublic:
    """What was asked, word for word: a version stays as it was published."""
    pack = PACKS.get((pack_id, version))
    if pack is None:
        raise NotFound
    return pack.shown_in[me.locale]
