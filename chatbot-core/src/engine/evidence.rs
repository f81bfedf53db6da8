//! Whether what was found can answer at all.
//!
//! Decided on how much of the question the best passage covers, never on a retrieval score: scores grow with the
//! corpus, coverage does not, so that one file with one sentence answers its own question and a million passages do
//! not answer a foreign one.

use std::collections::HashSet;

use crate::text::{analyse, detect_language, query_terms};
use crate::traits::TermEvidence;
use crate::types::{Language, Source};

/// The least share of a question's weight that its best passage must cover.
const MIN_SCORE: f32 = 0.45;

/// What speaks for an answer in what was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Evidence {
    /// 0–1: how much of the question the best passage covers.
    pub(crate) score: f32,
    /// Whether that is enough.
    pub(crate) answerable: bool,
}

/// Judges what was found for a question. `terms` may be empty where a retriever knows none.
pub(crate) fn assess(question: &str, sources: &[Source], terms: &[TermEvidence]) -> Evidence {
    let weighed = weighed(question, terms);
    let total: f32 = weighed.iter().map(|term| term.weight).sum();
    let score = sources.iter().map(|source| covered(&weighed, source)).fold(0.0, f32::max)
        / total.max(f32::EPSILON);
    Evidence { score, answerable: score >= MIN_SCORE }
}

#[derive(Debug)]
struct Weighed {
    surface: String,
    stems: Vec<String>,
    weight: f32,
}

fn weighed(question: &str, terms: &[TermEvidence]) -> Vec<Weighed> {
    if terms.is_empty() {
        let terms = query_terms(question).into_iter();
        return terms
            .map(|term| Weighed { surface: term.surface, stems: term.stems, weight: 1.0 })
            .collect();
    }
    terms
        .iter()
        .map(|term| Weighed {
            surface: term.surface.clone(),
            stems: term.stems.clone(),
            weight: 1.0,
        })
        .collect()
}

fn covered(terms: &[Weighed], source: &Source) -> f32 {
    let language = detect_language(&source.text);
    let analysed = analyse(
        &[&source.title, source.heading.as_deref().unwrap_or_default(), &source.text],
        language.as_ref(),
    );
    let surfaces: HashSet<_> = analysed.surfaces().split(' ').collect();
    let stems: HashSet<_> = analysed.stems().split(' ').collect();
    let has = |term: &&Weighed| {
        surfaces.contains(term.surface.as_str())
            || term.stems.iter().any(|stem| stems.contains(stem.as_str()))
    };
    terms.iter().filter(has).map(|term| term.weight).sum()
}

/// Says that the documents do not hold the answer, in the language of the question where it is one of the common ones.
pub(crate) fn not_in_documents(language: Option<&Language>) -> &'static str {
    match language.map_or("eng", Language::as_str) {
        "spa" => "Los documentos no contienen una respuesta a esta pregunta.",
        "fra" => "Les documents ne contiennent pas de réponse à cette question.",
        "deu" => "Die Dokumente enthalten keine Antwort auf diese Frage.",
        "ita" => "I documenti non contengono una risposta a questa domanda.",
        "por" => "Os documentos não contêm uma resposta a esta pergunta.",
        "nld" => "De documenten bevatten geen antwoord op deze vraag.",
        "pol" => "Dokumenty nie zawierają odpowiedzi na to pytanie.",
        "swe" => "Dokumenten innehåller inget svar på den här frågan.",
        "tur" => "Belgelerde bu sorunun yanıtı yok.",
        "rus" => "В документах нет ответа на этот вопрос.",
        "ukr" => "У документах немає відповіді на це запитання.",
        "ara" => "لا تحتوي المستندات على إجابة لهذا السؤال.",
        "hin" => "दस्तावेज़ों में इस प्रश्न का उत्तर नहीं है।",
        "cmn" => "文档中没有这个问题的答案。",
        "jpn" => "文書にはこの質問の答えがありません。",
        "kor" => "문서에 이 질문에 대한 답이 없습니다.",
        _ => "The documents do not hold an answer to this question.",
    }
}
