"""The words that `reading` knows, in English and French.

Each table goes from what is meant to the phrases that say so, divided by commas; ``(a|b|)`` stands
for either, or nothing. Accents, capitals, plurals and articles make no difference. What is meant is
one setting or more, ``topic=value``: a topic of `compose`, or, with a dot, a field of the scene. A
question mark behind it says that it is only likely, and gives way to what is said outright; ``-``
says nothing, and only keeps the words within the phrase from being read by themselves.
"""

# A table is easier to survey with its lines packed.
# fmt: off
PLACES = {
    "place=sea":
        "sea, ocean, open (sea|water), high seas, seascape, atlantic, pacific; mer, océan, "
        "(haute|pleine) mer, flots, paysage marin",
    "place=beach":
        "beach, sandy (beach|shore|coast), seaside, seashore, sea shore, shore, cove, bay, sand "
        "by sea; plage, (bord|rivage) mer, rivage, crique, baie, grève",
    "place=beach water.clarity_m=25 land.season=summer?":
        "tropical (beach|island beach), lagoon, caribbean (beach|); plage tropicale, lagon, "
        "caraïbes",
    "place=cliffs":
        "cliff, sea cliff, (rocky|rugged|) (coast|coastline|shoreline), rocky (shore|beach), "
        "headland, sea stack; falaise, côte (rocheuse|sauvage|), littoral, cap rocheux",
    "place=lake":
        "lake, lakeside, lake shore, loch, reservoir, lakeshore; lac, bord lac, plan eau, rive "
        "lac",
    "place=lake land.relief_m=1300?": "mountain lake, alpine lake; lac montagne",
    "place=lake land.relief_m=1300? land.forest=0.3?": "fjord, norway; fjord, norvège",
    "place=lake water.fetch_m=200? water.depth_m=2?": "pond, tarn, pool; étang, mare",
    "place=lake water.ice=1 land.season=winter? snow=ground?": "frozen lake; lac gelé",
    "place=river":
        "river, river bank, riverside, stream, brook, creek, meander, amazon; rivière, fleuve, "
        "ruisseau, torrent, bord rivière, méandre",
    "place=river water.ice=1 land.season=winter? snow=ground?":
        "frozen (river|stream); rivière gelée",
    "place=desert":
        "desert, dune, sand dune, sahara, sandy desert, desert sand, oasis; désert, dune sable, "
        "désert sable",
    "place=badlands":
        "badlands, mesa, butte, (rocky|stony|rock) desert, monument valley, red rock, "
        "(dry|arid|barren) (land|landscape|); désert (rocheux|pierre), terre aride",
    "place=meadow":
        "meadow, prairie, grassland, grass field, field, grass, pasture, steppe, plain, savanna, "
        "savannah, wildflower; prairie, pré, champ, pâturage, plaine, herbe, savane",
    "place=hills":
        "hill, rolling hill, hillside, countryside, farmland, tuscany, moor, highlands, "
        "vineyard; colline, coteau, campagne, toscane, lande",
    "place=valley": "valley, vale, dale, glen, yosemite; vallée, val, vallon",
    "place=forest":
        "forest, wood, woodland, jungle, rainforest, wooded hill, pine forest, taiga; forêt, "
        "bois, jungle, forêt (pin|sapin), sous bois, bois pin",
    "place=mountains":
        "mountain, mountain range, peak, summit, ridge, rockies, dolomites, andes; montagne, "
        "chaîne montagne, pic, sommet, cime, crête",
    "place=mountains land.relief_m=2600 snow=caps?": "alp, himalaya, everest, karakoram; alpe",
    "place=mountains? land.relief_m=1500?": "alpine; alpin",
    "place=canyon": "canyon, grand canyon, gorge, ravine; canyon, gorge, ravin",
    "place=volcano":
        "volcano, volcanic, lava, crater, fuji, mount fuji, etna, vesuvius, caldera; volcan, "
        "volcanique, lave, cratère, vésuve",
    "place=snowfield":
        "snowfield, (snow|snowy) (field|plain|landscape), tundra, arctic, antarctica, polar "
        "(landscape|region), snowscape, winter landscape; champ (neige|enneigé), toundra, "
        "arctique, antarctique, banquise, plaine (enneigée|neige), paysage (enneigé|hiver), "
        "étendue (neige|enneigée), champ blanc",
    "place=glacier": "glacier, ice field, ice cap, ice sheet, ice; glacier, glace",
    "place=islands": "island, isle, islet, archipelago; île, îlot, archipel",
    "place=desert?": "in sand; dans sable",
    "place=forest?": "(among|between) tree; (parmi|entre) arbre",
    "place=-": "wood fire, wooden cabin, polar light; feu bois, cabane bois",
}
SEASONS = {
    "land.season=spring": "spring, springtime, spring day; printemps",
    "land.season=summer": "summer, summertime, summer day; été, estival",
    "land.season=autumn":
        "autumn, fall, fall season, autumnal, (fall|autumn) (color|colour|foliage); automne, "
        "automnal",
    "land.season=winter snow=ground?": "winter, wintry; hiver, hivernal",
    "snow=ground":
        "snow, snowy, snow covered, snow on ground, under snow; neige, enneigé, sous neige, "
        "couvert neige",
    "snow=caps":
        "snow capped, snowy (peak|mountain|summit), snow on peak, snow covered (mountain|peak); "
        "sommet enneigé, montagne enneigée, pic enneigé, neige éternelle",
    "land.forest=0.75": "tree, wooded, pine, spruce, fir; arbre, boisé, pin, sapin",
    "land.wetness=0.9": "wet, after rain; mouillé, après pluie",
    "land.roughness=0.9": "rugged, jagged, craggy; escarpé, déchiqueté",
    "land.roughness=0.15": "rolling, smooth hill; relief doux",
    "land.relief_m=2200": "(high|tall|towering|huge) (mountain|peak); (haute|grande) montagne",
    "land.relief_m=40": "flat; plat",
}
HOURS = {
    "hour=dawn":
        "dawn, daybreak, first light, break day, crack dawn; aube, aurore, point jour, "
        "(lever|premières lueurs) jour",
    "hour=sunrise":
        "sunrise, sun rising, rising sun, sunup, sun come up, early morning, sun (rise|come up), "
        "early (in|) morning; lever soleil, soleil levant, petit matin, soleil lève, tôt (le|) "
        "matin",
    "hour=morning": "morning, forenoon; matin, matinée, matinal",
    "hour=noon": "noon, midday, high noon, noonday, midday sun; midi, plein midi",
    "hour=day": "day, daytime, daylight, by day, broad daylight; jour, journée, plein jour",
    "hour=afternoon": "afternoon; après midi",
    "hour=golden":
        "golden hour, golden light, magic hour, late afternoon, (warm|low) (light|sun), evening "
        "(sun|light), evening; heure dorée, lumière (dorée|chaude|rasante), fin après midi, "
        "heure magique",
    "hour=sunset":
        "sunset, sundown, setting sun, sun set, sun going down, (red|fiery) sky, sun "
        "(go|goes|going) down, sun sets, sunset sky; coucher soleil, soleil couchant, couchant, "
        "soleil couche, ciel (rouge|feu), soleil se couche",
    "hour=dusk":
        "dusk, twilight, blue hour, nightfall, gloaming, after sunset; crépuscule, tombée nuit, "
        "nuit tombante, heure bleue, soir, soirée, brune, tombée jour",
    "hour=night":
        "night, midnight, nighttime, dark night, after dark, nocturnal, night sky, darkness, in "
        "dark; nuit, minuit, pleine nuit, nocturne, ciel nocturne, obscurité, dans noir",
    "hour=night? sky=clear?":
        "starry (sky|night), star, starlit, starlight, under star; étoile, étoilé, (ciel|nuit) "
        "étoilé",
    "hour=night? moon=full": "full moon, full moon night; pleine lune",
    "hour=night? moon=half": "moon, half moon, quarter moon; lune, demi lune",
    "hour=night? moon=lit": "moonlit, moonlight, moonlit night; clair lune, clarté lune",
    "hour=night? moon=crescent": "crescent, crescent moon, new moon crescent; croissant (lune|)",
    "hour=night? moon=none": "moonless, new moon; nuit sans lune, nouvelle lune",
    "hour=night? moon=none? milky=yes sky=clear?": "milky way, galaxy; voie lactée, galaxie",
    "hour=night? aurora=yes sky=clear?":
        "aurora, aurora borealis, northern light, polar light; aurore (boréale|polaire|australe)",
}
WEATHER = {
    "sky=clear":
        "clear, clear (sky|day|weather), blue sky, fine weather; clair, ciel "
        "(bleu|clair|dégagé|pur), dégagé, beau temps, temps clair",
    "sky=none": "cloudless, no cloud; sans nuage",
    "sky=sunny":
        "sunny, sunshine, sunlit, bright sun, sun shining; ensoleillé, (grand|plein) soleil",
    "sky=few":
        "few cloud, (white|fluffy|puffy|cotton) cloud, small cloud, fair weather; quelques "
        "nuages, petits nuages, nuage blanc, peu nuageux",
    "sky=scattered":
        "cloud, scattered cloud, partly cloudy, passing cloud, cumulus, broken cloud; nuage, "
        "nuage épars, éclaircie, partiellement nuageux, nuage passent",
    "sky=cloudy":
        "cloudy, cloudy sky, (many|big|heavy|dramatic|dark) cloud, dramatic sky, thick cloud; "
        "nuageux, ciel nuageux, (gros|grands) nuages, ciel (dramatique|chargé), nuages épais, "
        "épais nuages, lourds nuages",
    "sky=overcast":
        "overcast, grey, gray, (grey|gray) (sky|day), gloomy, dull, dreary, stratus; couvert, "
        "ciel (couvert|gris|bas), temps (gris|couvert), gris, maussade, ciel plomb",
    "sky=cirrus": "cirrus, (wispy|high|thin|feathery) cloud; (voile|nuage) élevé, nuage (fin|haut)",
    "sky=storm":
        "storm, stormy, tempest, storm cloud, thundercloud, cumulonimbus, stormy sky; tempête, "
        "orageux, nuage orage, tempétueux, cumulonimbus",
    "place=mountains? view=high? weather.mist=1": "sea cloud, cloud inversion; mer nuages",
    "sky=storm lightning=yes rain=rain?": "thunderstorm, thunder, lightning storm; orage, tonnerre",
    "sky=storm lightning=yes": "lightning, lightning bolt; éclair, foudre",
    "rain=drizzle": "drizzle, drizzling, light rain, drizzly; bruine, crachin, pluie fine",
    "rain=rain":
        "rain, raining, rainy, shower, it rain, rain soaked, rainfall; pluie, pluvieux, pleut, "
        "averse, il pleut",
    "rain=heavy":
        "(heavy|pouring|torrential) rain, downpour, monsoon; (forte|grosse) pluie, déluge, pluie "
        "battante",
    "snowing=snow snow=ground?":
        "snowing, snowfall, snowflake, falling snow, snow falling, it snow; neige tombe, chute "
        "neige, flocon, il neige, neige qui tombe",
    "snowing=heavy snow=ground?": "blizzard, snowstorm, heavy snow; tempête neige, blizzard",
    "air=fog": "fog, foggy, (thick|dense) fog; brouillard, (épais|dense) brouillard, embrumé",
    "air=mist": "mist, misty; brume, brumeux",
    "air=haze": "haze, hazy, dusty; voile chaleur, poussiéreux, brume chaleur",
    "rainbow=yes": "rainbow; arc ciel",
    "wind=calm": "calm, windless, still, no wind; calme, sans vent, immobile",
    "wind=windy": "wind, windy, breeze, breezy, gust; vent, venteux, brise, venté",
    "wind=gale": "gale, strong wind, hurricane; vent fort, grand vent, ouragan",
    "sea=calm wind=calm?":
        "calm (sea|water|lake|ocean), (mirror|still|glassy|flat) (water|lake|sea), mirror, "
        "glassy, reflection, reflecting; (mer|eau|lac) calme, eau dormante, reflet, miroir",
    "sea=waves": "wave, rolling wave, swell, surf, lapping wave; vague, houle, ressac, rouleau",
    "sea=rough wind=windy?":
        "(rough|choppy|wild) (sea|water|ocean), (big|huge|crashing) wave, whitecap; mer "
        "(agitée|démontée|forte), (grosse|grande|haute) vague",
    "sea=storm wind=gale? sky=storm?": "stormy (sea|ocean), storm at sea; déchaîné, tempête en mer",
    "water.ice=1 land.season=winter?": "frozen, icy; gelé, glacé",
    "water.clarity_m=30":
        "(clear|turquoise|crystal|transparent) water, turquoise; eau "
        "(claire|turquoise|cristalline|transparente)",
}
CAMERA = {
    "move=static":
        "static, static (camera|shot), still camera, fixed (camera|shot), tripod, locked off; "
        "plan fixe, caméra (fixe|immobile), trépied",
    "move=pan": "pan, panning, pan shot; panoramique, panorama",
    "move=pan-left":
        "(pan|panning) (left|leftward), leftward pan, turn left, left pan, "
        "(pan|turn|swing|swings|turns|view moves|camera moves|camera move) left, left turn; "
        "panoramique (à|) gauche, tourne gauche, (caméra|pivote|vue tourne|tourne) gauche, "
        "panoramique gauche, panoramique droite à gauche",
    "move=pan-right":
        "(pan|panning) (right|rightward), rightward pan, turn right, right pan, "
        "(pan|turn|swing|swings|turns|view moves|camera moves|camera move) right; panoramique "
        "(à|) droite, tourne droite, (caméra|pivote|vue tourne|tourne) droite, panoramique "
        "droite, panoramique gauche à droite",
    "move=tilt-up":
        "(tilt|tilting) up, tilt, tilting, look up, looking up, upward tilt, turns up; bascule "
        "haut, caméra lève, "
        "(bascule|panoramique|inclinaison|incline|inclinant|caméra|regard|regardant) haut",
    "move=tilt-down":
        "(tilt|tilting) down, look down, looking down, downward tilt, turns down; bascule bas, "
        "caméra baisse, "
        "(bascule|panoramique|inclinaison|incline|inclinant|caméra|regard|regardant) bas",
    "move=zoom-in": "(zoom|zooming) in, zoom, zooming; zoom avant, zoom, zoome, zoomant",
    "move=zoom-out":
        "(zoom|zooming) out, outward zoom; zoom arrière, dézoom, dézoome, zoom en arrière, "
        "dézoomant",
    "move=forward":
        "(dolly|dollying|push|pushing|track|tracking|move|moving|fly|flying) (in|forward), "
        "dolly, forward, tracking shot, moves ahead, flies forward, forward motion; travelling "
        "avant, travelling, avance, mouvement avant, mouvement en avant, vole avant, vol avant",
    "move=back":
        "(dolly|pull|pulling|track|move|moving|fly) (out|back|backward), backward; travelling "
        "arrière, recule",
    "move=truck-left": "(truck|trucking|slide) left; travelling gauche",
    "move=truck-right": "(truck|trucking|slide) right, slider; travelling (droite|latéral)",
    "move=rise":
        "(rise|rising|crane|boom|pedestal|ascend|ascending) up, crane shot, camera rise, drone "
        "(rise|climb|climbs|ascend|ascending), ascending, upward motion, upward move, rise over; "
        "monte, caméra monte, grue, s'élève, élève, s'élevant, élevant, mouvement montant, "
        "mouvement haut, montée",
    "move=sink": "(crane|boom|pedestal) down, descend, descending; descend, caméra descend",
    "move=orbit": "orbit, orbiting, circling, arc shot; orbite, tourne autour",
    "move=roll": "camera roll, rolling camera, dutch roll; roulis",
    "move=focus":
        "(rack|racking|pull|pulling) focus, focus pull; bascule point, changement mise point",
    "view=aerial":
        "aerial, aerial (view|shot|footage), drone, drone (shot|view|footage), from "
        "(air|sky|plane), flyover, helicopter; aérien, vue aérienne, drone, survol, vue ciel",
    "view=top":
        "top view, top down, straight down, overhead, bird's eye (view|), birds eye (view|); vue "
        "dessus, vu dessus",
    "view=low": "low angle, from ground, worm eye; contre plongée, ras sol",
    "view=high":
        "high angle, from above, overlook, overlooking, viewpoint, from hilltop, vista; plongée, "
        "vue haut, belvédère",
    "hand=held": "hand held, handheld; caméra épaule, caméra main",
    "hand=shaking":
        "shaking, shaky, intense shaking, camera shake, earthquake; tremblement, tremblant",
    "hand=steady": "steady, smooth, steadicam, gimbal, stabilized; stable, fluide, stabilisé",
    "lens=wide":
        "wide, panoramic, panorama, wide (angle|lens|shot), establishing shot; grand angle, plan "
        "large",
    "lens=ultra": "(ultra|super) wide, fisheye; ultra grand angle",
    "lens=normal": "normal lens, standard lens; focale normale",
    "lens=tele": "telephoto, tele, long lens, telephoto lens; téléobjectif, longue focale",
    "lens=macro": "macro, close up, closeup, extreme close up; macro, gros plan",
    "pace=slow": "slow motion, slowmo, slow mo, slowed down; ralenti, au ralenti",
    "pace=super":
        "(super|ultra|extreme) slow motion, super slow; super ralenti, (très|grand|ultra) "
        "ralenti",
    "pace=lapse": "time lapse, timelapse; accéléré, time lapse",
    "pace=lapse move=forward?": "hyperlapse",
    "pace=fast": "fast motion, sped up, speeded up; vitesse accélérée",
    "speed=slow": "slow, slowly, gently, gentle; lent, lentement, doucement",
    "speed=fast": "fast, quick, quickly, rapid, rapidly; rapide, rapidement, vite",
    "film.look=black and white":
        "black and white, black white, monochrome, b w, grayscale, b&w, gray scale, film noir; "
        "noir et blanc, noir blanc, niveaux gris, noir & blanc",
    "film.look=watercolour": "watercolour, watercolor, watercolor painting; aquarelle",
    "film.look=ink": "ink, ink (wash|drawing|painting), sumi e; encre, lavis, encre chine",
    "film.look=vintage":
        "vintage, retro, old film, super 8, sepia, 1970s film; vintage, rétro, vieux film",
    "film.look=vivid":
        "vivid, vibrant, saturated, colorful, colourful; vif, saturé, coloré, éclatant",
}
ABSENT = {
    "boats":
        "boat ship sailboat sailing sail yacht ferry schooner canoe kayak vessel bateau voilier "
        "navire voile",
    "balloons and meteors":
        "balloon kite meteor comet ballon montgolfière météore comète",
    "people":
        "people person man woman child kid girl boy crowd hiker surfer walker couple homme "
        "femme enfant gens personne randonneur foule",
    "animals":
        "animal bird seagull eagle gull goose swan horse cow sheep deer dog cat fish whale "
        "dolphin herd oiseau mouette aigle cheval vache mouton cerf chien chat poisson baleine "
        "dauphin troupeau",
    "buildings":
        "house building city town village church castle lighthouse tower bridge cabin hut barn "
        "temple ruin skyscraper maison immeuble ville eglise chateau phare tour pont cabane "
        "grange moulin refuge ruine",
    "roads and what drives on them":
        "road street highway path trail car truck train railway vehicle bicycle plane airplane "
        "route rue chemin sentier voiture avion velo",
    "single trees and flowers":
        "palm blossom flower leaf leaves branch bush cherry tulip lavender sunflower palmier "
        "fleur feuille branche buisson cerisier lavande tournesol",
    "waterfalls and icebergs":
        "waterfall cascade fountain iceberg geyser chute fontaine",
    "fire and smoke":
        "fire bonfire campfire firework smoke flame candle feu fumee flamme bougie",
    "terraces and crops":
        "terrace rice wheat corn crop farm garden terrasse riz ble mais ferme jardin",
}
"""What pleinair-2 does not draw yet."""
# fmt: on

