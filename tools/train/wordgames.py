"""Reversing the order of words and counting words."""

from split import draw
from words import ADVERBS, COMMON, CREATURES, OBJECTS, SUBJECTS, VERBS, WHERES, made_up_word, upper_first

REVERSE = [
    "Reverse the order of these words: {x}", "Reverse these words: {x}", "reverse the words: {x}", "Reverse: {x}",
    "reverse {x}", "Write these words backwards: {x}", "Put these words in reverse order: {x}",
    "Say these words in the opposite order: {x}", "Turn the order of the words around: {x}",
    "Please reverse the order of the words \"{x}\".", "Reverse the words in \"{x}\"", "Reverse the word order: {x}",
    "Reverse this list: {x}", "Can you reverse the words \"{x}\"?", "Give me these words from last to first: {x}",
    "Reverse the order of the words in this sentence: {x}", "What is \"{x}\" with the words in reverse order?",
    "Reverse the list {x}", "List these in reverse order: {x}", "{x}\nReverse the order of these words.",
]

COUNT = [
    "Count the words: {x}", "Count the words in this sentence: {x}", "How many words are in \"{x}\"?",
    "How many words are there in this sentence? {x}", "How many words does \"{x}\" have?", "count words: {x}",
    "How many words: {x}", "Please count the words in \"{x}\".", "Count the words in \"{x}\"", "Word count of: {x}",
    "Tell me how many words this has: {x}", "How many words are in this: {x}", "What is the number of words in \"{x}\"?",
    "Can you count the words in the sentence \"{x}\"?", "{x}\nHow many words is that?", "{x}\nCount the words.",
    "How many words are in the sentence \"{x}\"?", "number of words: {x}",
]


def loose_words(rng, count):
    """Unrelated words, now and then a made-up one."""
    def word():
        if rng.random() < 0.15:
            return made_up_word(rng)
        return rng.choice(rng.choice([COMMON, COMMON, CREATURES, OBJECTS]))

    return [word() for _ in range(count)]


def sentence_words(rng):
    """A plain sentence of 2 to 12 words, without its full stop."""
    text = rng.choice(SUBJECTS) + " " + rng.choice(VERBS)
    for part in (ADVERBS, WHERES):
        if rng.random() < 0.6:
            text += " " + rng.choice(part)
    if rng.random() < 0.25:
        text += " and " + rng.choice(VERBS) + " " + rng.choice(WHERES)
    return text.split()


def reverse(rng, held_out):
    """3 to 8 words and the same words from last to first."""
    def make(r):
        while True:
            words = sentence_words(r) if r.random() < 0.35 else loose_words(r, r.randint(3, 8))
            if 3 <= len(words) <= 8:
                return words, words

    words = draw(rng, held_out, "words", make)
    separator = ", " if rng.random() < 0.3 else " "
    given, reply = separator.join(words), separator.join(reversed(words))
    return {"task": "reverse", "user": rng.choice(REVERSE).format(x=given), "reply": reply}


def count(rng, held_out):
    """1 to 12 words and their number."""
    def make(r):
        while True:
            words = sentence_words(r) if r.random() < 0.5 else loose_words(r, r.randint(1, 12))
            if 1 <= len(words) <= 12:
                return words, words

    words = draw(rng, held_out, "words", make)
    text = " ".join(words)
    if rng.random() < 0.5:
        text = upper_first(text) + ("." if rng.random() < 0.6 else "")
    reply = "There is 1 word." if len(words) == 1 else f"There are {len(words)} words."
    return {"task": "count", "user": rng.choice(COUNT).format(x=text), "reply": reply}
