//! The report as one HTML file: no script, nothing from elsewhere, each chart with its table.

use std::fmt::Write as _;

use super::baseline::Baseline;
use super::charts::{chart, escaped};
use super::conclude::Shown;
use super::entry::{Entry, Figure, Role, sets};

/// Colours in light and dark, and the look of tables and charts.
const STYLE: &str = include_str!("page.css");

/// Less than this is the same number as printed.
const SAME: f64 = 5e-5;

/// The whole page.
pub(super) fn page(entries: &[Entry], baseline: Option<&Baseline>, shown: &Shown) -> String {
    let mut body = head(entries, baseline, shown);
    for figure in shown.charts {
        if entries.iter().any(|entry| entry.value(figure).is_some()) {
            let _ = write!(
                body,
                "<section><h2>{figure}</h2>{}{}</section>",
                chart(entries, baseline, figure),
                folded(&matrix(entries, baseline, figure))
            );
        }
    }
    let is_time = |figure: &Figure| figure.role == Role::Time;
    if entries.iter().flat_map(|entry| &entry.figures).any(is_time) {
        let note = "Milliseconds on the machine that ran this; not to be compared with another's.";
        body += &section("Latency", note, &table(entries, baseline, is_time));
    }
    let note = "Every figure. “-” where a set has no question that the figure is about.";
    body += &section("All figures", note, &table(entries, baseline, |figure| !is_time(figure)));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n",
        title = shown.title,
    )
}

fn head(entries: &[Entry], baseline: Option<&Baseline>, shown: &Shown) -> String {
    let asked: Vec<_> = sets(entries)
        .into_iter()
        .map(|set| {
            let n = entries.iter().find(|entry| entry.set == set).map_or(0, |one| one.n_queries);
            format!("{} ({n} questions)", escaped(set))
        })
        .collect();
    let mark = match baseline {
        Some(_) => {
            "<p class=\"soft\">The stroke across a bar is the baseline; the small number in a table is the difference to it.</p>"
        }
        None => "",
    };
    format!(
        "<header><h1>{}</h1><p class=\"soft\">{}. chatbot {}.</p>{mark}</header>",
        shown.title,
        asked.join(", "),
        env!("CARGO_PKG_VERSION")
    )
}

fn section(title: &str, note: &str, table: &str) -> String {
    format!(
        "<section><h2>{title}</h2><p class=\"soft\">{note}</p><div class=\"wide\">{table}</div></section>"
    )
}

fn folded(table: &str) -> String {
    format!("<details><summary>As a table</summary><div class=\"wide\">{table}</div></details>")
}

/// One figure: a row for each set, a column for each strategy.
fn matrix(entries: &[Entry], baseline: Option<&Baseline>, name: &str) -> String {
    let strategies = super::entry::strategies(entries);
    let mut table = String::from("<table><thead><tr><th scope=\"col\">set</th>");
    for strategy in &strategies {
        let _ = write!(table, "<th scope=\"col\">{}</th>", strategy.as_str());
    }
    table += "</tr></thead><tbody>";
    for set in sets(entries) {
        let _ = write!(table, "<tr><th scope=\"row\">{}</th>", escaped(set));
        for strategy in &strategies {
            let entry = entries.iter().find(|one| one.set == set && one.strategy == *strategy);
            table += &entry.map_or_else(|| "<td></td>".to_owned(), |one| cell(one, baseline, name));
        }
        table += "</tr>";
    }
    table + "</tbody></table>"
}

/// Several figures: a row for each set and strategy, a column for each figure.
fn table(
    entries: &[Entry],
    baseline: Option<&Baseline>,
    wanted: impl Fn(&Figure) -> bool,
) -> String {
    let first = entries.first().map(|entry| entry.figures.as_slice()).unwrap_or_default();
    let names: Vec<_> = first.iter().filter(|one| wanted(one)).map(|one| one.name).collect();
    let mut table = String::from(
        "<table><thead><tr><th scope=\"col\">set</th><th scope=\"col\" class=\"left\">strategy</th>",
    );
    for name in &names {
        let _ = write!(table, "<th scope=\"col\">{name}</th>");
    }
    table += "</tr></thead><tbody>";
    for entry in entries {
        let (set, strategy) = (escaped(&entry.set), entry.strategy.as_str());
        let _ = write!(table, "<tr><th scope=\"row\">{set}</th><th scope=\"row\">{strategy}</th>");
        for name in &names {
            table += &cell(entry, baseline, name);
        }
        table += "</tr>";
    }
    table + "</tbody></table>"
}

