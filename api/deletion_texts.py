"""What the pages of `deletion_page` say."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from schemas.base import Locale


class Page(StrEnum):
    """The pages there are."""

    ASK = "ask"
    MAILED = "mailed"
    CONFIRM = "confirm"
    BEGUN = "begun"
    OVER = "over"


class Text(NamedTuple):
    """A page's words; the title is what a list of tabs shows."""

    title: str
    words: str
    button: str = ""
    field: str = ""
    note: str = ""  # where what was typed was not it


EN, PT = "Account", "Conta"
TEXTS: Mapping[Page, Mapping[Locale, Text]] = {
    Page.ASK: {
        Locale.EN: Text(
            EN,
            "Delete your Twofold account and everything in it. We send a link to your address."
            " After you open it and confirm with your password, there are seven days in which you"
            " can still change your mind, in the app.",
            "Send the link",
            "Your e-mail address",
        ),
        Locale.PT: Text(
            PT,
            "Apagar a sua conta Twofold e tudo o que ela contém. Enviamos uma ligação para o seu"
            " endereço. Depois de a abrir e confirmar com a sua palavra-passe, tem sete dias para"
            " mudar de ideias, na aplicação.",
            "Enviar a ligação",
            "O seu endereço de e-mail",
        ),
    },
    Page.MAILED: {
        Locale.EN: Text(EN, "A mail is on its way, if this was an address."),
        Locale.PT: Text(PT, "Se este era um endereço, um e-mail vai a caminho."),
    },
    Page.CONFIRM: {
        Locale.EN: Text(
            EN,
            "Your account and everything in it will be deleted in seven days. Until then you can"
            " stop it in the app; afterwards nobody can bring it back.",
            "Delete my account",
            "Your password",
            "This is not the password.",
        ),
        Locale.PT: Text(
            PT,
            "A sua conta e tudo o que ela contém serão apagados daqui a sete dias. Até lá pode"
            " impedi-lo na aplicação; depois ninguém a pode recuperar.",
            "Apagar a minha conta",
            "A sua palavra-passe",
            "Esta não é a palavra-passe.",
        ),
    },
    Page.BEGUN: {
        Locale.EN: Text(EN, "It will be deleted in seven days. You can stop it in the app."),
        Locale.PT: Text(PT, "Será apagada daqui a sete dias. Pode impedi-lo na aplicação."),
    },
    Page.OVER: {
        Locale.EN: Text(EN, "This link was used, or is too old. You can ask for another."),
        Locale.PT: Text(PT, "Esta ligação já foi usada ou é antiga. Pode pedir outra."),
    },
}
