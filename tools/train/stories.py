"""Short children's stories, grown from a small grammar of plots.

A story has a hero, a thing that matters, a place, and one of several plots. Each plot is a beginning, a number of
episodes (one per helper that the hero meets) and an end; the number of episodes sets the length. Every sentence is
picked from a handful of wordings, so two stories with the same plot still read differently.
"""

from split import draw, fingerprint
from words import (CREATURES, FEELINGS, FOODS, GOALS, HOMES, LOOKS, NAMES_HE, NAMES_SHE, NOUNS, OBJECTS, ONLY_HE, ONLY_SHE,
                   SOUNDS, TRAITS, WEATHERS, made_up_word, upper_first, with_article)

# Slots: {H} hero's name, {h} hero's kind ("the fox"), {he}/{him}/{his} pronouns, {o} the thing ("lantern"),
# {ao} "a lantern", {look} a look, {p} where the hero lives, {P} the same with a capital, {g} a place to walk to, {f} food, {feel} a feeling, {snd} a sound;
# in episodes {k} the helper's kind ("the owl"), {ak} "an owl", {K} the helper's name.

OPENINGS = [
    "Once upon a time, {ah} named {H} lived {p}.", "Once there was {ath} named {H} who lived {p}.",
    "{P} there lived {ath}. {His} name was {H}.", "Long ago, {p}, there was {ath} called {H}.",
    "There was once {ath} called {H}, and {he} lived {p}.", "{H} was {ath} who lived {p}.",
]

HABITS = [
    "Every morning {he} ate {f} and looked out of the window.", "{He} loved {f} and long walks.",
    "{He} liked to sing when nobody was listening.", "{He} knew every path and every stone.",
    "Everyone there liked {him}, because {he} always said hello.", "{He} was small, but {he} had big dreams.",
    "At night {he} counted the stars until {he} fell asleep.", "{He} always had time for a friend.",
]

