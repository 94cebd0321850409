"""What the mails about the open letter say.

Nothing that was typed into the form stands in them: whoever types a stranger's address there must
not be able to have this server send them a message of their own.
"""

from pleinair.service.mail import Written

CONFIRM, KNOWN, REMOVED = "confirm", "known", "removed"

_END = {
    "en": "If it was not you, you need do nothing: your address is not kept.\n\n{home}\n",
    "fr": "Si ce n’était pas vous, il n’y a rien à faire : votre adresse n’est pas conservée.\n\n"
    "{home}\n",
}
_TEXTS: dict[tuple[str, str], Written] = {
    (CONFIRM, "en"): (
        "Confirm your signature",
        "Somebody, we hope you, wants to sign this open letter with your address:\n\n"
        "  {title}\n  {home}/letter\n\n"
        "To sign, open this page within {hours} hours and press its button:\n\n"
        "  {confirm}\n\n"
        "To withdraw it again, at any later time:\n\n"
        "  {withdraw}\n\n",
    ),
    (CONFIRM, "fr"): (
        "Confirmez votre signature",
        "Quelqu’un, vous nous l’espérons, veut signer cette lettre ouverte avec votre adresse :\n\n"
        "  {title}\n  {home}/letter\n\n"
        "Pour signer, ouvrez cette page dans les {hours} heures et appuyez sur le bouton :\n\n"
        "  {confirm}\n\n"
        "Pour la retirer ensuite, à tout moment :\n\n"
        "  {withdraw}\n\n",
    ),
    (KNOWN, "en"): (
        "You have signed already",
        "Somebody, we hope you, wants to sign this open letter with your address:\n\n"
        "  {title}\n  {home}/letter\n\n"
        "It has signed already, and counts once. To withdraw your signature:\n\n"
        "  {withdraw}\n\n",
    ),
    (KNOWN, "fr"): (
        "Vous avez déjà signé",
        "Quelqu’un, vous nous l’espérons, veut signer cette lettre ouverte avec votre adresse :\n\n"
        "  {title}\n  {home}/letter\n\n"
        "Elle a déjà signé et compte une fois. Pour retirer votre signature :\n\n"
        "  {withdraw}\n\n",
    ),
    (REMOVED, "en"): (
        "Your signature was removed",
        "Somebody, we hope you, wants to sign this open letter with your address:\n\n"
        "  {title}\n  {home}/letter\n\n"
        "The team of this server has removed the signature of this address, for this reason:\n\n"
        "  {reason}\n\n"
        "It cannot sign again.\n\n",
    ),
    (REMOVED, "fr"): (
        "Votre signature a été supprimée",
        "Quelqu’un, vous nous l’espérons, veut signer cette lettre ouverte avec votre adresse :\n\n"
        "  {title}\n  {home}/letter\n\n"
        "L’équipe de ce serveur a supprimé la signature de cette adresse, pour cette raison :\n\n"
        "  {reason}\n\n"
        "Elle ne peut plus signer.\n\n",
    ),
}


def written(kind: str, tongue: str, **values: object) -> Written:
    """Subject and text of a mail; an unknown language is English."""
    tongue = tongue if (kind, tongue) in _TEXTS else "en"
    subject, text = _TEXTS[kind, tongue]
    return subject, (text + _END[tongue]).format(**values)
