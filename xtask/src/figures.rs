//! `figures`: what `bench peers` measured, as tables and plots in the documentation.
//!
//! The page is written by people, but for the text between two marks, which is replaced. So no number gets there by hand.

use std::fmt::Write as _;
use std::fs;

use crate::json::Json;
use crate::plot::{Bar, Plot};
use crate::project::Project;
use crate::report::{Ended, Outcome, Report};

/// The page, below the workspace's root, and the folder of its plots.
const PAGE: &str = "docs/benchmarks.md";
const PLOTS: &str = "docs/benchmarks";

/// Fills the page from the files that `bench peers --json` wrote.
pub(crate) fn run(project: &Project, report: &mut Report, files: &[&str]) {
    for file in files {
        report.part("figures", || {
            let path = project.root.join(file);
            let io = |error: std::io::Error| format!("{file}: {error}");
            let json = Json::parse(&fs::read_to_string(path).map_err(io)?)?;
            println!("{file}");
            fill(project, &json)
        });
    }
}

fn fill(project: &Project, json: &Json) -> Outcome {
    let page = project.root.join(PAGE);
    let io = |error: std::io::Error| format!("{PAGE}: {error}");
    let mut text = fs::read_to_string(&page).map_err(io)?;
    fs::create_dir_all(project.root.join(PLOTS)).map_err(io)?;
    // These measured a release build alone, and are not wrapped in the name of a comparison.
    for (name, table) in [("hostile", hostile as fn(&Json) -> String), ("turns", turns)] {
        if json.get(name).is_some() {
            text = replaced(&text, name, &table(json))?;
            fs::write(page, text).map_err(io)?;
            return Ok(Ended::Passed);
        }
    }
    for (name, figures) in json.entries() {
        let (tables, plot) = match name.as_str() {
            "embedding" => (embedding(figures), embedding_plot(figures)),
            "fusion" => (fusion(figures), fusion_plot(figures)),
            "documents" => (documents(figures), documents_plot(figures)),
            _ => return Err(format!("nobody knows the figures `{name}`")),
        };
        let image = format!("![{name}](benchmarks/{name}.svg)");
        text = replaced(&text, name, &format!("{image}\n\n{tables}"))?;
        fs::write(project.root.join(PLOTS).join(format!("{name}.svg")), plot.svg()).map_err(io)?;
    }
    fs::write(page, text).map_err(io)?;
    Ok(Ended::Passed)
}

/// The page with other text between the marks of this name.
fn replaced(page: &str, name: &str, text: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- figures: {name} -->"), "<!-- end of figures -->");
    let parts = page.split_once(&begin).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(end)?;
        Some((before, after))
    });
    let (before, after) = parts.ok_or_else(|| format!("{PAGE} has no place for `{name}`"))?;
    Ok(format!("{before}{begin}\n\n{}\n\n{end}{after}", text.trim()))
}

/// Quality first, then passages per CPU-second under each condition, then what they ran on.
fn embedding(figures: &Json) -> String {
    let mut text = String::from(
        "| | mean cosine | worst cosine | needed | |\n| --- | --- | --- | --- | --- |\n",
    );
    for (name, of) in entries(figures, "quality") {
        let verdict =
            if of.get("passed").is_some_and(Json::holds) { "passed" } else { "not timed" };
        let cosine = |key| cell(of.get(key), 5);
        let (mean, worst) = (cosine("cosine_mean"), cosine("cosine_min"));
        let bar = cell(of.get("bar"), 4);
        let _ = writeln!(text, "| {name} | {mean} | {worst} | {bar} | {verdict} |");
    }
    text += "\nPassages per CPU-second, 1 thread: median (least–most).\n\n| | ";
    let blocks = items(figures, "blocks");
    for block in blocks {
        let mark = if is_disturbed(block) { " *" } else { "" };
        let _ = write!(text, "{}{mark} | ", condition(block));
    }
    let _ = writeln!(text, "\n| --- |{}", " --- |".repeat(blocks.len()));
    for (name, _) in blocks.first().map(|block| entries(block, "contestants")).unwrap_or_default() {
        let _ = write!(text, "| {name} | ");
        for block in blocks {
            let of = block.get("contestants").and_then(|all| all.get(name));
            let part = |key| cell(of.and_then(|of| of.get(key)), 1);
            let _ = write!(text, "{} ({}–{}) | ", part("median"), part("min"), part("max"));
        }
        text.push('\n');
    }
    if blocks.iter().any(is_disturbed) {
        text += "\n\\* Disturbed: another job used the machine, or a probe moved. To be measured again.\n";
    }
    text + &conditions(figures)
}