# One plot: what happens first, what every helper says or does, what solves it, what remains.
PLOTS = {
    "lost": {
        "start": [
            "One day {he} could not find {his} {o}. {He} looked under the bed, behind the door and in every corner, but the {o} was gone.",
            "{H} had {alo} that {he} loved more than anything. But one morning it was not in its place. \"Where is my {o}?\" cried {H}.",
            "{His} dearest thing was {alo}. One evening, on the way home, {he} noticed that the {o} was missing.",
        ],
        "meet": [
            "First {he} asked {ak} named {K}. \"Have you seen my {o}?\" asked {H}. \"No,\" said {K}, \"but I will help you look.\" They looked near {g}, and found only an old shoe.",
            "At {g} {he} met {ak} called {K}. \"I have lost my {o},\" said {H}. {K} thought for a while. \"I heard {snd} over there,\" said {K}. They went to see, but it was only the wind.",
            "Then {he} came to {g}, where {ak} named {K} was eating {f}. \"Please, have you seen {ao}?\" asked {H}. \"Not today,\" said {K}, \"but two can search better than one.\" So {K} came along.",
            "Near {g} {ak} called {K} sat in the shade. \"Why are you so sad?\" asked {K}. {H} told the whole story. \"Do not give up,\" said {K}. \"Lost things like to be found.\"",
        ],
        "turn": [
            "At last {H} sat down to rest. Something hard was under {him}. It was the {o}! It had been lying in the grass all the time.",
            "Just then {he} saw something {look} between the leaves. {He} ran to it as fast as {he} could. It was the {o}!",
            "When {he} came home, tired and sad, there was a knock at the door. A little mouse stood outside with the {o}. \"I found this on the road,\" it said.",
        ],
        "end": [
            "{H} held the {o} tight and laughed. From that day on {he} always put it back in its place.",
            "{H} thanked everyone and shared {f} with them all. \"A friend who helps you search,\" said {H}, \"is better than anything you can find.\"",
        ],
    },
    "found": {
        "start": [
            "One day {he} found {alo} on the path near {g}. \"Somebody must be missing this,\" thought {H}.",
            "{WX} when {H} went out for a walk. Something lay in the grass. It was {alo}. There was no name on it.",
            "After the storm {H} found {ao} in front of the door. It was {look} and very pretty, but it was not {his}.",
        ],
        "meet": [
            "{He} went to {ak} named {K}. \"Is this your {o}?\" asked {H}. \"No,\" said {K}, \"mine is much bigger. Try at {g}.\"",
            "At {g} {he} met {ak} called {K}. \"Is this {o} yours?\" asked {H}. \"I wish it were,\" said {K}, \"but it is not. You are kind to ask.\"",
            "Next {he} asked {ak} named {K}, who was busy making {f}. {K} looked at the {o} from all sides. \"I have never seen it before,\" said {K}, and gave {H} some {f} for the way.",
            "{He} walked on to {g}. There {ak} called {K} was resting. \"Keep it,\" said {K}. \"Nobody will know.\" But {H} shook {his} head. \"I would know,\" said {H}.",
        ],
        "turn": [
            "In the evening {he} heard someone crying. It was an old {e}. \"I have lost my {o},\" said the {e}. \"It was a gift from my mother.\" {H} held it out at once.",
            "Then {H} saw a note on a tree. It said: \"Who has found my {o}?\" {He} followed the arrow to a little house, where an old {e} opened the door and smiled.",
        ],
        "end": [
            "The {e} was so {feel} that they danced around the room. After that they drank tea together every week.",
            "\"Thank you for being honest,\" said the {e}. {H} went home with empty hands and a full heart.",
        ],
    },
    "storm": {
        "start": [
            "One evening the sky turned black and a great storm began. {H} had only {alo} and a warm room. Then there was a knock at the door.",
            "{WX}, but by noon a storm came over the hills. {H} sat inside with {his} {o} and listened to {snd}.",
            "In the middle of the night {he} woke up. The wind was howling, and the only light came from far away. {He} took {his} {o} and went to the door.",
        ],
        "meet": [
            "It was {ak} named {K}, wet from head to foot. \"May I come in?\" asked {K}. \"Of course,\" said {H}, and gave {K} {f} and a dry blanket.",
            "Soon {ak} called {K} came from {g}. \"My home is full of water,\" said {K}. \"Then stay in mine,\" said {H}. They sat close together and told each other jokes.",
            "A little later {ak} named {K} looked through the window. There was hardly any room left, but {H} opened the door. \"A small house is big enough for friends,\" said {H}.",
            "Then came {ak} called {K}, shaking with cold. {H} made {f} for everyone. {K} was afraid of the thunder, so they all sang until it was quiet.",
        ],
        "turn": [
            "When the wind blew the light out, {H} remembered the {o}. {He} held it up, and everybody felt better at once.",
            "In the darkest hour {H} told them how {he} had got the {o}. It was such a funny story that nobody thought of the storm any more.",
        ],
        "end": [
            "In the morning the sun came out. The friends mended the roof together, and the house was never empty again.",
            "When the storm was over, nobody wanted to go home. So they had breakfast together, and it was the best breakfast of the year.",
        ],
    },
    "wish": {
        "start": [
            "More than anything {he} wished for {ao}. But {he} had no money, not even one coin.",
            "One day {he} saw {alo} in a shop window. \"I want to have that {o},\" thought {H}, \"but how?\"",
            "{His} best friend had {alo}, and {H} wanted one too. \"I will work for it,\" said {H}.",
        ],
        "meet": [
            "{He} went to {ak} named {K} at {g}. \"Have you any work for me?\" asked {H}. {K} let {him} carry water all morning and paid with one coin and {f}.",
            "Then {he} helped {ak} called {K} to sweep the yard. It was hard work, but {H} whistled all the time. \"Here is a coin for you,\" said {K}, \"and one more for the song.\"",
            "The next day {ak} named {K} needed help at {g}. They picked berries until the sun went down. {K} gave {him} two coins and a big smile.",
            "After that {he} painted a fence for {ak} called {K}. {H} got paint on {his} nose, and they both laughed. Now {he} had one coin more.",
        ],
        "turn": [
            "At last {he} had enough. {He} ran to the shop. But outside sat a hungry child. {H} looked at the coins for a long time. Then {he} bought bread for the child.",
            "When {he} counted the coins, there were enough. {He} bought the {o} and carried it home as carefully as an egg.",
        ],
        "end": [
            "The next morning the {o} stood in front of {his} door. There was a card with it: \"For a kind heart.\" {H} never found out who had brought it.",
            "{H} was {feel}, and because {he} had worked for it, the {o} was worth more than gold to {him}. Every friend was allowed to use it.",
        ],
    },
    "journey": {
        "start": [
            "One day {he} decided to see what was behind {g}. {He} packed {f} and {his} {o} and went off.",
            "{H} had heard of {alo} that lay hidden at {g}. \"I will go and find it,\" said {H}, and left at sunrise.",
            "{WX} on the day {H} went on {his} first long journey. {He} took only some {f} and {alo} with {him}.",
        ],
        "meet": [
            "On the way {he} met {ak} named {K}. \"Where are you going?\" asked {K}. \"Into the wide world,\" said {H}. \"May I come too?\" asked {K}, and so they were {n}.",
            "At {g} {ak} called {K} stood in the way. \"You may pass if you tell me a riddle,\" said {K}. {H} asked: \"What has teeth but cannot bite?\" {K} did not know. \"A comb!\" said {H}, and they both laughed.",
            "By noon they came to a river. {ak:U} named {K} had a little boat and took them across. {H} gave {K} half of the {f} as a thank you.",
            "In the afternoon the path went up and up. {ak:U} called {K} showed them where to step. \"Slow feet also reach the top,\" said {K}.",
        ],
        "turn": [
            "When it got dark, they heard {snd}. Everyone was frightened, but {H} held up the {o} and took one step forward. It was only a baby goat that had lost its mother.",
            "At the end of the path there was a wide view over land and sea. The {o} shone in the light, and nobody said a word.",
        ],
        "end": [
            "{H} came home with dusty feet and many stories. \"The best part of a journey,\" {he} said, \"is the friends you meet on the way.\"",
            "They took the {o} home and put it where all could see it. Whenever {H} looked at it, {he} smiled.",
        ],
    },
    "learn": {
        "start": [
            "{H} wanted to learn to dance, but {he} always fell over {his} own feet. One day {he} was given {alo}. \"Perhaps this will help,\" {he} said.",
            "Everybody could whistle, only {H} could not. {He} sat down beside {his} {o} and sighed. \"I will ask the others,\" said {H}.",
            "{H} wanted to swim across the lake, but {he} was afraid of deep water. {He} carried {his} {o} everywhere, because it made {him} feel brave.",
        ],
        "meet": [
            "{He} went to {ak} named {K}. \"How did you learn it?\" asked {H}. \"I tried a hundred times,\" said {K}, \"and fell ninety-nine times.\" {H} tried, and fell at once.",
            "Then {he} asked {ak} called {K} at {g}. \"Breathe slowly,\" said {K}, \"and do not look down.\" It went a little better, but not much.",
            "{ak:U} named {K} watched for a while. \"You think too much,\" said {K}. \"Think of {f}!\" {H} thought of {f}, and suddenly it was not so hard any more.",
            "Near {g} {ak} called {K} clapped and cheered. \"You are better than yesterday,\" said {K}. \"Tomorrow you will be better than today.\"",
        ],
        "turn": [
            "That night {H} practised alone, with only the {o} and the moon to see it. And all at once {he} could do it!",
            "The next morning {he} put down the {o}, closed {his} eyes, and tried once more. It worked!",
        ],
        "end": [
            "Everyone clapped. {H} was tired and {feel}. \"It was not the {o},\" {he} said. \"It was trying again.\"",
            "From then on {H} taught the little ones. When they fell, {he} told them about the hundred times.",
        ],
    },
    "friend": {
        "start": [
            "But {H} was lonely. {He} had {alo} and nobody to share it with.",
            "{H} was so shy that {he} never spoke to anyone. {He} spent the days alone with {his} {o}.",
            "All the others played together, but nobody asked {H}. So {he} took {his} {o} and walked to {g}.",
        ],
        "meet": [
            "One day {ak} named {K} came by. \"What a {look} {o}!\" said {K}. {H} wanted to run away, but {he} stayed. \"Would you like to hold it?\" {he} asked.",
            "At {g} {ak} called {K} was crying. \"My {f} fell into the water,\" said {K}. {H} gave {K} half of {his} own. They ate without a word, and it was nice.",
            "The next day {ak} named {K} wanted to know what {H} was doing. \"Nothing,\" said {H}. \"May I do nothing with you?\" asked {K}. So they did nothing together and had great fun.",
            "Then {ak} called {K} came, who was even more shy. {H} knew just how that felt. \"You need not say anything,\" said {H}. \"Come and look at my {o}.\"",
        ],
        "turn": [
            "Soon {H} thought of a game that could only be played with the {o} and many friends. They played until the moon came up.",
            "When {his} birthday came, {H} thought that nobody would remember. But when {he} opened the door, they were all there, and they sang so loudly that the {o} shook.",
        ],
        "end": [
            "{H} was not lonely any more. And the {o} stood by the door, so that everyone could use it.",
            "\"I was waiting for a friend,\" said {H}, \"and all the time a friend was waiting for me.\"",
        ],
    },
    "repair": {
        "start": [
            "One day {his} {look} {o} broke in two. {H} cried, because it was a gift from {his} grandmother.",
            "{H} had {alo}, but it had been broken for years. \"Today I will mend it,\" {he} said.",
            "During a game the {o} of the whole village was broken. \"It was me,\" said {H} in a small voice. \"I will repair it.\"",
        ],
        "meet": [
            "{He} went to {ak} named {K}. \"Can you mend {ao}?\" asked {H}. \"I only have glue,\" said {K}, \"but you may have all of it.\"",
            "At {g} {he} met {ak} called {K}. \"You need a strong string,\" said {K}, and gave {him} one. \"Bring it back when you can.\"",
            "Then {ak} named {K} brought a box of old nails and a pot of {f}. \"Nobody can work when hungry,\" said {K}.",
            "{ak:U} called {K} held the light. They heard {snd}, and the pieces fell down again. \"Once more,\" said {K}. \"We have all night.\"",
        ],
        "turn": [
            "Piece by piece the {o} came together. It was not as pretty as before, but it was whole.",
            "When the sun came up, {H} put in the very last piece. It fitted!",
        ],
        "end": [
            "You could still see the crack. But {H} liked it even better now, because every time {he} saw it, {he} thought of {his} friends.",
            "Everybody came to look. \"It is better than new,\" they said, and {H} was very {feel}.",
        ],
    },
}

