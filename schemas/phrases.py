"""The fixed phrases that one partner can send the other. Free text has no place in a nudge."""

from dataclasses import dataclass
from enum import StrEnum

from schemas.base import Locale
from schemas.questionnaires import Topic


class PhraseKind(StrEnum):
    """What somebody may not want to receive at all."""

    WARMTH = "warmth"
    THANKS = "thanks"
    INVITATION = "invitation"
    SUPPORT = "support"
    FLIRT = "flirt"


class PhraseId(StrEnum):
    """The name of a phrase, the same for ever; an app may show words of its own for it."""

    THINKING_OF_YOU = "thinking_of_you"
    GOOD_NIGHT = "good_night"
    THANK_YOU = "thank_you"
    I_NOTICED = "i_noticed"
    HERE_IF_YOU_WANT_TO_TALK = "here_if_you_want_to_talk"
    TEA_TOGETHER = "tea_together"
    GOOD_LUCK_TODAY = "good_luck_today"
    NO_NEED_TO_ANSWER = "no_need_to_answer"
    YOU_LOOKED_LOVELY = "you_looked_lovely"


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase: none asks for an answer, and none names a time."""

    kind: PhraseKind
    topic: Topic
    text: dict[Locale, str]


def _phrase(kind: PhraseKind, topic: Topic, en: str, pt: str) -> Phrase:
    return Phrase(kind, topic, {Locale.EN: en, Locale.PT: pt})


PHRASES: dict[PhraseId, Phrase] = {
    PhraseId.THINKING_OF_YOU: _phrase(
        PhraseKind.WARMTH, Topic.CONNECTION, "I am thinking of you.", "Estou a pensar em ti."
    ),
    PhraseId.GOOD_NIGHT: _phrase(PhraseKind.WARMTH, Topic.CONNECTION, "Good night.", "Boa noite."),
    PhraseId.THANK_YOU: _phrase(
        PhraseKind.THANKS, Topic.APPRECIATION, "Thank you.", "Obrigado por tudo."
    ),
    PhraseId.I_NOTICED: _phrase(
        PhraseKind.THANKS,
        Topic.APPRECIATION,
        "I noticed what you did, and it mattered to me.",
        "Reparei no que fizeste, e foi importante para mim.",
    ),
    PhraseId.HERE_IF_YOU_WANT_TO_TALK: _phrase(
        PhraseKind.INVITATION,
        Topic.LISTENING,
        "I am here if you want to talk. Only if you want to.",
        "Estou aqui se quiseres conversar. Só se quiseres.",
    ),
    PhraseId.TEA_TOGETHER: _phrase(
        PhraseKind.INVITATION,
        Topic.CONNECTION,
        "I would like to have a cup of tea with you some time.",
        "Gostava de beber um chá contigo um dia destes.",
    ),
    PhraseId.GOOD_LUCK_TODAY: _phrase(
        PhraseKind.SUPPORT, Topic.DAILY_LIFE, "I wish you a good day.", "Desejo-te um bom dia."
    ),
    PhraseId.NO_NEED_TO_ANSWER: _phrase(
        PhraseKind.SUPPORT,
        Topic.PRESSURE,
        "Take all the time you need. You do not have to answer.",
        "Leva o tempo de que precisares. Não tens de responder.",
    ),
    PhraseId.YOU_LOOKED_LOVELY: _phrase(
        PhraseKind.FLIRT, Topic.INTIMACY, "You looked lovely.", "Estavas um encanto."
    ),
}
