"""The short form: three couples, one of each way in which the worker may be killed."""

from tests.operations import Node, operations
from tests.proofs.privacy import STEPS, prove
from tests.proofs.program import Ground, Proof
from tests.test_guards import reached

# Every field of a body that takes a text of somebody's own, and why there is a canary or none.
TEXTS = {
    "AccountWrite.display_name": "a canary",
    "AnswerWrite.value": "a canary",
    "DeviceWrite.target": "a canary",
    "EmailWrite.email": "a canary",
    "IdentitySignUp.display_name": "the same row as an account that is changed",
    "SignUp.display_name": "the same row as an account that is changed",
    "SignUp.email": "the same",
    "SignIn.email": "compared and not kept",
    "Reset.email": "kept in a sealed mail and link of its account alone",
    "Redeem.code": "compared and not kept",
    **dict.fromkeys(
        (
            *("AccountWrite.zone", "ScheduleWrite.zone", "SignatureWrite.zone"),
            *("IdentitySignUp.zone", "SignUp.zone", "TermsWrite.zone"),
        ),
        "one of a fixed list",
    ),
}


def test_what_somebody_takes_along_and_what_is_left_of_them(ground: Ground) -> None:
    proof = Proof(seed=6)

    prove(ground, proof, couples=len(STEPS))

    assert proof.violations == []
    assert proof.counts["killed halfway, no word that a key opens"] == 1


def test_there_is_no_field_for_a_text_that_nobody_thought_about() -> None:
    bodies: dict[str, Node] = {}
    for operation in operations():
        bodies = reached(operation.body or {}, bodies)

    assert {*TEXTS} == {
        f"{name}.{field}"
        for name, body in bodies.items()
        for field, said in body.get("properties", {}).items()
        if takes_a_text(said)
    }


def takes_a_text(said: Node) -> bool:
    forms = [said, *said.get("anyOf", [])]
    forms += [form["items"] for form in forms if "items" in form]
    return any(
        form.get("type") == "string" and not {"enum", "const", "format", "pattern"} & set(form)
        for form in forms
    )
