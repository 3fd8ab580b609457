"""Word lists from which every text of the corpus is built. Written for this project."""

NAMES_SHE = """Ada Amina Anna Bella Clara Daisy Elena Emma Fatima Freya Grace Hana Hazel Ida Ines Iris Ivy Jana Julia
Kira Lena Lily Lina Lucy Maya Mia Mila Mina Molly Nadia Nina Nora Olga Olive Paula Penny Pia Poppy Rosa Ruby Sara Selma
Sofia Stella Tara Tess Uma Vera Violet Wanda Yara Zara Zoe""".split()

NAMES_HE = """Adam Albert Anton Ben Boris Bruno Carl Colin Dan David Dino Eli Emil Erik Felix Finn Fred George Gus Hans
Hugo Ivan Jack Jakob Jim Jonas Karl Kofi Leo Liam Luca Marco Max Milo Mo Nico Noah Omar Oscar Otto Pablo Paul Peter
Rafi Remy Robin Sam Simon Theo Tim Toby Tom Victor Walter Will Yusuf""".split()

# Heroes and helpers of the stories.
CREATURES = """fox bear rabbit mouse owl cat dog frog duck hedgehog squirrel badger beaver otter deer goat sheep pony
donkey pig hen goose crow robin sparrow swan turtle snail ant bee beetle butterfly moth ladybird spider whale dolphin
seal penguin crab octopus lion tiger elephant giraffe zebra monkey panda koala kangaroo camel parrot peacock wolf mole
hamster lizard dragon unicorn robot giant wizard witch fairy ghost pirate princess prince knight farmer baker painter
fisherman gardener tailor sailor shepherd clown girl boy""".split()

# Creatures that ask for a certain kind of name.
ONLY_SHE = {"hen", "cow", "witch", "fairy", "princess", "girl"}
ONLY_HE = {"wizard", "prince", "boy"}

# Things that can be carried, lost, found, mended or shared.
OBJECTS = """lantern kite drum bell ball hat scarf umbrella basket book map key coin button ribbon feather shell stone
star flute violin trumpet whistle candle lamp mirror clock ring crown cup teapot spoon blanket pillow mitten shoe boot
bag box ladder rope wheel wagon boat sled bucket broom brush pencil letter picture puzzle doll teddy balloon flag
cookie pie cake apple pear plum pumpkin carrot acorn nut mushroom seed flower rose tulip leaf pebble marble magnet
compass telescope hammer needle thread net jar bottle medal mask cape bowl""".split()

# Where a hero lives, ready to follow "lived".
HOMES = """in a small village|in a quiet forest|in a green valley|in a little town by the sea|in a big old garden
|near a deep blue lake|on a windy hill|in a sunny meadow|on a snowy mountain|in a busy city|on a tiny island
|on a farm with a red barn|in a castle on a hill|in a house with a blue door|in a cave behind a waterfall
|in a hollow tree|in a wooden hut|by a river with round stones|near a beach with white sand|in a dark wood
|near a harbour full of boats|by a field of yellow flowers|in a town with narrow streets|in a mill by the stream
|in a tower with a hundred steps|in a jungle full of songs|at the edge of a wide desert
|in a cottage by the road""".replace("\n", "").split("|")

GOALS = [
    "the top of the hill", "the old bridge", "the edge of the forest", "the big oak tree", "the market",
    "the lighthouse", "the far side of the lake", "the little red house", "the mountain path", "the sleepy river",
    "the stone well", "the garden gate", "the empty barn", "the round pond", "the quiet beach", "the tall tower",
]

TRAITS = """small young clever shy brave kind curious gentle lazy cheerful quiet careful proud lonely hungry sleepy
friendly patient funny silly busy honest little wise merry""".split()

LOOKS = """red blue green yellow golden silver tiny old new shiny round striped soft wooden paper warm bright
magic heavy light pretty""".split()

FEELINGS = """happy glad proud pleased cheerful merry""".split()

WEATHERS = [
    "The sun was shining", "A soft rain was falling", "The wind was blowing", "Snow lay on the ground",
    "The sky was full of clouds", "The morning was cold and clear", "Fog hung over the grass", "The air smelled of flowers",
    "The leaves were turning red", "The night was full of stars", "It was a warm evening", "It was the first day of spring",
]