LINKS = ["", "", "", "The day went by.", "{H} did not give up.", "{H} thanked {K} and went on.", "The sun stood high.",
         "The two became friends at once.", "{H} felt a little better.", "Clouds went by overhead.",
         "\"This is turning into a real adventure,\" said {H}."]

# A quiet paragraph that long stories have before the turn.
PAUSES = [
    "{H} sat down under a tree and looked up at the clouds. One of them looked like {ao}, and one looked like {ak}. \"I will not stop now,\" {he} said, and got up again.",
    "That evening {H} could not sleep. {He} listened to {snd} and thought about everything that {K} had said. In the end {he} smiled and closed {his} eyes.",
    "There was time for a rest. {H} and {K} shared {f} and told each other what they were most afraid of. After that they were not so afraid any more.",
    "It was a long day, and {H} was tired. But then {he} remembered something that {his} grandmother used to say: \"Small steps, small steps, and you will be there.\"",
]

CLOSINGS = ["The end.", "The end.", "And that was that.", "And they all slept well that night.",
            "And if you listen on a quiet night, you can still hear them laugh.", "And so the day came to a happy end.", ""]

EPISODES = {"short": (1, 1), "any": (2, 3), "long": (4, 4)}
ANIMALS = 54  # the first so many of CREATURES; the old one who owns the found thing is one of them

