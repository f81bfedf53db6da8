//! Figures side by side for a terminal: a block for each set, a row for each figure, a column for each strategy.

use super::entry::Entry;

/// The width of the figures' names; the longest is "abstained_unanswerable".
const NAME_WIDTH: usize = 24;

/// The least width of a column, in characters.
const COLUMN_WIDTH: usize = 12;

/// The lines of the table.
pub(super) fn lines(entries: &[Entry]) -> Vec<String> {
    let mut lines = Vec::new();
    for set in super::entry::sets(entries) {
        let of_set: Vec<_> = entries.iter().filter(|entry| entry.set == set).collect();
        if !lines.is_empty() {
            lines.push(String::new());
        }
        let n_queries = of_set.first().map_or(0, |entry| entry.n_queries);
        lines.push(format!("{set}, {n_queries} questions"));
        let heads = of_set.iter().map(|entry| entry.strategy.as_str().to_owned());
        lines.push(row("", heads));
        for figure in of_set.first().iter().flat_map(|entry| &entry.figures) {
            let cells = of_set.iter().map(|entry| {
                entry.figure(figure.name).map_or_else(String::new, super::entry::Figure::text)
            });
            lines.push(row(figure.name, cells));
        }
    }
    lines
}

fn row(name: &str, cells: impl Iterator<Item = String>) -> String {
    let cells = cells.map(|cell| format!("{cell:>COLUMN_WIDTH$}"));
    format!("{name:<NAME_WIDTH$}{}", cells.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::super::entry::Figure;
    use super::*;
    use chatbot_core::types::Strategy;

    #[test]
    fn strategies_stand_side_by_side() {
        let entry = |set: &str, strategy, value: f64| Entry {
            set: set.to_owned(),
            strategy,
            n_queries: 3,
            figures: vec![Figure::higher("ndcg@10", value), Figure::time("p50_ms", 1.25)],
        };
        let entries = [
            entry("town", Strategy::Lexical, 0.5),
            entry("town", Strategy::Auto, 0.625),
            entry("sea", Strategy::Lexical, 1.0),
        ];
        let lines = lines(&entries);
        assert_eq!(lines[0], "town, 3 questions");
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["lexical", "auto"]);
        let cells: Vec<_> = lines[2].split_whitespace().collect();
        assert_eq!(cells, ["ndcg@10", "0.5000", "0.6250"]);
        assert_eq!((lines[4].as_str(), lines[5].as_str()), ("", "sea, 3 questions"));
        assert_eq!(lines[1].len(), lines[2].len(), "columns are aligned");
    }
}
