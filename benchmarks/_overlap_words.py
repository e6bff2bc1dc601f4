"""Who says what in the benchmark of overlaps: voices, backchannels, commands and phrases, in two disjoint sets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """What is said in one language: backchannels, commands and phrases."""

    backchannels: tuple[str, ...]
    commands: tuple[str, ...]
    phrases: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """One set."""

    seed: int
    flite: tuple[str, ...]
    variants: tuple[str, ...]
    """Of espeak-ng's voices; empty for the voice as it is."""
    words: dict[str, Words]


TUNING = Material(
    1,
    ("slt", "rms"),
    ("", "f2", "f5", "m3", "m7", "Annie", "Andy", "max", "steph"),
    {
        "en-us": Words(
            ("yeah", "okay", "um-hum", "I see", "yes", "oh"),
            ("stop", "wait", "hold on", "no no", "stop it", "wait wait", "let me speak"),
            (
                "wait, that is not what I meant", "no, I said Tuesday", "sorry, can I ask something", "I need two",
                "can you go back a moment", "what did you say about the price", "I don't want that one",
                "it is my brother's name", "but how much does it cost", "could you ask my wife instead",
                "hang on a second please", "I already paid for this last week",
            ),
        ),
        "de": Words(
            ("ja", "okay", "aha", "stimmt"),
            ("stopp", "warte", "Moment", "nein nein", "halt mal"),
            (
                "warte mal, das habe ich nicht gemeint", "nein, ich wollte Dienstag", "Entschuldigung, eine Frage",
                "können Sie das wiederholen", "das ist falsch, mein Name ist anders", "wie viel kostet das denn",
                "ich brauche aber zwei davon", "das habe ich schon bezahlt",
            ),
        ),
        "fr": Words(
            ("oui", "d'accord", "ah bon"),
            ("stop", "attends", "non non", "arrêtez"),
            (
                "attendez, ce n'est pas ce que je voulais", "non, j'ai dit mardi", "pardon, une question",
                "vous pouvez répéter s'il vous plaît", "combien ça coûte exactement", "je ne veux pas celui-là",
                "c'est faux, je m'appelle autrement",
            ),
        ),
        "es": Words(
            ("sí", "vale", "ajá"),
            ("para", "espera", "no no", "un momento"),
            (
                "espera, eso no es lo que quería decir", "no, dije el martes", "perdone, tengo una pregunta",
                "puede repetirlo por favor", "cuánto cuesta entonces", "no quiero ese de ahí", "ya lo he pagado todo",
            ),
        ),
        "hi": Words(
            ("हाँ", "अच्छा"),
            ("रुको", "नहीं नहीं", "सुनिए"),
            (
                "रुकिए, मेरा मतलब यह नहीं था", "नहीं, मैंने मंगलवार कहा था", "माफ़ कीजिए, एक सवाल है",
                "क्या आप फिर से बोल सकते हैं", "इसकी कीमत कितनी है",
            ),
        ),
        "pl": Words(
            ("tak", "aha"),
            ("czekaj", "nie nie", "chwileczkę"),
            (
                "czekaj, nie o to mi chodziło", "nie, mówiłem we wtorek", "przepraszam, mam pytanie",
                "może pan powtórzyć", "ile to kosztuje",
            ),
        ),
    },
)  # fmt: skip

HELD_OUT = Material(
    3,
    ("awb", "kal16"),
    ("f3", "f4", "m1", "m5", "linda", "Michael", "Alicia", "david", "adam"),
    {
        "en-us": Words(
            ("uh-huh", "right", "sure", "huh", "good", "got it"),
            ("enough", "pause", "hang on", "no stop", "hey listen", "excuse me", "not now"),
            (
                "hang on, you misunderstood me", "that isn't my address", "excuse me, who is this", "I pay by card",
                "please repeat the last number", "when does it arrive", "we have talked about this before",
                "could I change the date to Friday", "my daughter has the tickets", "never mind, cancel the order",
                "just give me a person to talk to", "this is taking too long",
            ),
        ),
        "de": Words(
            ("genau", "klar", "gut", "so so"),
            ("Schluss", "Augenblick", "hören Sie auf", "bitte nicht", "Pause"),
            (
                "Augenblick, da stimmt etwas nicht", "wann kommt das Paket an", "ich habe eine andere Adresse",
                "geben Sie mir bitte einen Menschen", "lassen Sie mich ausreden", "der Termin passt mir nicht",
                "welche Nummer war das zuletzt", "meine Tochter hat die Karten",
            ),
        ),
        "fr": Words(
            ("ouais", "bien sûr", "très bien"),
            ("une seconde", "ça suffit", "pas ça", "écoutez"),
            (
                "une seconde, vous vous trompez", "quand est-ce que ça arrive", "mon adresse a changé",
                "passez-moi quelqu'un d'autre", "laissez-moi finir ma phrase", "je préfère payer par carte",
                "quel était le dernier numéro",
            ),
        ),
        "es": Words(
            ("claro", "ya", "bueno"),
            ("basta", "un segundo", "escuche", "así no"),
            (
                "un segundo, se ha equivocado", "cuándo llega el paquete", "mi dirección es otra",
                "quiero hablar con una persona", "déjeme terminar la frase", "prefiero pagar con tarjeta",
                "cuál era el último número",
            ),
        ),
        "hi": Words(
            ("जी", "ठीक है"),
            ("बस करो", "एक मिनट", "ठहरिए"),
            (
                "एक मिनट, आप गलत समझे", "यह कब पहुँचेगा", "मेरा पता बदल गया है",
                "मुझे किसी और से बात करनी है", "मुझे अपनी बात पूरी करने दीजिए",
            ),
        ),
        "pl": Words(
            ("jasne", "dobrze"),
            ("sekundę", "dosyć", "proszę przestać"),
            (
                "sekundę, pan się myli", "kiedy to przyjdzie", "mam inny adres",
                "chcę rozmawiać z człowiekiem", "wolę zapłacić kartą",
            ),
        ),
        "it": Words(
            ("sì", "certo", "va bene"),
            ("aspetta", "un attimo", "fermo", "senti"),
            (
                "aspetti, non è quello che volevo dire", "no, ho detto martedì", "scusi, posso fare una domanda",
                "può ripetere per favore", "quanto costa allora",
            ),
        ),
        "pt-br": Words(
            ("sim", "tá", "entendi"),
            ("pare", "peraí", "não não", "um momento"),
            (
                "espera, não foi isso que eu quis dizer", "não, eu disse terça", "desculpe, tenho uma pergunta",
                "pode repetir por favor", "quanto custa isso",
            ),
        ),
        "nl": Words(
            ("ja ja", "precies", "oké"),
            ("ho maar", "wacht even", "nee nee", "hou op"),
            (
                "wacht, dat bedoelde ik niet", "nee, ik zei dinsdag", "sorry, mag ik iets vragen",
                "kunt u dat herhalen", "hoeveel kost het dan",
            ),
        ),
    },
)  # fmt: skip
