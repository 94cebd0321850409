"""What the page says, in English and French."""

import math
import time
from collections.abc import Mapping

from page.troubles import Trouble

EN: Mapping[str, str] = {
    "lead": "Describe a scene, and a model makes a video of it.",
    "prompt": "What is to be seen",
    "example": "a lake among snowy mountains at golden hour, the camera moves forward",
    "resolution": "Resolution",
    "shape": "Shape",
    "landscape": "Landscape",
    "portrait": "Portrait",
    "square": "Square",
    "length": "Length",
    "seconds_5": "5 seconds",
    "seconds_10": "10 seconds",
    "generate": "Make the video",
    "stop": "Stop",
    "again": "Look again",
    "result": "Video",
    "nothing": "Your video will be here.",
    "download": "Download",
    "gallery_session": "What you made here",
    "gallery_key": "Made here",
    "gallery_feed": "What you made here, and what is shared with everybody",
    "more": "Load more",
    "note": "One video at a time, up to {hourly} an hour. What you make here is shown to you "
    "alone, until you close or reload the page.",
    "note_key": "One video at a time, up to {hourly} an hour. What is made here is shown to "
    "everybody.",
    "asking": "Asking the server",
    "queued": "Waiting in line",
    "next": "Next in line",
    "place": "Number {place} in line",
    "in_progress": "Being made",
    "fetching": "Fetching the video",
    "stage_load": "loading the model",
    "stage_denoise": "drawing",
    "stage_draw": "drawing",
    "stage_decode": "decoding",
    "stage_deliver": "enlarging",
    "stage_write": "writing the file",
    "stage_upload": "storing it",
    "stopped": "Stopped.",
    "left": "about {time} left",
    "progress": "Progress",
    "second": "{n} second",
    "seconds": "{n} seconds",
    "minute": "{n} minute",
    "minutes": "{n} minutes",
    "hour_unit": "{n} hour",
    "hours_unit": "{n} hours",
    "day": "{n} day",
    "days": "{n} days",
    "revised": "The server rewrote the prompt:",
    "unknown": "The model does not know:",
    "like": "“{word}” (it knows “{like}”)",
    "word": "“{word}”",
    "shared_by": "by {maker}",
    "wait": "It is worth another try in about {time}, at {clock} UTC.",
    "off": "Access is switched off",
    "key": "The page's key was stopped",
    "key_more": "The server does not take the key of this page any more. Whoever runs the page has "
    "to give it a new one.",
    "forbidden": "The page may not ask for videos",
    "forbidden_more": "Its key is not allowed to make videos now.",
    "quota": "The page has used up what it may make",
    "quota_more": "Its key is granted no more videos for now.",
    "unreachable": "The server cannot be reached",
    "unreachable_more": "It may be starting, or be down. Nothing of yours is lost.",
    "busy": "The server has too much to do now.",
    "value": "The server does not take this:",
    "value_of": "The server does not take the {field}:",
    "field_prompt": "prompt",
    "field_size": "resolution",
    "field_seconds": "length",
    "field_model": "model",
    "server": "The server had trouble with this. Please try again in a moment.",
    "withheld": "The video was made, but its server shows it only once a person has looked at it.",
    "gone": "The server does not have this video any more.",
    "failed": "The video could not be made.",
    "late": "This takes longer than the page can wait. Please try again later.",
    "one": "A video of yours is being made already; one at a time. Whoever shares your network's "
    "address counts as you.",
    "hour": "That is all for this hour: {hourly} videos.",
    "full": "Many are waiting already. Please try again in a few minutes.",
    "empty": "Say what is to be seen.",
    "long": "That is too long: {count} characters; at most {characters} are taken.",
}
FR: Mapping[str, str] = {
    "lead": "Décrivez une scène : un modèle en fait une vidéo.",
    "prompt": "Ce que l’on doit voir",
    "example": "un lac parmi des montagnes enneigées, à l’heure dorée, la caméra avance",
    "resolution": "Définition",
    "shape": "Format",
    "landscape": "Paysage",
    "portrait": "Portrait",
    "square": "Carré",
    "length": "Durée",
    "seconds_5": "5 secondes",
    "seconds_10": "10 secondes",
    "generate": "Faire la vidéo",
    "stop": "Arrêter",
    "again": "Regarder de nouveau",
    "result": "Vidéo",
    "nothing": "Votre vidéo sera ici.",
    "download": "Télécharger",
    "gallery_session": "Ce que vous avez fait ici",
    "gallery_key": "Fait ici",
    "gallery_feed": "Ce que vous avez fait ici, et ce qui est partagé avec tous",
    "more": "En voir plus",
    "note": "Une vidéo à la fois, {hourly} par heure au plus. Ce que vous faites ici n’est montré "
    "qu’à vous, jusqu’à ce que vous fermiez ou rechargiez la page.",
    "note_key": "Une vidéo à la fois, {hourly} par heure au plus. Ce qui est fait ici est montré à "
    "tous.",
    "asking": "Demande au serveur",
    "queued": "En attente",
    "next": "La prochaine de la file",
    "place": "Numéro {place} de la file",
    "in_progress": "En cours",
    "fetching": "La vidéo arrive",
    "stage_load": "chargement du modèle",
    "stage_denoise": "dessin",
    "stage_draw": "dessin",
    "stage_decode": "décodage",
    "stage_deliver": "agrandissement",
    "stage_write": "écriture du fichier",
    "stage_upload": "rangement",
    "stopped": "Arrêté.",
    "left": "encore {time} environ",
    "progress": "Avancement",
    "second": "{n} seconde",
    "seconds": "{n} secondes",
    "minute": "{n} minute",
    "minutes": "{n} minutes",
    "hour_unit": "{n} heure",
    "hours_unit": "{n} heures",
    "day": "{n} jour",
    "days": "{n} jours",
    "revised": "Le serveur a récrit la description :",
    "unknown": "Le modèle ne connaît pas :",
    "like": "« {word} » (il connaît « {like} »)",
    "word": "« {word} »",
    "shared_by": "par {maker}",
    "wait": "Vous pourrez réessayer dans {time} environ, à {clock} UTC.",
    "off": "L’accès est coupé",
    "key": "La clé de cette page a été arrêtée",
    "key_more": "Le serveur n’accepte plus la clé de cette page. La personne qui tient la page "
    "doit lui en donner une nouvelle.",
    "forbidden": "La page ne peut pas demander de vidéos",
    "forbidden_more": "Sa clé n’a pas le droit de faire des vidéos en ce moment.",
    "quota": "La page a épuisé ce qu’elle peut faire",
    "quota_more": "Sa clé ne donne plus droit à des vidéos pour l’instant.",
    "unreachable": "Le serveur est injoignable",
    "unreachable_more": "Il démarre peut-être, ou il est arrêté. Rien n’est perdu.",
    "busy": "Le serveur a trop à faire en ce moment.",
    "value": "Le serveur n’accepte pas cela :",
    "value_of": "Le serveur n’accepte pas ceci ({field}) :",
    "field_prompt": "description",
    "field_size": "définition",
    "field_seconds": "durée",
    "field_model": "modèle",
    "server": "Le serveur a eu un problème. Réessayez dans un instant.",
    "withheld": "La vidéo est faite, mais son serveur ne la montre qu’une fois qu’une personne l’a "
    "regardée.",
    "gone": "Le serveur n’a plus cette vidéo.",
    "failed": "La vidéo n’a pas pu être faite.",
    "late": "Cela dure plus longtemps que la page ne peut attendre. Réessayez plus tard.",
    "one": "Une de vos vidéos est déjà en cours ; une à la fois. Qui partage l’adresse de votre "
    "réseau compte comme vous.",
    "hour": "C’est tout pour cette heure : {hourly} vidéos.",
    "full": "Beaucoup attendent déjà. Réessayez dans quelques minutes.",
    "empty": "Dites ce que l’on doit voir.",
    "long": "C’est trop long : {count} caractères ; {characters} au plus.",
}
LANGUAGES: Mapping[str, Mapping[str, str]] = {"en": EN, "fr": FR}


