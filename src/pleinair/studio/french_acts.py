"""What the console says in French while people look, ask and act."""

FRENCH_ACTS: dict[str, str] = {
    "{n} record": "{n} acte",
    "{n} records": "{n} actes",
    "{n} digest is kept outside the database, in the anchor, and was compared.": (
        "{n} empreinte est gardée hors de la base, dans l’ancre, et a été comparée."
    ),
    "{n} digests are kept outside the database, in the anchor, and were compared.": (
        "{n} empreintes sont gardées hors de la base, dans l’ancre, et ont été comparées."
    ),
    "Nothing is in the anchor: an end that was cut off would not show.": (
        "L’ancre est vide : une fin coupée ne se verrait pas."
    ),
    "Each record is sealed with the one before it and anchored elsewhere.": (
        "Chaque acte est scellé avec le précédent et ancré ailleurs."
    ),
    "Who": "Qui",
    "What": "Quoi",
    "About": "Sur quoi",
    "The record is whole: {records}, each as it was written.": (
        "Le journal est intact : {records}, tels qu’ils ont été écrits."
    ),
    "The record is not whole: {n} thing is not as it was written.": (
        "Le journal n’est pas intact : {n} chose n’est plus telle qu’elle a été écrite."
    ),
    "The record is not whole: {n} things are not as they were written.": (
        "Le journal n’est pas intact : {n} choses ne sont plus telles qu’elles ont été écrites."
    ),
    "Verify all of it": "Tout vérifier",
    "every act": "tous les actes",
    "an id": "un identifiant",
    "Older": "Plus anciens",
    "Record": "Acte",
    "What is wrong": "Ce qui ne va pas",
    "everybody": "tout le monde",
    "the anchor": "l’ancre",
    "Accept “{title}”?": "Accepter « {title} » ?",
    "It is then owed to {name}, at the rates that their programme has today.": (
        "La somme est alors due à {name}, aux tarifs actuels de son programme."
    ),
    "Refuse “{title}”?": "Refuser « {title} » ?",
    "{name} is told why, and earns nothing for it.": (
        "{name} en apprend la raison et ne gagne rien."
    ),
    "Accept it": "Accepter",
    "Refuse it": "Refuser",
    "Nothing waits for a decision.": "Rien n’attend de décision.",
    "If you like.": "Si vous voulez.",
    "A refusal needs one.": "Un refus en demande une.",
    "Answer": "Réponse",
    "{n} minute": "{n} minute",
    "{n} minutes": "{n} minutes",
    "Accept": "Accepter",
    "Refuse": "Refuser",
    "Accepted.": "Acceptée.",
    "Refused.": "Refusée.",
    (
        "The score is {score}. From {limit} on a key is limited, from {stop} on it is stopped if "
        "several programs are new."
    ): (
        "Le score est de {score}. À partir de {limit} une clé est limitée, à partir de {stop} "
        "elle est arrêtée si plusieurs clients sont nouveaux."
    ),
    "Seen": "Vu",
    "Usual for this key": "Habituel pour cette clé",
    "Adds": "Ajoute",
    "What adds to the score": "Ce qui compte dans le score",
    "The decoy was used from {networks}.": "Le leurre a été utilisé depuis {networks}.",
    "Score": "Score",
    "It was found at {place}.": "Elle a été trouvée ici : {place}.",
    "{seen}; usual for this key: {usual}.": "{seen} ; habituel pour cette clé : {usual}.",
    "A number, please.": "Un nombre, s’il vous plaît.",
    "A whole number, please.": "Un nombre entier, s’il vous plaît.",
    "Cancel": "Annuler",
    "Leak of {name}": "Fuite de {name}",
    "Key": "Clé",
    "Owner": "Propriétaire",
    "Noticed": "Remarquée",
    "No key seems to be in other hands.": "Aucune clé ne semble être en d’autres mains.",
    "On record": "Au journal",
    "Closed {date} by {name}.": "Close le {date} par {name}.",
    "Ask the owner if you can. Then close it.": (
        "Demandez à son propriétaire si possible. Puis fermez l’affaire."
    ),
    "Close it as a leak?": "Clore comme une fuite ?",
    "Close it as honest use?": "Clore comme un usage honnête ?",
    "Close it": "Clore",
    "Evidence": "Indices",
    "Seems to have begun": "Semble avoir commencé",
    "To {name}": "Vers {name}",
    "{n} video that waited was cancelled.": "{n} vidéo en attente a été annulée.",
    "{n} videos that waited were cancelled.": "{n} vidéos en attente ont été annulées.",
    "{n} finished video was put out of reach until somebody has looked.": (
        "{n} vidéo terminée est hors d’atteinte jusqu’à ce que quelqu’un l’ait regardée."
    ),
    "{n} finished videos were put out of reach until somebody has looked.": (
        "{n} vidéos terminées sont hors d’atteinte jusqu’à ce que quelqu’un les ait regardées."
    ),
    "Nothing waited, and nothing had been made since it began.": (
        "Rien n’attendait, et rien n’avait été créé depuis le début."
    ),
    "Closed.": "Affaire close.",
    "What was put out of reach stays there, for the reviewers to look at.": (
        "Ce qui est hors d’atteinte le reste, pour les réviseurs."
    ),
    "What was seen counts as usual for this key from now on.": (
        "Ce qui a été vu compte désormais comme habituel pour cette clé."
    ),
    "Words": "Message",
    "What was done": "Ce qui a été fait",
    "What it was": "Ce que c’était",
    "{n} video was released.": "{n} vidéo a été libérée.",
    "{n} videos were released.": "{n} vidéos ont été libérées.",
    "Nothing: a decoy opens nothing.": "Rien : un leurre n’ouvre rien.",
    "The key is now": "La clé est maintenant",
    "The key is stopped, and what it waits for is cancelled.": (
        "La clé est arrêtée, et ce qu’elle attend est annulé."
    ),
    "The key stays stopped, to be safe; what it made is released.": (
        "La clé reste arrêtée, par prudence ; ce qu’elle a créé est libéré."
    ),
    "The key has all of its limits again, and what it made is released.": (
        "La clé retrouve toutes ses limites, et ce qu’elle a créé est libéré."
    ),
    "For the owner, if you like.": "Pour son propriétaire, si vous voulez.",
    "every state": "tous les états",
    "{date}: the key was limited to a fifth of its limits.": (
        "{date} : la clé a été réduite à un cinquième de ses limites."
    ),
    "{date}: the key was stopped.": "{date} : la clé a été arrêtée.",
    "The owner and the team were told.": "Son propriétaire et l’équipe ont été prévenus.",
    "The team was told.": "L’équipe a été prévenue.",
    "For": "Pour",
    "Role": "Rôle",
    "Programme": "Programme",
    "Made": "Création",
    "Expires": "Expiration",
    "Acts": "Actions",
    "Nobody has been invited yet.": "Personne n’a encore été invité.",
    "Send this link to them. It works once, and is shown only now.": (
        "Envoyez-lui ce lien. Il sert une fois et n’est montré que maintenant."
    ),
    "Invite": "Inviter",
    "whoever has the link": "quiconque a le lien",
    "Its link then opens nothing any more.": "Son lien n’ouvre alors plus rien.",
    "Revoke the invitation for {name}?": "Révoquer l’invitation pour {name} ?",
    "{date}, by {name}": "{date}, par {name}",
    "Invite somebody": "Inviter quelqu’un",
    "Address": "Adresse",
    "Days until it expires": "Jours avant expiration",
    "Note": "Note",
    "Revoke it": "Révoquer",
    "If given, the only one that may use it.": "Si elle est donnée, elle seule peut s’en servir.",
    "For whoever reads this list.": "Pour qui lit cette liste.",
    "The invitation": "L’invitation",
    "Revoked.": "Révoquée.",
    "Revoke": "Révoquer",
    "none: only for the team": "aucun : seulement pour l’équipe",
    "Stop the key {name}?": "Arrêter la clé {name} ?",
    "Last used": "Dernier usage",
    "There are no keys here.": "Il n’y a pas de clé ici.",
    "It opens nothing from this moment on, and cannot be put on again.": (
        "Elle n’ouvre plus rien dès cet instant, et pour toujours."
    ),
    "Other keys of {name} go on.": "Les autres clés de {name} restent valables.",
    "Stop it": "Arrêter",
    "nobody: a decoy": "personne : un leurre",
    "The key is stopped.": "La clé est arrêtée.",
    "Why": "Pourquoi",
    "Make a decoy": "Créer un leurre",
    "A decoy opens nothing. Leave it where only a thief looks.": (
        "Un leurre n’ouvre rien. Laissez-le là où seul un voleur regarde."
    ),
    "Any use of it is a leak, and is told here.": "Tout usage en est une fuite, et se voit ici.",
    "Make it": "Créer",
    "expires {date}": "expire le {date}",
    "Stop": "Arrêter",
    "Told to whoever goes on using it.": "Dit à quiconque continue de l’utiliser.",
    "To know it by, such as where you leave it.": (
        "Pour le reconnaître, par exemple le lieu où vous le laissez."
    ),
    "The decoy": "Le leurre",
    "It is shown only now. Copy it.": "Montré maintenant et jamais plus. Copiez ce texte.",
    "Contributions that wait": "Contributions en attente",
    "What members are owed": "Ce qui est dû aux membres",
    "Member": "Membre",
    "Owed": "Dû",
    "Statement": "Relevé",
    "Nobody is owed anything.": "Rien n’est dû à personne.",
    "Latest entries": "Dernières écritures",
    "{name} is owed {amount}.": "On doit {amount} à {name}.",
    "No money moves here: transfer it first, then note it. What is noted stays.": (
        "L’argent ne passe pas par ici : faites d’abord le virement, puis notez-le. Ce qui est "
        "noté reste."
    ),
    "Note a payout to {name}?": "Noter un paiement à {name} ?",
    "Note it": "Noter",
    "Account": "Compte",
    "Noted: {amount} to {name}.": "Noté : {amount} à {name}.",
    "Amount in {currency}": "Montant en {currency}",
    "Reference of the transfer": "Référence du virement",
    "When": "Quand",
    "Sides": "Écritures",
    "All other accounts": "Tous les autres comptes",
    "To print": "À imprimer",
    "Pay out": "Payer",
    "Each is paid once.": "Chacune n’est payée qu’une fois.",
    "Nothing is in the books yet.": "Les livres sont encore vides.",
    "Show more": "Voir la suite",
    "Balance": "Solde",
    "every account": "tous les comptes",
    "They can sign in again, and their keys work again.": (
        "Cette personne peut de nouveau se connecter, et ses clés servent de nouveau."
    ),
    "It is good for videos, files and webhooks, and never expires.": (
        "Elle sert aux vidéos, aux fichiers et aux webhooks, et n’expire jamais."
    ),
    "Make a key for {name}?": "Créer une clé pour {name} ?",
    "They are signed out, their keys open nothing, and their videos go on waiting.": (
        "Ses sessions sont fermées, ses clés n’ouvrent plus rien, et ses vidéos restent en attente."
    ),
    "What they have shared stays public. The public page counts suspensions.": (
        "Ce qui est partagé reste public. La page publique compte les suspensions."
    ),
    "Suspend {name}?": "Suspendre {name} ?",
    "Suspend them": "Suspendre",
    "Reinstate {name}?": "Réintégrer {name} ?",
    "Reinstate them": "Réintégrer",
    "Change {name}?": "Modifier {name} ?",
    "Change": "Modifier",
    "{field}: {before} → {after}": "{field} : {before} → {after}",
    "Before": "Avant",
    "Earned": "Gagné",
    "Videos cost": "Coût des vidéos",
    "Nothing was earned yet.": "Rien n’a encore été gagné.",
    "Make a key for them": "Créer une clé",
    "Since": "Depuis",
    "version {n}": "version {n}",
    "none yet": "aucune encore",
    "{said}; the newest is {n}": "{said} ; la plus récente est la {n}",
    "Suspend": "Suspendre",
    "{name} is suspended.": "L’accès de {name} est suspendu.",
    "{name} is back.": "{name} est de retour.",
    "Change it": "Modifier",
    "As a table (CSV)": "En tableau (CSV)",
    "Who they are": "Qui c’est",
    "Terms accepted": "Conditions acceptées",
    "Why suspended": "Raison de la suspension",
    "Left": "Départ",
    "Reinstate": "Réintégrer",
    "Told to them.": "La personne l’apprend.",
    "Nothing was changed.": "Rien n’a changé.",
    "The key": "La clé",
    "To know it by.": "Pour la reconnaître.",
    "Changed.": "Modifié.",
    "An account for a program": "Un compte pour un logiciel",
    "It has no password; it works by keys, which you make on its page.": (
        "Il n’a pas de mot de passe ; il marche par des clés, à créer sur sa page."
    ),
    "Search": "Rechercher",
    "People come by invitation.": "On vient sur invitation.",
    "{n} member": "{n} membre",
    "{n} members": "{n} membres",
    "Nobody like that is here.": "Personne de tel n’est ici.",
    "{name} has an account.": "{name} a un compte.",
    "name or address": "nom ou adresse",
    "every role": "tous les rôles",
    "The model {name}": "Le modèle {name}",
    "the server": "le serveur",
    "whoever runs the server": "qui gère le serveur",
    "Everybody with the role {role}": "Toute personne au rôle de {role}",
    "The programme {name}": "Le programme {name}",
    "The member {name}": "Le membre {name}",
    "The key {name}": "La clé {name}",
    "What needs somebody now": "Ce qui demande quelqu’un maintenant",
    "{n} open leak": "{n} fuite ouverte",
    "{n} open leaks": "{n} fuites ouvertes",
    "{n} switch is off": "{n} coupure en cours",
    "{n} switches are off": "{n} coupures en cours",
    "{n} programme is paused": "{n} programme en pause",
    "{n} programmes are paused": "{n} programmes en pause",
    "{n} contribution waits for a decision": "{n} contribution attend une décision",
    "{n} contributions wait for a decision": "{n} contributions attendent une décision",
    "{n} video waits for a review": "{n} vidéo attend une validation",
    "{n} videos wait for a review": "{n} vidéos attendent une validation",
    "Nothing needs you now.": "Rien ne vous attend.",
    "{n} unread notice": "{n} avis non lu",
    "{n} unread notices": "{n} avis non lus",
    "Mark as read": "Marquer comme lu",
    "See it": "Voir",
    "no limit": "sans limite",
    "What it is": "Ce que c’est",
    "Limits": "Limites",
    "An empty field is no limit; 0 is nothing.": (
        "Un champ vide est sans limite ; 0 n’accorde rien."
    ),
    "Review": "Validation",
    "Money": "Argent",
    "New terms: members must accept them before they create again.": (
        "Nouvelles conditions : les membres devront les accepter avant de créer de nouveau."
    ),
    "New words are a new version: members must accept it before they create.": (
        "Un nouveau texte est une nouvelle version, à accepter avant de créer de nouveau."
    ),
    "Its members can ask for no videos, and what waits goes on waiting.": (
        "Ses membres ne peuvent plus demander de vidéos, et ce qui attend continue d’attendre."
    ),
    "Its members can ask for videos again, and what waited goes on.": (
        "Ses membres peuvent de nouveau demander des vidéos, et ce qui attendait reprend."
    ),
    "Reviewed": "À valider",
    "Begun": "Début",
    "There is no programme yet.": "Il n’y a pas encore de programme.",
    "changed {date}": "modifié le {date}",
    "Pause {name}?": "Mettre {name} en pause ?",
    "Pause it": "Mettre en pause",
    "Pause": "Mettre en pause",
    "Open again": "Rouvrir",
    "Open {name}?": "Ouvrir {name} ?",
    "Open it": "Ouvrir",
    "Begin a programme": "Commencer un programme",
    "Begin it": "Commencer",
    "{name} is paused.": "{name} est en pause.",
    "{name} is open.": "{name} est ouvert.",
    "{name} is begun. Its limits and terms can be set now.": (
        "{name} a commencé. Vous pouvez maintenant fixer ses limites et ses conditions."
    ),
    "Details": "Détails",
    "Nothing is on record here.": "Rien n’est au journal ici.",
    "refused: {why}": "refusé : {why}",
    "Console": "Console",
    "It stops {people}.": "Cela arrête {people}.",
    "Looking, downloading, cancelling and deleting go on.": (
        "Regarder, télécharger, annuler et supprimer restent possibles."
    ),
    "{n} video that waits goes on waiting.": "{n} vidéo en attente continue d’attendre.",
    "{n} videos that wait go on waiting.": "{n} vidéos en attente continuent d’attendre.",
    "No video waits or is being made.": "Aucune vidéo n’attend ni n’est en cours.",
    "{account}: {amount}": "{account} : {amount}",
    "They hear: “{message}”": "Ce qui leur est dit : « {message} »",
    "Off now": "Coupé maintenant",
    "What was off": "Ce qui a été coupé",
    "Message": "Message",
    "Off": "Coupure",
    "On again": "Rétablissement",
    "Nothing was off before.": "Rien n’a été coupé jusqu’ici.",
    "Videos can be asked for again, what waited goes on, and people are told.": (
        "On peut de nouveau demander des vidéos, ce qui attendait reprend, et chacun est prévenu."
    ),
    "Put on again: {name}?": "Rétablir : {name} ?",
    "by itself": "tout seul",
    "Put off…": "Couper…",
    "Put off: {name}?": "Couper : {name} ?",
    "Put it off": "Couper",
    "It stops {people} and {keys}.": "Cela arrête {people} et {keys}.",
    "{n} video that is being made is cancelled.": "{n} vidéo en cours est annulée.",
    "{n} videos that are being made are cancelled.": "{n} vidéos en cours sont annulées.",
    "{n} video that is being made pauses, and begins anew later.": (
        "{n} vidéo en cours est mise en pause, et recommencera plus tard."
    ),
    "{n} videos that are being made pause, and begin anew later.": (
        "{n} vidéos en cours sont mises en pause, et recommenceront plus tard."
    ),
    "Nothing is off.": "Rien n’est coupé.",
    "Put something off": "Couper un accès",
    "Put it on": "Rétablir",
    "until somebody puts it on": "jusqu’à ce que quelqu’un rétablisse l’accès",
    "Put on again": "Rétablir",
    "Told to everybody who is shut out.": "Dit à toutes les personnes concernées.",
    "Hours until it is on again": "Heures avant rétablissement",
    "Videos that are being made": "Vidéos en cours",
    "Say what people will hear.": "Dites ce que les gens apprendront.",
    "{n} person": "{n} personne",
    "{n} people": "{n} personnes",
    "It is on again.": "L’accès est rétabli.",
    "Empty: until somebody puts it on.": "Vide : jusqu’à ce que quelqu’un rétablisse l’accès.",
    "Which one": "Lequel",
    "There is none.": "Il n’y en a pas.",
    "It is off.": "L’accès est coupé.",
    "{n} key": "{n} clé",
    "{n} keys": "{n} clés",
    "By": "Par",
    "Until": "Jusqu’au",
    "Videos that were being made": "Vidéos qui étaient en cours",
    "People": "Personnes",
    "Videos that wait": "Vidéos en attente",
    "Copy": "Copier",
    "Copied": "Copié",
}
