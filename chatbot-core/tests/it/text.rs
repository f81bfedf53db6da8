//! Texts in many languages: a question finds the passage it is about by its terms.

use chatbot_core::text::{analyse, detect_language, query_terms, sentences};

/// A passage, and a question that shares no longer word with it than its stem.
const PAIRS: [(&str, &str, &str); 12] = [
    (
        "eng",
        "The warranties of all machines were extended by the manufacturers.",
        "warranty of a machine",
    ),
    (
        "deu",
        "Die Garantien der Maschinen wurden von den Herstellern verlängert.",
        "Garantie der Maschine",
    ),
    (
        "fra",
        "Les garanties des machines ont été prolongées par les fabricants.",
        "fabricant de la machine",
    ),
    (
        "spa",
        "Las garantías de las máquinas fueron ampliadas por los fabricantes.",
        "garantía de la máquina",
    ),
    (
        "ita",
        "Le garanzie delle macchine sono state estese dai produttori.",
        "garanzia della macchina",
    ),
    ("por", "As garantias das máquinas foram ampliadas pelos fabricantes.", "garantia da máquina"),
    (
        "nld",
        "De garanties van de machines werden door de fabrikanten verlengd.",
        "fabrikant van de machines",
    ),
    (
        "swe",
        "Garantierna för maskinerna förlängdes av tillverkarna och det var bra.",
        "garanti för en maskin",
    ),
    (
        "rus",
        "Гарантии на машины были продлены производителями, и это было хорошо.",
        "гарантия на машину",
    ),
    ("cmn", "制造商延长了所有机器的保修期。", "机器的保修期有多长？"),
    ("jpn", "すべての機械の保証は製造業者によって延長されました。", "機械の保証は？"),
    ("tha", "ผู้ผลิตได้ขยายการรับประกันเครื่องจักรทั้งหมด", "การรับประกันเครื่องจักร"),
];

#[test]
fn a_question_finds_inflected_words_in_its_language() {
    for (language, passage, question) in PAIRS {
        let detected = detect_language(passage);
        assert_eq!(detected.as_ref().map(|l| l.as_str()), Some(language), "{passage}");
        let terms = analyse(&[passage], detected.as_ref());
        let has = |stem: &String| terms.stems().split(' ').any(|known| known == stem);
        let found = query_terms(question).iter().filter(|term| term.stems.iter().any(has)).count();
        assert!(found >= 2, "{language}: {:?} in {}", query_terms(question), terms.stems());
    }
}

#[test]
fn foreign_words_in_a_passage_are_found_too() {
    let passage = "公司使用 Kubernetes clusters 部署。";
    let terms = analyse(&[passage], detect_language(passage).as_ref());
    for term in query_terms("cluster of Kubernetes") {
        assert!(terms.stems().split(' ').any(|known| term.stems.iter().any(|stem| stem == known)));
    }
}

#[test]
fn hostile_texts_are_analysed_in_bounds() {
    let zalgo: String =
        std::iter::once('a').chain(std::iter::repeat_n('\u{301}', 100_000)).collect();
    let texts = [
        "\0".repeat(100_000),
        "é".repeat(200_000),
        zalgo,
        ".".repeat(200_000),
        "a.".repeat(100_000),
        "\n".repeat(200_000),
    ];
    for text in texts {
        let terms = analyse(&[&text], detect_language(&text).as_ref());
        assert!(terms.surfaces().len() <= 3 * text.len());
        let spans = sentences(&text);
        assert!(spans.windows(2).all(|pair| pair[0].end <= pair[1].start));
        assert!(query_terms(&text).len() <= 128);
    }
}