fn conditions(figures: &Json) -> String {
    let machine = figures.get("machine");
    let cpu = machine.and_then(|of| of.get("cpu")).and_then(Json::text).unwrap_or("?");
    let cores = cell(machine.and_then(|of| of.get("cores")), 0);
    let versions: Vec<_> = entries(figures, "versions")
        .iter()
        .map(|(name, version)| format!("{name} {}", version.text().unwrap_or("?")))
        .collect();
    let rounds = cell(figures.get("rounds"), 0);
    format!("\n{cpu}, {cores} cores; {rounds} rounds; {}.\n", versions.join(", "))
}

fn embedding_plot(figures: &Json) -> Plot {
    let mut plot = Plot::new("Passages per CPU-second, 1 thread");
    for block in items(figures, "blocks") {
        let bars = entries(block, "contestants")
            .iter()
            .filter_map(|(name, of)| Some(Bar::new(name, of.get("median")?.number()?, 1)));
        plot.group(&condition(block), bars.collect());
    }
    plot
}

/// What is found, how like it is to what was expected, and what it costs.
fn documents(figures: &Json) -> String {
    let mut text = String::from(
        "| | documents whole | phrases | likeness | PDF: whole | phrases | likeness | pages/s | peak MB | crashes |\n\
         | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for (name, of) in entries(figures, "contestants") {
        let _ = write!(text, "| {name} | ");
        for part in ["all", "pdf"] {
            let figure = |key, digits| cell(of.get(part).and_then(|part| part.get(key)), digits);
            let whole = (figure("documents_whole", 0), figure("documents", 0));
            let phrases = (figure("phrases_found", 0), figure("phrases", 0));
            let likeness = figure("likeness_mean", 3);
            let _ = write!(
                text,
                "{} of {} | {} of {} | {likeness} | ",
                whole.0, whole.1, phrases.0, phrases.1
            );
        }
        let own = |key, digits| cell(of.get(key), digits);
        let _ = writeln!(
            text,
            "{} | {} | {} |",
            own("pages_per_s", 1),
            own("peak_mb", 0),
            own("crashes", 0)
        );
    }
    if is_disturbed(figures) {
        text +=
            "\nDisturbed: another job used the machine, or a probe moved. To be measured again.\n";
    }
    text + &conditions(figures)
}

/// What became of hostile files by what they attack, and the figures beside their bars. It has no plot.
fn hostile(json: &Json) -> String {
    let mut text = String::from(
        "| | files | read | refused | not as wanted | slowest, s | worker, MB |\n\
         | --- | --- | --- | --- | --- | --- | --- |\n",
    );
    for row in items(json, "hostile") {
        let own = |key, digits| cell(row.get(key), digits);
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            row.get("category").and_then(Json::text).unwrap_or("?"),
            own("files", 0),
            own("read", 0),
            own("refused", 0),
            own("wrong", 0),
            own("slowest_s", 2),
            own("worker_mb", 0)
        );
    }
    text += "\n";
    text + &bars(json)
}

/// The figures beside their bars, and what they were measured on.
fn bars(json: &Json) -> String {
    let mut text = String::from("| | measured | bar | |\n| --- | --- | --- | --- |\n");
    for figure in items(json, "figures") {
        let word = |key| figure.get(key).and_then(Json::text).unwrap_or_default();
        let (measured, bar) = (cell(figure.get("value"), 2), cell(figure.get("bar"), 2));
        let mark = if figure.get("holds").is_some_and(Json::holds) { "" } else { "missed" };
        let unit = word("unit");
        let _ = writeln!(text, "| {} | {measured} {unit} | {bar} {unit} | {mark} |", word("name"));
    }
    let (cpus, os) =
        (cell(json.get("cpus"), 0), json.get("os").and_then(Json::text).unwrap_or("?"));
    let _ = writeln!(text, "\n{cpus} cores, {os}.");
    text
}

/// A table: where its rows are, its head, and the columns behind each row's name with their digits.
type Rows = (&'static str, &'static str, &'static [(&'static str, usize)]);

