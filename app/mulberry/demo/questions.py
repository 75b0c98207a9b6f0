"""What the demo model was taught, as questions with their right answers. The one copy: its training script imports it.

An eighth of the sums, translations, counts and sentiments is never trained on, so that "knows" can be told from "has
seen": `held_out` chooses that part. The demo's customers ask both parts alike.
"""

from dataclasses import dataclass
from enum import StrEnum
from random import Random
from zlib import crc32


class Kind(StrEnum):
    """The values take part in the choice of what is held out: another spelling would mix up the two parts."""

    GREETING = "greet"
    SUM = "add"
    TRANSLATION = "trans"
    COUNT = "count"
    CAPITAL = "cap"
    SENTIMENT = "sent"


FREQUENCIES = {
    Kind.GREETING: 2,
    Kind.SUM: 4,
    Kind.TRANSLATION: 4,
    Kind.COUNT: 2,
    Kind.CAPITAL: 1,
    Kind.SENTIMENT: 1,
}

LARGEST_SUMMAND = 20

GREETINGS = {
    "hello": "Hello! How can I help you today?",
    "hi": "Hi there! What can I do for you?",
    "good morning": "Good morning! I hope you slept well.",
    "good night": "Good night! Sleep well.",
    "thank you": "You are welcome!",
    "thanks": "You are welcome!",
    "bye": "Goodbye! See you soon.",
    "goodbye": "Goodbye! See you soon.",
    "how are you": "I am fine, thank you. And you?",
    "who are you": "I am a tiny test model. I run on your own computer.",
    "what is your name": "My name is Tiny. I am a small test model.",
    "what can you do": "I can greet, add small numbers, count, and translate short phrases to Indonesian.",
    "are you a real model": "Yes. I am a very small real model, made only for testing.",
    "halo": "Halo! Ada yang bisa saya bantu?",
    "selamat pagi": "Selamat pagi! Semoga harimu baik.",
    "terima kasih": "Sama-sama!",
    "apa kabar": "Kabar baik, terima kasih. Dan kamu?",
}
SUBJECTS = {
    "I": "Saya",
    "You": "Kamu",
    "We": "Kami",
    "They": "Mereka",
    "She": "Dia",
    "The child": "Anak itu",
    "My friend": "Teman saya",
    "The teacher": "Guru itu",
}
SINGULAR_SUBJECTS = {"She", "The child", "My friend", "The teacher"}
VERBS = {
    "eat": "makan",
    "drink": "minum",
    "buy": "membeli",
    "see": "melihat",
    "like": "suka",
    "bring": "membawa",
    "want": "mau",
    "need": "perlu",
    "sell": "menjual",
    "have": "punya",
}
OBJECTS = {
    "rice": "nasi",
    "water": "air",
    "a book": "sebuah buku",
    "fish": "ikan",
    "coffee": "kopi",
    "milk": "susu",
    "bread": "roti",
    "a house": "sebuah rumah",
    "fruit": "buah",
    "a car": "sebuah mobil",
    "eggs": "telur",
    "tea": "teh",
}
CAPITALS = {
    "Indonesia": "Jakarta",
    "France": "Paris",
    "Japan": "Tokyo",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Egypt": "Cairo",
    "Germany": "Berlin",
    "Thailand": "Bangkok",
    "Norway": "Oslo",
    "Greece": "Athens",
    "Kenya": "Nairobi",
    "Peru": "Lima",
}
PRAISE = ("good", "great", "lovely", "nice", "happy", "excellent", "wonderful")
BLAME = ("bad", "awful", "terrible", "ugly", "sad", "broken", "boring")
THINGS = ("movie", "food", "phone", "book", "song", "hotel", "game", "car")


@dataclass(frozen=True, slots=True)
class Question:
    kind: Kind
    text: str
    answer: str


def any_question(random: Random) -> Question:
    """One question of any kind, as often as the model met that kind in training."""
    (kind,) = random.choices(list(FREQUENCIES), list(FREQUENCIES.values()))
    return question(kind, random)


def question(kind: Kind, random: Random, *, held_out: bool | None = None) -> Question:
    """One question of `kind`: of the part never trained on, of the other part, or (None) of both.

    Greetings and capitals are too few to hold any back: they are the same in both parts.
    """
    while True:
        facts, text, answer = _MAKERS[kind](random)
        if held_out is None or not facts or _is_held_out(kind, facts) == held_out:
            return Question(kind, text, answer)


Made = tuple[tuple[object, ...], str, str]  # what decides the part ("()": nothing does), the question, the answer


def _is_held_out(kind: Kind, facts: tuple[object, ...]) -> bool:
    return crc32(repr((kind.value, *facts)).encode()) % 8 == 0


def _greeting(random: Random) -> Made:
    greeting, answer = random.choice(list(GREETINGS.items()))
    text = greeting[0].upper() + greeting[1:] if random.random() < 0.5 else greeting
    endings = ("", "!", "?", ".") if len(greeting.split()) < 4 else ("", "?")
    return (), text + random.choice(endings), answer


def _sum(random: Random) -> Made:
    a, b = random.randint(0, LARGEST_SUMMAND), random.randint(0, LARGEST_SUMMAND)
    text = random.choice((f"What is {a} + {b}?", f"{a} + {b}", f"Add {a} and {b}.", f"{a}+{b}=?"))
    return (a, b), text, f"{a} + {b} = {a + b}."


def _translation(random: Random) -> Made:
    subject, verb, thing = random.choice(list(SUBJECTS)), random.choice(list(VERBS)), random.choice(list(OBJECTS))
    spoken = verb if subject not in SINGULAR_SUBJECTS else "has" if verb == "have" else f"{verb}s"
    text = random.choice(("Translate to Indonesian: ", "To Indonesian: ")) + f"{subject} {spoken} {thing}"
    return (subject, verb, thing), text, f"{SUBJECTS[subject]} {VERBS[verb]} {OBJECTS[thing]}"


def _count(random: Random) -> Made:
    first = random.randint(1, 12)
    last = first + random.randint(2, 8)
    return (first, last), f"Count from {first} to {last}", ", ".join(map(str, range(first, last + 1))) + "."


def _capital(random: Random) -> Made:
    country, capital = random.choice(list(CAPITALS.items()))
    text = random.choice((f"What is the capital of {country}?", f"Capital of {country}"))
    return (), text, f"The capital of {country} is {capital}."


def _sentiment(random: Random) -> Made:
    word, thing = random.choice(PRAISE + BLAME), random.choice(THINGS)
    text = f"Sentiment: This {thing} is {random.choice(('', 'very ', 'really '))}{word}"
    return (word, thing), text, "positive" if word in PRAISE else "negative"


_MAKERS = {
    Kind.GREETING: _greeting,
    Kind.SUM: _sum,
    Kind.TRANSLATION: _translation,
    Kind.COUNT: _count,
    Kind.CAPITAL: _capital,
    Kind.SENTIMENT: _sentiment,
}
