"""English words that are written alike: what their neighbours tell, where gruut's tagger errs or no part of speech can."""

import re
from collections.abc import Sequence

_BE = ("be", "is", "are", "am", "was", "were", "been", "being")
_OBJECT = frozenset("a an the my your his its our their this that every no some any".split())  # stand before a noun
_VERB = frozenset(
    "to will would can could shall should may might must do does did don't doesn't didn't won't can't cannot couldn't "
    "let's please i'll we'll you'll they'll he'll she'll".split()
)
_SUBJECT = frozenset("i we they you who which".split())
_NOUNS = frozenset(["NN", "JJ"])
_BEFORE_TO = frozenset("due prior thanks owing access next close related".split())  # a noun comes behind their `to`
# Phones of a word by the words before and behind it: the first that fits.
_BESIDE: dict[str, list[tuple[str, str, str]]] = {
    "lead": [
        (
            "",
            "(?:poisoning|paint|pipes?|pencils?|acid|shot|ore|mines?|mining|bullets?|glass|oxide|weights?|"
            r"crystal|batter\w+|balls?|sheets?|roof\w*|coffins?|solder|exposure|,? ?(?:and|or) (?:zinc|copper|tin|"
            r"silver|mercury|arsenic|cadmium|iron|gold))\b",
            "l ˈɛ d",
        ),
        ("^", r"(?:is a|is the|is toxic|can|has)\b", "l ˈɛ d"),
        (
            "(?:(?:zinc|copper|tin|silver|mercury|arsenic|cadmium|iron|gold),? (?:and |or )?|molten |free of |"
            "contains |contain |containing |made of |(?:grams|ounces|tons|levels|traces|amounts) of |exposed to )",
            "",
            "l ˈɛ d",
        ),
    ],
    "bass": [
        ("(?:sea |striped |black |largemouth |smallmouth |caught a |catch a |grilled |fried )", "", "b ˈæ s"),
        ("", r"(?:fishing|boat|anglers?|fillets?)\b", "b ˈæ s"),
    ],
    "content": [
        (
            r"(?:(?:made|makes?|keeps?|kept) (?:me|him|her|us|them|you) |(?:am|are|is|was|were|be|been|quite|very|perfectly|"
            r"feels?|felt|seems?|seemed|more) )",
            r"(?:$|[.,;:!?]|with|to|in|and|as)(?:\W|$)",
            "k ə n t ˈɛ n t",
        ),
    ],
    "desert": [
        (
            "(?:soldiers |troops |men |they |we |you |i |who |not |never |will |would |to )",
            r"(?:$|[.,;!?]|the|their|his|her|him|me|us|them|you|from|in)(?:\W|$)(?<!to the)",
            "d ɪ z ˈɚ t",
        ),
    ],
    "bow": [
        (
            "(?:bulbous |port |starboard |ship's |took a |take a |her |the )",
            "(?:and stern|of (?:the|a|his|her|our) (?:ship|boat|vessel|canoe)|wave|thruster|gun|torpedo|doors?)",
            "b ˈaʊ",
        ),
        ("(?:bulbous |port |starboard |ship's |took a |take a |from )", "", "b ˈaʊ"),
    ],
    "axes": [
        (
            "(?:x|y|z|two|three|four|both|optical|major|minor|principal|coordinate|symmetry|reflection|"
            r"orthogonal|rotation\w*) ",
            "",
            "ˈæ k s i z",
        ),
        ("", r"of (?:symmetry|rotation|the)\b", "ˈæ k s i z"),
    ],
    "celtic": [
        (
            "(?:boston |cork |glasgow |at |for |joined |against |guided )",
            r"(?:$|[.,;:]|fans|park|f c|fc|in\b|to\b|and\b|on\b|for\b|v\b)",
            "s ˈɛ l t ɪ k",
        ),
        ("", r"(?:fans|fc|f c|park|supporters|players?|manager)\b", "s ˈɛ l t ɪ k"),
    ],
    "tear": [
        ("", r"(?:gas|ducts?|drops?|stains?|jerker|film)\b", "t ˈɪ ɹ"),
        ("(?:wear and |acl |muscle |ligament |meniscus )", "", "t ˈɛ ɹ"),
        (
            "(?:a|the) ",
            "in (?:the |my |his |her |its )?(?:fabric|paper|cloth|muscle|ligament|sail|page|shirt|jeans|net|seam|"
            "material)",
            "t ˈɛ ɹ",
        ),
    ],
    "wound": [
        ("", r"(?:up|around|round|through|down|from|onto|tightly|back|its way)\b", "w ˈaʊ n d"),
    ],
    "aged": [
        (
            "",
            "(?:between|about|around|just|only|over|under|from|(?:(?:twen|thir|for|fif|six|seven|eigh|nine)ty|"
            r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen)\b)",
            "ˈeɪ d͡ʒ d",
        ),
    ],
    "learned": [
        (
            "(?:a |the |most |very |how |and |his |many )",
            r"(?:society|societies|man|men|monarchs?|scholars?|friend|judge|counsel|journals?|academ\w+|of)\b",
            "l ˈɚ n ɪ d",
        ),
        ("", "", "l ˈɚ n d"),
    ],
    "blessed": [
        ("(?:the |our |of |this )", "(?!by|with|on|in|him|her|it)", "b l ˈɛ s ɪ d"),
        ("", r"(?:virgin|sacrament|mother|trinity|are)\b", "b l ˈɛ s ɪ d"),
    ],
    "live": [
        ("", r"(?:and let live|happily|forever|alone|together|there|here)\b", "l ˈɪ v"),
        ("let ", "", "l ˈɪ v"),
        (
            "",
            "(?:at|from|album|music|concert|broadcast|show|shows|streams?|coverage|version|performance|action|tv|"
            r"television|on (?:air|tv|television|stage))\b(?! (?:home|least|here))",
            "l ˈaɪ v",
        ),
    ],
    "winds": [
        ("", r"(?:through|up|down|around|along|its|back|past|into|across)\b", "w ˈaɪ n d z"),
        ("", "", "w ˈɪ n d z"),
    ],
    "invalid": [
        (
            "(?:an |the |his |her |my |permanent |chronic )",
            r"(?:$|[.,;]|who\b|and\b|wife|mother|father|sister|son|brother|husband|chair)",
            "ˈɪ n v ə l ɪ d",
        ),
        ("", "", "ɪ n v ˈæ l ɪ d"),
    ],
    "lives": [
        ("(?:he |she |it |who |that |which |nobody |everyone |[a-z]+ )", r"(?:in|with|near|at|alone|here|there)\b", ""),
    ],
    "minute": [
        (
            "",
            r"(?:details?|amounts?|quantit\w+|traces?|particles?|differences?|fractions?|variations?)\b",
            "m aɪ n ˈu t",
        ),
    ],
    "dove": [
        ("(?:he |she |they |we |i |it )", "", "d ˈoʊ v"),
    ],
    "read": [
        ("(?:i |we |you |they )", r".*\b(?:every|each|daily|always|usually|often|aloud to)\b", "ɹ ˈi d"),
        ("(?:^|please |let's |not |can |to )", "", "ɹ ˈi d"),
    ],
    "refuse": [
        ("", r"(?:collect\w*|bins?|bags?|trucks?|dumps?|disposal|tips?|heaps?|sacks?)\b", "ɹ ˈɛ f j u s"),
    ],
    "close": [
        (
            "(?!.*(?:to|will|must|can|please|not) $)",
            r"(?:to|by|enough|together|friends?|relati\w+|call|call|proximity|ties|attention|up)\b",
            "k l ˈoʊ s",
        ),
    ],
    "multiply": [
        ("", r"(?:injured|handicapped|disabled|charged|connected|transitive|imputed)\b", "m ˈʌ l t ɪ p l i"),
    ],
}
_TABLE = {
    word: [(re.compile(f"{before}$" if before else ""), re.compile(after), said) for before, after, said in rows]
    for word, rows in _BESIDE.items()
}
# In capitals inside a sentence: names, which the same letters are not.
_NAMES = {
    "nestle": "n ˈɛ s l i",
    "polish": "p ˈoʊ l ɪ ʃ",
    "august": "ˈɔ ɡ ə s t",
    "ravel": "ɹ ə v ˈɛ l",
    "reading": "ɹ ˈɛ d ɪ ŋ",
}


