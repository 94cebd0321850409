"""The languages of the public pages: English as it stands in them, and French for each of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

_MONTHS = {
    "en": "January February March April May June July August September October November December",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
}

FRENCH: Mapping[str, str] = {
    # Every page.
    "Skip to the content": "Aller au contenu",
    "Pages": "Pages",
    "Gallery": "Galerie",
    "Transparency": "Transparence",
    "Letter": "Lettre",
    "This page in English": "Cette page en français",
    "Nothing here": "Rien ici",
    "Nothing is shared at this address.": "Rien n’est partagé à cette adresse.",
    "There is no such page.": "Cette page n’existe pas.",
    # The gallery.
    "Videos that their makers share; each was approved before.": (
        "Des vidéos que leurs auteurs partagent ; chacune a été approuvée avant."
    ),
    "Nothing is public yet.": "Rien n’est encore public.",
    "Nothing older is public.": "Rien de plus ancien n’est public.",
    "by {maker}": "par {maker}",
    "Still of {title}": "Image de {title}",
    "Untitled": "Sans titre",
    "More": "Plus",
    "From the beginning": "Depuis le début",
    # A video.
    "Video: {title}": "Vidéo : {title}",
    "Variation {number}": "Variante {number}",
    "by {maker}, made with the model {model}": "par {maker}, fait avec le modèle {model}",
    "Where it comes from": "D’où elle vient",
    "What this server has on record of it.": "Ce que ce serveur en a noté.",
    "Made by": "Faite par",
    "Signed": "Signée",
    "each file holds a C2PA manifest of this server": (
        "chaque fichier contient un manifeste C2PA de ce serveur"
    ),
    "a generative model on this server": "un modèle génératif sur ce serveur",
    "Made from": "Faite à partir",
    "words": "de mots",
    "another video, made anew": "d’une autre vidéo, refaite",
    "another video, changed": "d’une autre vidéo, modifiée",
    "another video, continued": "d’une autre vidéo, continuée",
    "two other videos, connected": "de deux autres vidéos, reliées",
    "another video, made anew in part": "d’une autre vidéo, refaite en partie",
    "Model": "Modèle",
    "Made on": "Faite le",
    "Approved": "Approuvée",
    "by a person": "par une personne",
    "by the rules of its programme": "par les règles de son programme",
    "Public since": "Publique depuis",
    "SHA-256 of the file": "SHA-256 du fichier",
    "SHA-256 of file {number}": "SHA-256 du fichier {number}",
    "Show it elsewhere": "La montrer ailleurs",
    "The video alone": "La vidéo seule",
    "For a page of your own:": "Pour une page à vous :",
    # Transparency.
    "What this programme decides, in numbers, counted on {date}. The same as": (
        "Ce que ce programme décide, en chiffres, comptés le {date}. Les mêmes en"
    ),
    "Videos to be shared": "Vidéos à partager",
    "asked": "demandées",
    "waiting for the team": "en attente de l’équipe",
    "approved by a person": "approuvées par une personne",
    "approved by policy": "approuvées par les règles",
    "refused": "refusées",
    "changes asked": "à modifier",
    "public now": "publiques maintenant",
    "withdrawn by their owners": "retirées par leurs auteurs",
    "withdrawn by the team": "retirées par l’équipe",
    "median hours to a decision": "heures jusqu’à une décision (médiane)",
    "none yet": "aucune encore",
    "Refused, by reason": "Refusées, par raison",
    "Nothing was refused.": "Rien n’a été refusé.",
    "likeness of a real person": "ressemblance avec une personne réelle",
    "violence": "violence",
    "sexual content": "contenu sexuel",
    "hate": "haine",
    "rights of others": "droits d’autrui",
    "quality": "qualité",
    "other": "autre",
    "Appeals": "Recours",
    "made": "faits",
    "won": "gagnés",
    "lost": "perdus",
    "waiting": "en attente",
    "Suspended members, by cause": "Membres suspendus, par cause",
    "Nobody was suspended.": "Personne n’a été suspendu.",
    "Earned by members": "Gagné par les membres",
    "Nothing was earned yet.": "Rien n’a encore été gagné.",
    "Keys in other hands": "Clés en d’autres mains",
    "None was found.": "Aucune n’a été trouvée.",
    "leak": "fuites",
    "honest": "usages honnêtes",
    "open": "ouvertes",
    "Access switched off": "Accès coupé",
    "It never was.": "Il ne l’a jamais été.",
    "everyone": "tout le monde",
    "programme": "un programme",
    "role": "un rôle",
    "member": "un membre",
    "key": "une clé",
    "model": "un modèle",
    "The record": "Le registre",
    "Every decision is in a record in which each entry is sealed with the one before it. Its "
    "newest entry is number {number}, with the digest": (
        "Chaque décision est dans un registre où chaque entrée est scellée avec la précédente. La "
        "plus récente porte le numéro {number} et l’empreinte"
    ),
    "Whoever keeps this number and digest can tell later whether the record was changed.": (
        "Qui garde ce numéro et cette empreinte pourra voir plus tard si le registre a été changé."
    ),
    "Nothing is on record yet.": "Rien n’est encore au registre.",
    # The letter.
    "Open letter": "Lettre ouverte",
    "Nobody has signed yet.": "Personne n’a encore signé.",
    "One person has signed.": "Une personne a signé.",
    "{count} people have signed.": "{count} personnes ont signé.",
    "Signatures": "Signatures",
    "Newest names": "Derniers noms",
    "Names are shown of those who wish it.": "Seuls paraissent les noms de qui le souhaite.",
    "Sign": "Signer",
    "Sign the letter": "Signer la lettre",
    "This server sends no mail, so the letter can be read but not signed here.": (
        "Ce serveur n’envoie pas de courriel : on peut lire la lettre, mais pas la signer ici."
    ),
    "A mail with a link confirms that the address is yours. The address goes when the mail has "
    "left; what stays is a keyed digest of it, so that nobody signs twice.": (
        "Un courriel avec un lien confirme que l’adresse est la vôtre. L’adresse est effacée quand "
        "il est parti ; il en reste une empreinte à clé, pour que personne ne signe deux fois."
    ),
    "Please look at what is marked.": "Veuillez regarder ce qui est marqué.",
    "Name": "Nom",
    "Mail address": "Adresse de courriel",
    "Who you are (may be left empty)": "Qui vous êtes (facultatif)",
    "A line of up to 120 characters, shown beside the name.": (
        "Une ligne de 120 caractères au plus, montrée à côté du nom."
    ),
    "Show my name in public": "Montrer mon nom publiquement",
    "1 to 80 characters, please.": "De 1 à 80 caractères, s’il vous plaît.",
    "An address such as ann@example.org, please.": (
        "Une adresse comme anne@example.org, s’il vous plaît."
    ),
    "Up to 120 characters, please.": "120 caractères au plus, s’il vous plaît.",
    "Look into your mail": "Regardez vos courriels",
    "A mail is on its way to the address that you gave. Your signature counts once you have opened "
    "the link in it and pressed the button there, within 48 hours.": (
        "Un courriel est en route vers l’adresse donnée. Votre signature compte quand vous aurez "
        "ouvert son lien et appuyé sur le bouton, dans les 48 heures."
    ),
    "Later, please": "Plus tard, s’il vous plaît",
    "Too many want to sign at this moment. Please try again in an hour.": (
        "Trop de signatures arrivent en ce moment. Veuillez réessayer dans une heure."
    ),
    "Confirm your signature": "Confirmez votre signature",
    "You sign as {name}.": "Vous signez comme {name}.",
    "Your name is shown in public.": "Votre nom est montré publiquement.",
    "Your name is not shown; your signature is counted.": (
        "Votre nom n’est pas montré ; votre signature est comptée."
    ),
    "Thank you": "Merci",
    "Your signature is counted.": "Votre signature est comptée.",
    "This address has signed before; it counts once.": (
        "Cette adresse a déjà signé ; elle compte une fois."
    ),
    "Withdraw your signature": "Retirez votre signature",
    "Withdraw": "Retirer",
    "You signed as {name}. Nothing of it is kept when you withdraw.": (
        "Vous avez signé comme {name}. Rien n’en est conservé si vous la retirez."
    ),
    "Withdrawn": "Retirée",
    "Your signature is withdrawn.": "Votre signature est retirée.",
    "This link does nothing": "Ce lien ne fait rien",
    "It was used before, or is too old. If you have confirmed, your signature is counted.": (
        "Il a déjà servi, ou est trop ancien. Si vous avez confirmé, votre signature est comptée."
    ),
    "There is no signature of this address, so nothing to withdraw.": (
        "Il n’y a pas de signature de cette adresse, donc rien à retirer."
    ),
    "Back to the letter": "Retour à la lettre",
}


@dataclass(frozen=True)
class Tongue:
    """A language.

    Attributes:
        code: as in ``lang``.
        words: for what stands in the pages; English needs none.
    """

    code: str
    words: Mapping[str, str] | None = None

    def __call__(self, text: str, **values: object) -> str:
        """What a page says; raises KeyError for what was not translated."""
        said = text if self.words is None else self.words[text]
        return said.format(**values) if values else said

    def known(self, text: str) -> str:
        """What a programme says in words of its own: translated if it is a word of ours."""
        return (self.words or {}).get(text, text)

    def number(self, count: int) -> str:
        """A count, in groups of three."""
        return f"{count:,}" if self.words is None else f"{count:,}".replace(",", "\u202f")

    def date(self, time: float) -> str:
        """A day."""
        day = datetime.fromtimestamp(time, UTC)
        return f"{day.day} {_MONTHS[self.code].split()[day.month - 1]} {day.year}"


ENGLISH = Tongue("en")
TONGUES = {"en": ENGLISH, "fr": Tongue("fr", FRENCH)}


def tongue_of(chosen: str | None, accepted: str) -> Tongue:
    """The language of a reader.

    Args:
        chosen: in the address; it wins if there is such a one.
        accepted: the header ``Accept-Language``.
    """
    if chosen in TONGUES:
        return TONGUES[chosen]
    best, most = ENGLISH, 0.0
    for part in accepted.split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            wanted = float(weight)
        except ValueError:
            continue
        tongue = TONGUES.get(name.partition("-")[0].lower())
        if tongue is not None and wanted > most:  # the first of those that are wanted alike
            best, most = tongue, wanted
    return best