FOODS = """soup bread honey cheese berries pancakes porridge apples cookies cake nuts jam tea milk soup pie
dumplings noodles grapes plums""".split()

SOUNDS = """a bump|a tiny cry|a soft song|a loud splash|a strange buzz|a gentle tapping|a long whistle|a low hum
|a rustle|a happy laugh""".replace("\n", "").split("|")

# Plain words for the games of reversing and counting.
COMMON = """air arm art back bag ball bank bath bed bell bird boat body bone book bottle box boy bread bridge brother
bus cake car card cat chair child circle city class clock cloud coat coffee cold colour corn cow cup dance day desk
dinner dish doctor dog door dream dress drink dust ear earth east egg engine evening eye face fall family farm father
field finger fire fish floor flower food foot forest friend fruit game garden gate girl glass gold grass green group
hair hand hat head heart hill home horse hour house ice ink iron island jar jump kitchen knee knife lake lamp land leaf
leg letter light line lion list lock lunch map mark market meat milk mind mirror money moon morning mother mountain
mouse mouth music nail name neck nest night noise north nose number ocean oil orange page paint paper park path pen
pencil people piano picture place plane plant plate pocket point pond pool potato queen question rain ring river road
rock roof room root rope rose salt sand school sea seat seed shape sheep ship shirt shoe shop sister skin sky sleep
smile snow soap song sound south spoon spring square star station stone storm story street sugar summer sun table tail
tea teacher team time tooth town toy train tree truck uncle valley voice wall water wave week west wheel wind window
winter wolf woman wood word work world yard year zoo apple banana cherry lemon mango melon peach grape kiwi tomato
onion carrot pepper bean rice pasta soup sauce honey butter cheese cream red blue yellow black white brown pink purple
grey silver big small tall short long wide thin thick fast slow hot warm cool dry wet old new young happy sad kind
quiet loud soft hard heavy early late one two three four five six seven eight nine ten""".split()

SUBJECTS = """the cat|the dog|a bird|my sister|my brother|the old man|our teacher|the children|a small boy|the queen
|the farmer|two friends|the baker|a tall girl|his uncle|her mother|the driver|a happy clown|the sun|the wind|we|they
|she|he|I|you|everyone|nobody|the train|a red bus""".replace("\n", "").split("|")

VERBS = """sat|ran|sang|slept|waited|played|walked|laughed|jumped|danced|worked|looked|stopped|smiled|swam|talked
|read|cooked|painted|listened""".replace("\n", "").split("|")

ADVERBS = """quietly|slowly|quickly|happily|alone|together|again|outside|today|yesterday|often|loudly|well
|all day""".replace("\n", "").split("|")

WHERES = """on the mat|in the park|under a tree|near the river|by the door|at school|in the rain|on the roof
|behind the house|at home|in the kitchen|across the street|with a friend|over the hill|along the beach
|before dinner|after lunch|in the old garden""".replace("\n", "").split("|")

SYLLABLES = """ba be bo bu da de do du fa fi fo ga go ha hi ho ka ke ki ko la le li lo lu ma me mi mo mu na ne ni no nu
pa pe pi po ra re ri ro ru sa se si so ta te ti to tu va ve vi wa we za zo""".split()

UNITS = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen""".split()
TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()


NOUNS = COMMON[: COMMON.index("red")]  # colours, adjectives and numbers follow


def number_word(n):
    """English word for 0 <= n <= 99, such as "forty-two"."""
    if n < 20:
        return UNITS[n]
    return TENS[n // 10] + ("-" + UNITS[n % 10] if n % 10 else "")


def made_up_word(rng):
    """A pronounceable word that is in no list, so that copying is learnt and not a vocabulary."""
    end = rng.choice("dgklmnprst") if rng.random() < 0.4 else ""
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 3))) + end


def with_article(phrase):
    """"an owl", "a fox"; it goes by sound: "a unicorn", "an honest girl"."""
    word = phrase.lower()
    vowel = word.startswith(("a", "e", "i", "o", "u", "hour", "honest")) and not word.startswith(("uni", "use", "one"))
    return ("an " if vowel else "a ") + phrase


def upper_first(text):
    """First letter in upper case, the rest unchanged."""
    return text[:1].upper() + text[1:]
