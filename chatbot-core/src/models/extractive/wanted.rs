//! What kind of answer a question wants, and whether a sentence holds one.
//!
//! Question words of the languages that are asked in most; a question in another language wants anything.

use crate::text::TermSet;

/// The kind of thing a question asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A number.
    Figure,
    /// A point in time.
    Time,
    /// A person, a place, a thing with a name.
    Name,
    /// Anything else.
    Any,
}

const TIME: &[&str] = &[
    "when",
    "what year",
    "which year",
    "what century",
    "what date",
    "what day",
    "what month",
    "what decade",
    "cuándo",
    "qué año",
    "qué fecha",
    "qué siglo",
    "quand",
    "quelle année",
    "wann",
    "welchem jahr",
    "quando",
    "che anno",
    "que ano",
    "когда",
    "каком году",
    "何时",
    "什么时候",
    "哪一年",
    "哪年",
    "什么时间",
    "几月",
    "いつ",
    "何年",
];

const FIGURE: &[&str] = &[
    "how many",
    "how much",
    "how long",
    "how old",
    "how far",
    "how large",
    "how big",
    "how often",
    "what percent",
    "what percentage",
    "what number",
    "cuántos",
    "cuántas",
    "cuánto",
    "cuánta",
    "qué porcentaje",
    "combien",
    "wie viele",
    "wie viel",
    "quanti",
    "quante",
    "quanto",
    "quantos",
    "quantas",
    "сколько",
    "多少",
    "几个",
    "几次",
    "几位",
    "百分比",
    "多长",
    "多大",
    "いくつ",
    "何人",
    "どのくらい",
];

const NAME: &[&str] = &[
    "who",
    "whom",
    "whose",
    "where",
    "which",
    "what city",
    "what country",
    "what company",
    "what team",
    "quién",
    "quiénes",
    "dónde",
    "qué ciudad",
    "qué país",
    "qui",
    "où",
    "wer",
    "wem",
    "wen",
    "wo",
    "chi",
    "dove",
    "quem",
    "onde",
    "кто",
    "где",
];

impl Wanted {
    /// What `question` wants.
    pub(super) fn by(question: &str) -> Self {
        let question = question.to_lowercase();
        let asks = |phrases: &[&str]| phrases.iter().any(|phrase| holds_phrase(&question, phrase));
        match () {
            () if asks(TIME) => Self::Time,
            () if asks(FIGURE) => Self::Figure,
            () if asks(NAME) => Self::Name,
            () => Self::Any,
        }
    }

    /// Whether `sentence` holds such a thing that the question does not hold itself.
    pub(super) fn is_in(self, sentence: &str, question: &TermSet) -> bool {
        let words =
            || sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
        let is_new = |word: &str| !question.has(&word.to_lowercase(), &[]);
        match self {
            Self::Figure => words().any(|word| is_figure(word) && is_new(word)),
            Self::Time => words().any(|word| is_time(word) && is_new(word)),
            Self::Name => words().skip(1).any(|word| is_name(word) && is_new(word)),
            Self::Any => false,
        }
    }
}

/// Whether `phrase` stands in `text` as words; in scripts without spaces, anywhere.
pub(super) fn holds_phrase(text: &str, phrase: &str) -> bool {
    let bounded = phrase.chars().next().is_some_and(|c| c < '\u{2E80}');
    let is_edge = |c: Option<char>| !bounded || c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(phrase).any(|(at, found)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(at + found.len()..).and_then(|after| after.chars().next());
        is_edge(before) && is_edge(after)
    })
}

const FIGURE_WORDS: &[&str] = &[
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "dozen", "hundred", "thousand", "million", "billion", "half", "third", "quarter",
    "once", "twice", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve", "diez",
    "cien", "mil", "millones", "deux", "trois", "quatre", "cinq", "zwei", "drei", "vier", "fünf",
];

fn is_figure(word: &str) -> bool {
    word.contains(char::is_numeric)
        || word.contains(|c| "一二三四五六七八九十百千万亿两".contains(c))
        || FIGURE_WORDS.contains(&word.to_lowercase().as_str())
}

const TIME_WORDS: &[&str] = &[
    "century",
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "siglo",
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
];

fn is_time(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    (3..=4).contains(&digits)
        || word.contains(['年', '月', '日'])
        || TIME_WORDS.contains(&word.to_lowercase().as_str())
}

fn is_name(word: &str) -> bool {
    word.starts_with(char::is_uppercase)
}