def words_of(accepted: str) -> Mapping[str, str]:
    """The page's words in the language that a browser asks for first; English if in doubt.

    Args:
        accepted: the header ``Accept-Language``.
    """
    first = accepted.split(",")[0].split(";")[0].strip().lower()
    return LANGUAGES.get(first.split("-")[0], EN)


def span(seconds: float, words: Mapping[str, str]) -> str:
    """A time in the largest unit that is not coarse: 40 seconds, 12 minutes, 3 hours."""
    for length, one, many in (
        (86_400, "day", "days"),
        (3600, "hour_unit", "hours_unit"),
        (60, "minute", "minutes"),
    ):
        if seconds >= 1.5 * length:
            n = round(seconds / length)
            return words[one if n == 1 else many].format(n=n)
    n = max(1, math.ceil(seconds))
    return words["second" if n == 1 else "seconds"].format(n=n)


def worth(trouble: Trouble, words: Mapping[str, str]) -> str:
    """When it is worth another try, if that is known."""
    if trouble.wait is None:
        return ""
    at = time.time() + trouble.wait
    told = "%H:%M" if trouble.wait < 43_200 else "%Y-%m-%d %H:%M"
    clock = time.strftime(told, time.gmtime(at))
    return words["wait"].format(time=span(trouble.wait, words), clock=clock)