/// What a turn takes, what the same question takes elsewhere, and what gateways add.
const TURNS: [Rows; 3] = [
    (
        "overhead",
        "| one turn, ms | added p50 | processor | whole turn p50 | p99 | durable write p50 | p99 |",
        &[
            ("added_p50_ms", 2),
            ("added_cpu_ms", 2),
            ("turn_p50_ms", 2),
            ("turn_p99_ms", 2),
            ("write_p50_ms", 2),
            ("write_p99_ms", 2),
        ],
    ),
    (
        "questions",
        "| one question, ms | added p50 | durable write in it | processor | whole p50 | p99 | plain request | same passages |",
        &[
            ("added_p50_ms", 2),
            ("write_p50_ms", 2),
            ("added_cpu_ms", 2),
            ("total_p50_ms", 2),
            ("total_p99_ms", 2),
            ("bare_p50_ms", 2),
            ("same_ids", 4),
        ],
    ),
    (
        "gateway",
        "| through | requests/s | added p50, ms | added p99, ms | whole p50, ms | p99, ms | CPU-s per 1,000 |",
        &[
            ("rate", 0),
            ("added_p50_ms", 2),
            ("added_p99_ms", 2),
            ("p50_ms", 2),
            ("p99_ms", 2),
            ("cpu_s_per_1000", 2),
        ],
    ),
];

/// A table for each part that was measured, and the figures beside their bars.
fn turns(json: &Json) -> String {
    let mut text = String::new();
    for (key, head, columns) in TURNS {
        let rows = items(json, key);
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(text, "{head}\n| --- |{}", " --- |".repeat(columns.len()));
        for row in rows {
            let name = row.get("way").or_else(|| row.get("name")).and_then(Json::text);
            let _ = write!(text, "| {} |", name.unwrap_or("?"));
            for (key, digits) in columns {
                let _ = write!(text, " {} |", cell(row.get(key), *digits));
            }
            text.push('\n');
        }
        text.push('\n');
    }
    text + &bars(json) + &turn_versions(json)
}

/// Which passages, and which versions of whom.
fn turn_versions(json: &Json) -> String {
    let passages = json.get("turns").and_then(|of| of.get("passages"));
    let mut parts = vec![format!("{} passages", cell(passages, 0))];
    for row in items(json, "questions") {
        let word = |key| row.get(key).and_then(Json::text).unwrap_or("?");
        parts.push(format!("{} {}", word("name"), word("version")));
    }
    parts.extend(json.get("litellm").and_then(Json::text).map(|it| format!("litellm {it}")));
    format!("\n{}.\n", parts.join(", "))
}

fn documents_plot(figures: &Json) -> Plot {
    let mut plot = Plot::new("Pages of PDF per second, 1 core");
    let bars = entries(figures, "contestants")
        .iter()
        .filter_map(|(name, of)| Some(Bar::new(name, of.get("pages_per_s")?.number()?, 1)));
    plot.group("", bars.collect());
    plot
}

fn fusion(figures: &Json) -> String {
    let results = items(figures, "results");
    let strategies = distinct(results, "strategy");
    let mut text = format!("nDCG@10.\n\n| | {} | questions |\n", strategies.join(" | "));
    let _ = writeln!(text, "| --- |{}", " --- |".repeat(strategies.len() + 1));
    for set in distinct(results, "set") {
        let _ = write!(text, "| {set} | ");
        for strategy in &strategies {
            let value = result(results, set, strategy).and_then(|of| of.get("ndcg@10"));
            let _ = write!(text, "{} | ", cell(value, 4));
        }
        let of_set = results.iter().find(|of| of.get("set").and_then(Json::text) == Some(set));
        let _ = writeln!(text, "{} |", cell(of_set.and_then(|of| of.get("queries")), 0));
    }
    text
}

fn fusion_plot(figures: &Json) -> Plot {
    let results = items(figures, "results");
    let mut plot = Plot::new("nDCG@10");
    for set in distinct(results, "set") {
        let bars = distinct(results, "strategy").into_iter().filter_map(|strategy| {
            let value = result(results, set, strategy)?.get("ndcg@10")?.number()?;
            Some(Bar::new(strategy, value, 4))
        });
        plot.group(set, bars.collect());
    }
    plot
}

fn result<'a>(results: &'a [Json], set: &str, strategy: &str) -> Option<&'a Json> {
    let has = |of: &Json, key, value| of.get(key).and_then(Json::text) == Some(value);
    results.iter().find(|of| has(of, "set", set) && has(of, "strategy", strategy))
}

/// The texts under a key, each once.
fn distinct<'a>(results: &'a [Json], key: &str) -> Vec<&'a str> {
    let mut found: Vec<&str> = Vec::new();
    for text in results.iter().filter_map(|of| of.get(key)?.text()) {
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}

fn condition(block: &Json) -> String {
    format!("{} tokens, batch {}", cell(block.get("tokens"), 0), cell(block.get("batch"), 0))
}

fn is_disturbed(block: &Json) -> bool {
    block.get("probes").and_then(|of| of.get("disturbed")).is_some_and(Json::holds)
}

