"""Addition and subtraction with operands from 0 to 99, and honest answers to sums that are out of reach."""

from split import draw
from words import NAMES_HE, NAMES_SHE, number_word, upper_first

ADD = [
    "{a} + {b}", "{a}+{b}", "{a} + {b} =", "{a}+{b}=", "{a} + {b} = ?", "{a}+{b}=?", "{a}+{b}?", "{a} + {b}?",
    "What is {a} + {b}?", "What is {a}+{b}?", "what is {a} + {b}", "what's {a} + {b}", "What's {a}+{b}?",
    "What is {a} plus {b}?", "what is {a} plus {b}", "How much is {a} + {b}?", "how much is {a} plus {b}?",
    "What does {a} + {b} equal?", "What do you get if you add {a} and {b}?", "{a} plus {b}", "{a} plus {b}?",
    "{a} plus {b} is?", "Add {a} and {b}.", "add {a} and {b}", "Add {b} to {a}.", "add {b} to {a}",
    "Can you add {a} and {b}?", "Please add {a} and {b}.", "Please calculate {a} + {b}.", "Calculate {a} + {b}",
    "calculate {a}+{b}", "Compute {a} + {b}.", "compute {a}+{b}", "Sum of {a} and {b}", "What is the sum of {a} and {b}?",
    "Tell me {a} + {b}.", "Tell me what {a} plus {b} is.", "Solve {a} + {b}.", "Can you tell me what {a} + {b} is?",
    "I have {a} and get {b} more. How many is that?", "Work out {a} + {b}", "Do you know what {a} + {b} is?",
    "What is the result of {a} + {b}?", "Quick: {a} + {b}", "Hello! What is {a} + {b}?", "Hi, what is {a}+{b}?",
    "What is {a} and {b} together?", "What number is {a} + {b}?", "Answer this: {a} + {b} = ?", "And {a} + {b}?", "and {a}+{b}?",
]

SUBTRACT = [
    "{a} - {b}", "{a}-{b}", "{a} - {b} =", "{a}-{b}=", "{a} - {b} = ?", "{a}-{b}=?", "{a}-{b}?", "{a} - {b}?",
    "What is {a} - {b}?", "What is {a}-{b}?", "what is {a} - {b}", "what's {a} - {b}", "What's {a}-{b}?",
    "What is {a} minus {b}?", "what is {a} minus {b}", "How much is {a} - {b}?", "how much is {a} minus {b}?",
    "What does {a} - {b} equal?", "What do you get if you subtract {b} from {a}?", "{a} minus {b}", "{a} minus {b}?",
    "{a} minus {b} is?", "Subtract {b} from {a}.", "subtract {b} from {a}", "Take {b} from {a}.", "take {b} from {a}",
    "Take {b} away from {a}.", "{a} take away {b}", "Can you subtract {b} from {a}?", "Please subtract {b} from {a}.",
    "Please calculate {a} - {b}.", "Calculate {a} - {b}", "calculate {a}-{b}", "Compute {a} - {b}.", "compute {a}-{b}",
    "What is left if you take {b} from {a}?", "Tell me {a} - {b}.", "Tell me what {a} minus {b} is.",
    "Solve {a} - {b}.", "Can you tell me what {a} - {b} is?", "Work out {a} - {b}", "Do you know what {a} - {b} is?",
    "What is the result of {a} - {b}?", "Quick: {a} - {b}", "Hello! What is {a} - {b}?", "Hi, what is {a}-{b}?",
    "What number is {a} - {b}?", "Answer this: {a} - {b} = ?", "And {a} - {b}?", "and {a}-{b}?", "What is {b} less than {a}?",
]

THINGS = """apples|pears|books|coins|marbles|stickers|pencils|cookies|shells|balloons|stones|eggs|cards|nuts|stamps
|flowers""".replace("\n", "").split("|")

GAIN = [
    "{n} has {a} {t} and gets {b} more. How many {t} does {n} have now?",
    "{n} has {a} {t}. A friend gives {n} {b} more. How many {t} are there now?",
    "{n} finds {a} {t} in the morning and {b} {t} in the evening. How many {t} is that?",
]
LOSS = [
    "{n} has {a} {t} and gives away {b}. How many {t} are left?",
    "{n} has {a} {t} and loses {b} of them. How many {t} does {n} have now?",
    "There are {a} {t} on the table. {n} takes {b} of them. How many {t} are left?",
]
DIFFERENCE = [
    "What is the difference between {} and {}?", "difference of {} and {}", "Find the difference between {} and {}.",
]

OUT_OF_REACH = [
    "What is {a} times {b}?", "{a} * {b}", "{a} x {b} = ?", "What is {a} * {b}?", "Multiply {a} by {b}.",
    "What is {a} divided by {b}?", "{a} / {b}", "Divide {a} by {b}.", "What is {c} + {d}?", "{c} - {d}", "{c}+{a}",
    "What is {c} minus {a}?", "What is the square root of {c}?", "{c} * {d} = ?", "What is {a} squared?",
    "What is {a} percent of {c}?", "Is {c} a prime number?", "What is {a} + {c}?", "add {c} and {d}",
]
OUT_OF_REACH_REPLY = "I can only add and subtract numbers from 0 to 99."


def problem(rng, a, b, operation):
    """One wording of a sum, in digits, in words or as a tiny story; the reply's last number is the result."""
    result = a + b if operation == "+" else a - b
    templates = ADD if operation == "+" else SUBTRACT
    fits_story = operation == "+" or a >= b  # nobody gives away more apples than there are
    style = rng.random()
    if style < 0.08 and fits_story:
        name, things = rng.choice(NAMES_SHE + NAMES_HE), rng.choice(THINGS)
        text = rng.choice(GAIN if operation == "+" else LOSS).format(n=name, t=things, a=a, b=b)
    elif style < 0.16:
        spaced = [t for t in templates if f"}}{operation}{{" not in t]
        text = upper_first(rng.choice(spaced).format(a=number_word(a), b=number_word(b)))
    elif style < 0.20 and operation == "-" and a >= b:
        text = rng.choice(DIFFERENCE).format(*rng.sample([a, b], 2))
    else:
        text = rng.choice(templates).format(a=a, b=b)
    return {"task": "add" if operation == "+" else "subtract", "user": text, "reply": f"{a} {operation} {b} = {result}.",
            "expect": str(result)}


def arithmetic(rng, held_out):
    """A sum. The unordered pair decides the side of the split: a held-out pair is unseen in both orders and operations."""
    def make(r):
        # Small numbers are what people try first, so they get a share of their own.
        limit = 21 if r.random() < 0.15 else 100
        a, b = r.randrange(limit), r.randrange(limit)
        return pair_key(a, b), (a, b)

    a, b = draw(rng, held_out, "sum", make)
    return problem(rng, a, b, rng.choice("+-"))


def pair_key(a, b):
    """What the split hashes for the operands a and b."""
    return min(a, b), max(a, b)


def out_of_reach(rng, held_out):
    """A calculation that the model has not learnt, and the honest answer."""
    def make(r):
        a, b = r.randrange(2, 100), r.randrange(2, 100)
        c, d = r.randrange(100, 10000), r.randrange(100, 1000)
        return (a, b, c, d), (a, b, c, d)

    a, b, c, d = draw(rng, held_out, "reach", make)
    text = rng.choice(OUT_OF_REACH).format(a=a, b=b, c=c, d=d)
    return {"task": "honest", "user": text, "reply": OUT_OF_REACH_REPLY}
