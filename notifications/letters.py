"""What a mail says.

A partner may read the mailbox, or the first line of a mail on a lock screen. So all mails have
one sender, one subject and one first line; they say nothing of a couple, name nobody, and the
token stands behind the `#` of their one link, which no server on the way is sent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from uuid import UUID

from schemas.base import Locale
from schemas.mail import Letter, MailKind

SUBJECT: Mapping[Locale, str] = {Locale.EN: "Your account", Locale.PT: "A sua conta"}
FIRST_LINE: Mapping[Locale, str] = {
    Locale.EN: "This is about your account.",
    Locale.PT: "Isto é sobre a sua conta.",
}
NOT_ME: Mapping[Locale, str] = {
    Locale.EN: "If this was not you, there is nothing to do.",
    Locale.PT: "Se não foi você, não precisa de fazer nada.",
}
# What was asked for does something to the account: whoever reads along may go on with it.
STOP_IT: Mapping[Locale, str] = {
    Locale.EN: "If this was not you, somebody may be reading your mail. Open the app: there you can"
    " stop what was begun.",
    Locale.PT: "Se não foi você, alguém pode estar a ler o seu correio. Abra a aplicação: aí pode"
    " impedir o que foi iniciado.",
}
# What is told to the address that an account has, and can be stopped in the app.
STOPPABLE = {MailKind.RESET, MailKind.DELETION, MailKind.EMAIL_CHANGE}
# Where the app opens a link. A kind that is not here has none.
PATHS = {
    MailKind.PROVE_SIGN_UP: "confirm",
    MailKind.RESET: "reset",
    MailKind.PROVE_EMAIL: "email",
}
TEXTS: Mapping[MailKind, Mapping[Locale, str]] = {
    MailKind.PROVE_SIGN_UP: {
        Locale.EN: "Open this link within a day to confirm that this address is yours:",
        Locale.PT: "Abra esta ligação no prazo de um dia para confirmar que este endereço é seu:",
    },
    MailKind.KNOWN: {
        Locale.EN: "Somebody gave this address as theirs. It has an account already: sign in, or"
        " ask for a new password.",
        Locale.PT: "Alguém indicou este endereço como seu. Já existe uma conta com ele: inicie"
        " sessão, ou peça uma nova palavra-passe.",
    },
    MailKind.RESET: {
        Locale.EN: "Open this link within an hour to choose a new password:",
        Locale.PT: "Abra esta ligação no prazo de uma hora para escolher uma nova palavra-passe:",
    },
    MailKind.UNKNOWN: {
        Locale.EN: "Somebody asked for a new password with this address. There is no account"
        " with it.",
        Locale.PT: "Alguém pediu uma nova palavra-passe com este endereço. Não existe nenhuma"
        " conta com ele.",
    },
    MailKind.PROVE_EMAIL: {
        Locale.EN: "Open this link within an hour to confirm that this address is yours:",
        Locale.PT: "Abra esta ligação no prazo de uma hora para confirmar que este endereço é seu:",
    },
    MailKind.EMAIL_CHANGE: {
        Locale.EN: "Somebody who is signed in asked to use another address. It takes effect after"
        " three days.",
        Locale.PT: "Alguém com sessão iniciada pediu para usar outro endereço. A mudança tem efeito"
        " ao fim de três dias.",
    },
    MailKind.DELETION: {
        Locale.EN: "Open this link within an hour, and confirm there, to have your account deleted"
        " after seven days:",
        Locale.PT: "Abra esta ligação no prazo de uma hora, e confirme lá, para que a sua conta"
        " seja apagada ao fim de sete dias:",
    },
    MailKind.NOTHING_TO_DELETE: {
        Locale.EN: "Somebody asked to delete an account with this address. There is none.",
        Locale.PT: "Alguém pediu para apagar uma conta com este endereço. Não existe nenhuma.",
    },
}


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What all mails share."""

    sender: str  # as the recipient sees it: `Name <name@example.org>`
    links: str  # what every link into the app begins with
    pages: str  # where this API is reached from outside, for whoever has no app

    @property
    def address(self) -> str:
        return parseaddr(self.sender)[1]

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def written(letter: Letter, mail_id: UUID, head: Letterhead, now: datetime) -> EmailMessage:
    """A mail that is sent once more has the same id, and is taken for the same one."""
    local, _, domain = letter.to.rpartition("@")
    message = EmailMessage(policy=SMTP)
    message["From"] = head.sender
    message["To"] = Address(username=local, domain=domain)
    message["Subject"] = SUBJECT[letter.locale]
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{mail_id}@{head.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    message.set_content(body(letter, head))
    return message


def body(letter: Letter, head: Letterhead) -> str:
    parts = [FIRST_LINE[letter.locale], TEXTS[letter.kind][letter.locale], *link_of(letter, head)]
    parts.append((STOP_IT if letter.kind in STOPPABLE else NOT_ME)[letter.locale])
    return "\n\n".join(parts) + "\n"


def link_of(letter: Letter, head: Letterhead) -> list[str]:
    """The app reads what stands behind the `#`; a page without a script cannot."""
    if letter.kind is MailKind.DELETION:
        return [f"{head.pages}/delete-account/confirm?token={letter.token}"]
    return [f"{head.links}/{PATHS[letter.kind]}#{letter.token}"] if letter.kind in PATHS else []