fn entries<'a>(json: &'a Json, key: &str) -> &'a [(String, Json)] {
    json.get(key).map(Json::entries).unwrap_or_default()
}

fn items<'a>(json: &'a Json, key: &str) -> &'a [Json] {
    json.get(key).map(Json::items).unwrap_or_default()
}

fn cell(value: Option<&Json>, digits: usize) -> String {
    let number = value.and_then(Json::number);
    number.map_or_else(|| "–".to_owned(), |number| format!("{number:.digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let page =
            "a\n<!-- figures: x -->\nold\n<!-- end of figures -->\nb\n<!-- end of figures -->";
        let new = replaced(page, "x", "new\n").unwrap();
        assert!(new.starts_with("a\n<!-- figures: x -->\n\nnew\n\n<!-- end of figures -->\nb\n"));
        assert_eq!(replaced(&new, "x", "new").unwrap(), new, "twice is the same");
        assert!(replaced(page, "y", "new").is_err());
    }

    #[test]
    fn a_contestant_without_the_quality_has_no_speed_and_a_disturbed_block_is_marked() {
        let json = Json::parse(
            r#"{"quality": {"a": {"passed": true, "cosine_mean": 1, "cosine_min": 0.5, "bar": 0.99}, "b": {"passed": false}},
                "blocks": [{"tokens": 128, "batch": 1, "probes": {"disturbed": true},
                "contestants": {"a": {"median": 20.04, "min": 19, "max": 21}}}], "rounds": 5}"#,
        );
        let table = embedding(&json.unwrap());
        assert!(table.contains("| a | 1.00000 | 0.50000 | 0.9900 | passed |"), "{table}");
        assert!(table.contains("| b | – | – | – | not timed |"), "{table}");
        assert!(table.contains("| | 128 tokens, batch 1 * | "), "{table}");
        assert!(table.contains("| a | 20.0 (19.0–21.0) | "), "{table}");
        assert!(table.contains("Disturbed") && table.contains("5 rounds"), "{table}");
    }

    #[test]
    fn what_became_of_hostile_files_is_a_row_for_each_kind_of_attack() {
        let json = Json::parse(
            r#"{"hostile": [{"category": "loop", "files": 2, "read": 1, "refused": 1, "wrong": 0, "slowest_s": 0.256,
                "worker_mb": 61.2}], "figures": [{"name": "peak", "value": 99.5, "unit": "MB", "bar": 250, "holds": true},
                {"name": "calls", "value": 1, "unit": "", "bar": 0, "holds": false}], "cpus": 2, "os": "linux"}"#,
        )
        .unwrap();
        let table = hostile(&json);
        assert!(table.contains("| loop | 2 | 1 | 1 | 0 | 0.26 | 61 |"), "{table}");
        assert!(table.contains("| peak | 99.50 MB | 250.00 MB |  |"), "{table}");
        assert!(table.contains("| calls | 1.00  | 0.00  | missed |"), "{table}");
    }

    #[test]
    fn turns_have_a_table_for_each_part_that_was_measured() {
        let json = Json::parse(
            r#"{"turns": {"passages": 100}, "questions": [{"name": "a", "version": "1.2", "added_p50_ms": 2.5, "same_ids": 0.999}],
                "gateway": [{"name": "b", "rate": 20, "added_p99_ms": 7}], "litellm": "3.4", "cpus": 2, "os": "linux",
                "figures": [{"name": "told", "value": 1.5, "unit": "ms", "bar": null, "holds": true}]}"#,
        )
        .unwrap();
        let table = turns(&json);
        assert!(table.contains("| a | 2.50 | – | – | – | – | – | 0.9990 |"), "{table}");
        assert!(table.contains("| b | 20 | – | 7.00 |"), "{table}");
        assert!(table.contains("| told | 1.50 ms | – ms |  |"), "{table}");
        assert!(table.contains("100 passages, a 1.2, litellm 3.4.") && !table.contains("one turn"));
    }

    #[test]
    fn strategies_stand_beside_each_other() {
        let json = Json::parse(
            r#"{"results": [{"set": "s", "strategy": "lexical", "queries": 3, "ndcg@10": 0.5},
                {"set": "s", "strategy": "auto", "queries": 3, "ndcg@10": 0.75}]}"#,
        )
        .unwrap();
        let table = fusion(&json);
        assert!(table.contains("| | lexical | auto | questions |"), "{table}");
        assert!(table.contains("| s | 0.5000 | 0.7500 | 3 |"), "{table}");
        assert!(fusion_plot(&json).svg().contains("0.7500"));
    }
}