/// A figure, and below it what changed since the baseline.
fn cell(entry: &Entry, baseline: Option<&Baseline>, name: &str) -> String {
    let Some(figure) = entry.figure(name) else { return "<td></td>".to_owned() };
    let then = baseline.and_then(|baseline| baseline.value(entry, name));
    let change = figure.value.zip(then).map(|(now, then)| now - then);
    let change = change.map(|change| difference(change, figure.role)).unwrap_or_default();
    format!("<td>{}{change}</td>", figure.text())
}

fn difference(change: f64, role: Role) -> String {
    if change.abs() < SAME {
        return "<small>±0</small>".to_owned();
    }
    let (arrow, is_better) = (
        if change > 0.0 { "▲" } else { "▼" },
        match role {
            Role::Higher => Some(change > 0.0),
            Role::Lower => Some(change < 0.0),
            Role::Told | Role::Time => None,
        },
    );
    let class = match is_better {
        Some(true) => " class=\"better\"",
        Some(false) => " class=\"worse\"",
        None => "",
    };
    let digits = if role == Role::Time { 1 } else { 4 };
    format!("<small{class}>{arrow} {change:+.digits$}</small>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatbot_core::types::Strategy;
    use serde_json::json;

    const SHOWN: Shown =
        Shown { title: "Retrieval", charts: &["ndcg@10", "none"], names_strategy: true };

    fn entry(set: &str, strategy: Strategy, ndcg: f64) -> Entry {
        Entry {
            set: set.to_owned(),
            strategy,
            n_queries: 3,
            figures: vec![Figure::higher("ndcg@10", ndcg), Figure::time("p50_ms", 1.25)],
        }
    }

    #[test]
    fn a_page_stands_alone_and_shows_each_figure() {
        let entries =
            [entry("<town> & sea", Strategy::Lexical, 0.5), entry("b", Strategy::Auto, 0.75)];
        let page = page(&entries, None, &SHOWN);
        for foreign in ["http://", "https://", "<script", "<link", "url(", "@import", "src="] {
            assert!(!page.contains(foreign), "{foreign}");
        }
        assert!(page.contains("&lt;town&gt; &amp; sea") && !page.contains("<town>"));
        assert_eq!(page.matches("<svg").count(), 1, "a figure that nobody measured has no chart");
        assert_eq!(page.matches("<details>").count(), 1, "each chart has a table");
        assert_eq!(page.matches("<rect").count(), 2);
        assert!(page.contains("width=\"405.0\""), "three quarters of the full length");
        assert!(page.contains("prefers-color-scheme: dark") && !page.contains("class=\"then\""));
    }

    #[test]
    fn a_page_says_what_changed() {
        let former = json!({"set": "town", "strategy": "lexical", "queries": 3, "ndcg@10": 0.6});
        let baseline = Baseline::parse(former).unwrap();
        let entries = [entry("town", Strategy::Lexical, 0.5)];
        let page = page(&entries, Some(&baseline), &SHOWN);
        assert!(page.contains("<small class=\"worse\">▼ -0.1000</small>"));
        assert!(page.contains("class=\"then\""));
        assert_eq!(difference(0.1, Role::Lower), "<small class=\"worse\">▲ +0.1000</small>");
        assert_eq!(difference(0.1, Role::Higher), "<small class=\"better\">▲ +0.1000</small>");
        assert_eq!(difference(-2.0, Role::Time), "<small>▼ -2.0</small>");
        assert_eq!(difference(0.00001, Role::Higher), "<small>±0</small>");
    }
}