SKIPPED = "slow slowly gently gentle fast quick quickly rapid rapidly steadily lent lentement "
SKIPPED += "doucement rapidement vite"
"""Words that may stand inside a phrase, as in "panning slowly left", and count by themselves."""

NEGATORS = "no without not never sans aucun aucune pas ni"
OPPOSITES = {
    "sky": "sky=none",
    "air": "air=none",
    "rain": "rain=none",
    "snow": "snow=none",
    "snowing": "snowing=none",
    "wind": "wind=calm",
    "sea": "sea=calm",
    "lightning": "lightning=none",
    "moon": "moon=none",
    "move": "move=static",
    "hand": "hand=steady",
    "land.forest": "land.forest=0",
}
"""What "no" makes of a topic; another topic is then simply left alone."""

LITTLE = """
and or in on at by for with from into over under above below near through between across along
behind beside against out up down off as is are was be it its this that there here some any very
quite just all one two my our i we you he she they his her their where while when which who then
than so too also far away front middle top only view scene scenery landscape picture image photo
photograph video clip around film footage shot movie camera cinematic realistic photorealistic hd
4k 8k uhd show shows showing see seen seeing look looks looking beautiful pretty lovely nice
scenic stunning amazing gorgeous breathtaking majestic spectacular wonderful natural nature water
sky air sun light weather sand land ground lens style mm et ou en dans sur sous par pour avec est
sont ce cette ces son sa ses leur qui que dont entre derriere devant pres loin pendant lors il
elle y se n ne plus tres vue paysage plan beau belle beaux belles joli jolie magnifique superbe
eau ciel soleil lumiere temps sable terre sol during outside three four five six single lone group
pair trio couple several many few deux trois quatre cinq plusieurs groupe paire dessus tandis
quand puis comme parmi qu fait faire fais featuring featured effect perspective intense intensely
among like make create imagine high set real life action live photographic réaliste photoréaliste
painting painted drawing peinture peint dessin couleurs colour color frame time mouvement motion
direction
"""

ARTICLES = "a an the of to toward towards s le la les l un une des du de d au aux vers"
"""Left out of prompt and phrases alike."""