ASK = {
    "any": ["Tell me a story{about}.", "tell me a story{about}", "Can you tell me a story{about}?", "Please tell a story{about}.",
            "Tell a story{about}", "I want to hear a story{about}.", "Write a story{about}.", "write me a story{about}",
            "Could you write a story{about}?", "Make up a story{about}.", "A story{about}, please.", "Story{about}!",
            "Give me a story{about}.", "Tell me a tale{about}.", "Do you know a story{about}?", "tell me a bedtime story{about}",
            "Tell me a bedtime story{about}.", "Tell me a nice story{about}", "Write a children's story{about}.",
            "Let us hear a story{about}."],
    "short": ["Tell me a short story{about}.", "A short story{about}, please.", "Write a very short story{about}.",
              "tell me a short story{about}", "Give me a little story{about}.", "Can you tell me a short story{about}?",
              "Write a tiny story{about}."],
    "long": ["Tell me a long story{about}.", "tell me a long story{about}", "A long story{about}, please.",
             "Write a long story{about}.", "Can you tell me a long story{about}?", "Please tell me a very long story{about}.",
             "I want a long story{about}.", "Write me a long story{about}", "Tell a long bedtime story{about}.", "Tell me a story{about}. Make it long.",
             "Tell me a story{about}. It should be long.", "Tell me the longest story you know{about}."],
}


