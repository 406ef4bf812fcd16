"""The phones of the Montreal Forced Aligner's own dictionaries become what `text.phones` says of the language."""

import pytest

from blocks.common.phones import PHONES, from_mfa, stressless

# All phones of english_us_mfa and english_mfa 3.1.0, spanish_spain_mfa and spanish_latin_america_mfa 3.3.0, russian_mfa 3.1.0,
# as their cards list them (github.com/MontrealCorpusTools/mfa-models, dictionary/).
MFA = {
    "en": "a aj aw aː b bʲ c cʰ cʷ d dʒ dʲ d̪ e ej eː f fʲ h i iː j k kp kʰ kʷ l m mʲ m̩ n n̩ o ow oː p pʰ pʲ pʷ s t tʃ tʰ tʲ tʷ t̪ u uː v vʲ w z "
    "æ ç ð ŋ ɐ ɑ ɑː ɒ ɒː ɔ ɔj ɖ ə əw ɚ ɛ ɛː ɜ ɜː ɝ ɟ ɟʷ ɡ ɡʷ ɪ ɫ ɫ̩ ɱ ɲ ɹ ɾ ɾʲ ɾ̃ ʃ ʈ ʈʲ ʈʷ ʉ ʉː ʊ ʋ ʎ ʒ ʔ θ",
    "es": "a ã b c d̪ e ẽ f h i ĩ j k l m n o õ p r s tʃ t̪ u ũ v w x z ç ð ŋ ɟ ɟʝ ɡ ɣ ɱ ɲ ɾ ʃ ʎ ʝ β θ",
    "ru": "a b bʲ bʲː bː c cː dzʲː dʐː dʲ dʲː d̪ d̪z̪ d̪z̪ː d̪ː e f fʲ fʲː fː i j jː k kː m mʲ mʲː mː n̪ n̪ː o p pʲ pʲː pː r rʲ rʲː rː sʲ sʲː s̪ "
    "s̪ː tsʲ tɕ tɕː tʂ tʂː tʲ tʲː t̪ t̪s̪ t̪s̪ː t̪ː u v vʲ vʲː vː x xː zʲ zʲː z̪ z̪ː æ ç ɐ ɕ ɕː ə ɛ ɟ ɟː ɡ ɡː ɣ ɨ ɪ ɫ ɫː ɲ ɲː ɵ ʂ ʂː ʉ ʊ ʎ ʎː ʐ ʐː ʑː",
}
# What `text.phones` says in these languages, without stress.
OURS = {
    "en": "p b t d k ɡ f v θ ð s z ʃ ʒ h t͡ʃ d͡ʒ m n ŋ l ɹ w j n̩ l̩ m̩ i ɪ ɛ æ ɑ ɔ ʊ u ʌ ə ɚ eɪ aɪ ɔɪ aʊ oʊ əʊ",
    "es": "p b t d k ɡ f θ s x t͡ʃ m n ɲ l ʎ ʝ r ɾ w j i e a o u",
    "ru": "p b t d k ɡ f v s z x ʂ ʐ t͡s t͡ɕ ɕː m n l r j pʲ bʲ tʲ dʲ kʲ ɡʲ fʲ vʲ sʲ zʲ xʲ mʲ nʲ lʲ rʲ i e a o u ɨ",
}


@pytest.mark.parametrize("language", MFA)
def test_every_phone_of_its_dictionaries_is_one_that_we_say(language):
    found = {symbol: from_mfa(symbol, f"{language}-XX") for symbol in MFA[language].split()}
    assert {symbol: phone for symbol, phone in found.items() if phone not in OURS[language].split()} == {}


@pytest.mark.parametrize(
    ("symbol", "language", "want"),
    [("tʰ", "en", "t"), ("aj", "en", "aɪ"), ("ow", "en", "oʊ"), ("cʰ", "en", "k"), ("c", "ru", "kʲ"), ("t̪s̪ː", "ru", "t͡s"),
     ("ʎː", "ru", "lʲ"), ("ɕː", "ru", "ɕː"), ("tɕː", "ru", "t͡ɕ"), ("ɟʝ", "es", "ʝ"), ("õ", "es", "o"), ("aː", "de", "aː"), ("tʰ", "de", "t")],
)  # fmt: skip
def test_softness_length_and_breath_are_read_by_language(symbol, language, want):
    assert from_mfa(symbol, language) == want
    assert stressless(want) in PHONES


@pytest.mark.parametrize("symbol", ["HH", "spn", "a˥", "tʃa", ""])
def test_what_is_none_of_them_is_refused(symbol):
    with pytest.raises(KeyError):
        from_mfa(symbol, "en")