def retagged(words: Sequence[str], tags: Sequence[str]) -> list[str]:
    """Tags of a sentence: a verb behind a determiner is a noun, a noun behind `to` and auxiliaries a verb."""
    made = list(tags)
    for at in range(1, len(made)):
        before = words[at - 1].lower()
        adverb = at > 1 and tags[at - 1] == "RB" and before.endswith("ly") and words[at - 2].lower() in _VERB
        if before in _OBJECT and made[at] in ("VB", "VBP"):
            made[at] = "NN"
        elif made[at] in _NOUNS and not (at > 1 and words[at - 2].lower() in _BEFORE_TO):
            shared = (
                before in ("and", "or") and at > 1 and made[at - 2] in ("VB", "VBP") and tags[at + 1 : at + 2] != ["IN"]
            )
            many = tags[at - 1] == "NNS" and tags[at + 1 : at + 2] in (["DT"], ["PRP$"], ["RB"], ["PRP"])
            if before in _VERB or before in _SUBJECT or adverb or shared or many:
                made[at] = "VB"
    return made


def beside(words: Sequence[str], tags: Sequence[str], at: int) -> str:
    """``=`` and the phones of a word that its neighbours tell; nothing where they do not."""
    word = words[at].lower()
    if word == "used" and [later.lower() for later in words[at + 1 : at + 2]] == ["to"]:
        purpose = at and words[at - 1].lower() in _BE and tags[at + 2 : at + 3] == ["VB"]  # is used to cut
        return "" if purpose else "=j ˈu s t"
    if words[at][0].isupper() and word in _NAMES and (at or tags[at] not in ("VB", "VBG")):
        return f"={_NAMES[word]}"
    if word in _TABLE:
        before = "".join(f"{near.lower()} " for near in words[max(0, at - 3) : at])
        after = " ".join(near.lower() for near in words[at + 1 : at + 6])
        for left, right, said in _TABLE[word]:
            if left.search(before) and right.match(after):
                return f"={said}" if said else "VBZ"
    return ""