# What people add to such a request; it changes nothing.
EXTRAS = [" for my daughter.", " for my son", ", with a happy ending.", " before I go to sleep.", ", please!", " for children.",
          " that is nice.", " please", " for a small child.", " and thank you", " now.", ", if you can."]


FAVOUR = 0.3  # how often a choice goes to the favourite


class Teller:
    """Tells one story: holds the random source and the values of the slots.

    Most choices have a favourite that depends on who or what the story is about. It is taken often enough to be the
    likeliest, so that a model that always takes the likeliest word tells each hero's own story, not one for all.
    """

    def __init__(self, rng, creature, thing):
        self.rng = rng
        self.creature, self.thing, self.kind = creature, thing, creature
        self.used_kinds, self.used_names, self.used_links = {creature}, set(), set()
        trait, home = self.lean(TRAITS, creature), self.lean(HOMES, creature)
        look = self.lean(LOOKS, thing)
        name, she = self.fresh_name(creature)
        he, him, his = ("she", "her", "her") if she else ("he", "him", "his")
        self.slots = {
            "H": name, "ah": with_article(creature), "ath": with_article(f"{trait} {creature}"), "he": he, "him": him,
            "his": his, "He": upper_first(he), "His": upper_first(his), "o": thing, "ao": with_article(thing),
            "alo": with_article(f"{look} {thing}"), "look": look, "p": home, "P": upper_first(home),
            "feel": self.lean(FEELINGS, thing), "WX": self.lean(WEATHERS, thing), "e": self.fresh_kind(CREATURES[:ANIMALS]),
        }
        self.new_scene(creature)

    def lean(self, options, *about):
        """One of the options; the favourite is settled by the options and what the choice is about."""
        if self.rng.random() < FAVOUR:
            return options[fingerprint(options[0], *about) % len(options)]
        return self.rng.choice(options)

    def fresh_kind(self, kinds):
        """A creature that is not in this story yet."""
        kind = self.lean([k for k in kinds if k not in self.used_kinds], self.kind, self.thing)
        self.used_kinds.add(kind)
        return kind

    def fresh_name(self, kind):
        """A name that is not in this story yet and fits the kind: (name, whether it is a she). Every kind of creature
        has a favourite name of its own, so that two favourites do not meet in one story."""
        place = CREATURES.index(kind) if kind in CREATURES else fingerprint(kind) % 80
        she = kind in ONLY_SHE or (kind not in ONLY_HE and place % 2 == 0)
        favourite = (NAMES_SHE if she else NAMES_HE)[place // 2]
        if self.rng.random() >= FAVOUR or favourite in self.used_names:
            she = kind in ONLY_SHE or (kind not in ONLY_HE and self.rng.random() < 0.5)
            favourite = self.rng.choice([n for n in (NAMES_SHE if she else NAMES_HE) if n not in self.used_names])
        self.used_names.add(favourite)
        return favourite, she

    def new_scene(self, kind):
        """Fresh values for what changes from paragraph to paragraph."""
        self.slots.update(g=self.lean(GOALS, kind), f=self.lean(FOODS, kind), snd=self.lean(SOUNDS, kind))

    def say(self, texts, about=""):
        """One of the wordings, slots filled in."""
        return self.lean(texts, about).replace("{ak:U}", upper_first(self.slots.get("ak", ""))).format(**self.slots)

    def episode(self, text, number):
        """The hero meets one more helper."""
        self.kind = self.fresh_kind(CREATURES)
        self.new_scene(self.kind)
        self.slots.update(ak=with_article(self.kind), K=self.fresh_name(self.kind)[0], n=["two", "three", "four", "five"][number])
        link = self.lean([t for t in LINKS if t not in self.used_links], self.kind)
        if link:
            self.used_links.add(link)
        return f"{self.say([text])} {self.say([link])}".strip()

    def tell(self, plot, length):
        """The whole story; the episodes keep their order, and the first one always takes place."""
        opening = [self.say(OPENINGS, self.creature)]
        if length == "long" or (length == "any" and self.rng.random() < 0.5):
            opening.append(self.say(HABITS, self.creature))
        parts = [" ".join([*opening, self.say(plot["start"], self.thing)])]
        later = range(1, len(plot["meet"]))
        chosen = [0, *sorted(self.rng.sample(later, self.rng.randint(*EPISODES[length]) - 1))]
        for number, index in enumerate(chosen):
            parts.append(self.episode(plot["meet"][index], number))
        if length == "long":
            parts.append(self.say(PAUSES, self.creature))
        parts.append(" ".join([self.say(plot["turn"], self.thing), self.say(plot["end"], self.creature), self.say(CLOSINGS, self.thing)]).strip())
        return ("\n\n" if length != "short" else " ").join(parts)


def topic(rng, creature, thing, teller):
    """How the request names what the story shall be about: (text, words that the story must then contain)."""
    a, b, name = with_article(creature), with_article(thing), teller.slots["H"]
    kinds = [
        (45, rng.choice([" about {} and {}", " about {} with {}", " with {} and {}", " about {} who has {}"]).format(a, b), [creature, thing]),
        (12, f" about {a}", [creature]),
        (8, f" about {b}", [thing]),
        (8, f" about {a} {rng.choice(['named', 'called'])} {name}", [creature, name]),
        (5, f" about {teller.slots['ath']}", [creature]),
        (4, f" about {creature}s", [creature]),
        (18, "", []),
    ]
    _, text, words = rng.choices(kinds, [weight for weight, _, _ in kinds])[0]
    return text, words


def any_noun(rng, usual):
    """Nearly always one of the usual nouns, now and then any other or a made-up one: people ask for anything."""
    other = rng.random()
    return made_up_word(rng) if other < 0.05 else rng.choice(NOUNS) if other < 0.12 else rng.choice(usual)


def story(rng, held_out):
    """A request for a story and the story. The pair of hero and thing decides the side of the split."""
    def make(r):
        pair = any_noun(r, CREATURES), any_noun(r, OBJECTS)
        return pair, pair

    creature, thing = draw(rng, held_out, "story", make)
    length = rng.choices(["short", "any", "long"], [2, 4, 3])[0]
    teller = Teller(rng, creature, thing)
    about, words = topic(rng, creature, thing, teller)
    text = teller.tell(PLOTS[teller.lean(list(PLOTS), creature, thing)], length)
    ask = rng.choice(ASK[length]).format(about=about)
    if rng.random() < 0.12:
        ask = ask.rstrip(".!?") + rng.choice(EXTRAS)
    return {"task": "story", "user": ask, "reply": text, "length": length,
            "words": words}
