//! Commands inside of text.

use unicode_normalization::UnicodeNormalization as _;

/// Commands whose argument nobody reads.
const SILENT: &[&str] = &[
    "label",
    "ref",
    "eqref",
    "pageref",
    "cite",
    "citep",
    "citet",
    "bibliography",
    "bibliographystyle",
    "includegraphics",
    "vspace",
    "hspace",
    "setlength",
    "usepackage",
    "input",
    "include",
    "index",
    "thispagestyle",
    "pagestyle",
    "addcontentsline",
    "title",
    "author",
    "date",
    "documentclass",
];
/// How deeply arguments are read.
const MAX_DEPTH: usize = 32;

/// (what follows the backslash, the combining character)
const ACCENTS: &[(char, char)] = &[
    ('\'', '\u{301}'),
    ('`', '\u{300}'),
    ('^', '\u{302}'),
    ('"', '\u{308}'),
    ('~', '\u{303}'),
    ('=', '\u{304}'),
    ('.', '\u{307}'),
];
const LETTERS: &[(&str, &str)] = &[
    ("ss", "ß"),
    ("ae", "æ"),
    ("AE", "Æ"),
    ("oe", "œ"),
    ("OE", "Œ"),
    ("o", "ø"),
    ("O", "Ø"),
    ("aa", "å"),
    ("AA", "Å"),
    ("l", "ł"),
    ("L", "Ł"),
    ("i", "ı"),
    ("ldots", "…"),
    ("dots", "…"),
    ("textbackslash", "\\"),
    ("LaTeX", "LaTeX"),
    ("TeX", "TeX"),
    ("textendash", "–"),
    ("textemdash", "—"),
    ("S", "§"),
    ("copyright", "©"),
];

/// The words of `text` on one line.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    write(text, 0, &mut out);
    let quoted = out.replace("``", "“").replace("''", "”").replace("---", "—").replace("--", "–");
    quoted.nfc().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn write(text: &str, depth: usize, out: &mut String) {
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '\\' => rest = command(rest, depth, out),
            '~' => out.push(' '),
            '{' | '}' => {}
            // A formula stays as it is written, so that its commands are not taken for words.
            '$' => {
                let mark = if rest.starts_with('$') { "$$" } else { "$" };
                let inside = rest.strip_prefix('$').filter(|_| mark == "$$").unwrap_or(rest);
                let Some((formula, after)) = inside.split_once(mark) else { continue };
                out.push_str(formula);
                rest = after;
            }
            c => out.push(c),
        }
    }
}

/// Writes what a command stands for; what is left of `text` behind it.
fn command<'t>(text: &'t str, depth: usize, out: &mut String) -> &'t str {
    let Some(first) = text.chars().next() else { return text };
    let after = text.get(first.len_utf8()..).unwrap_or_default();
    if let Some((_, accent)) = ACCENTS.iter().find(|(sign, _)| *sign == first) {
        let braced = after.strip_prefix('{');
        let letters = braced.unwrap_or(after);
        if let Some(letter) = letters.chars().next().filter(|c| c.is_alphabetic()) {
            out.push(letter);
            out.push(*accent);
            let rest = letters.get(letter.len_utf8()..).unwrap_or_default();
            return if braced.is_some() { rest.strip_prefix('}').unwrap_or(rest) } else { rest };
        }
    }
    if !first.is_ascii_alphabetic() {
        // `\\` ends a line, `\,` is a small space; `\&` and its like are the sign itself.
        out.push(if matches!(first, '\\' | ',' | ';' | ':' | '!' | ' ' | '/') {
            ' '
        } else {
            first
        });
        return after;
    }
    let len = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (name, after) = text.split_at(len);
    let after = after.strip_prefix('*').unwrap_or(after);
    if let Some((_, letter)) = LETTERS.iter().find(|(known, _)| *known == name) {
        out.push_str(letter);
        return after.strip_prefix("{}").unwrap_or_else(|| after.trim_start_matches(' '));
    }
    arguments(name, after, depth, out)
}

fn arguments<'t>(name: &str, mut rest: &'t str, depth: usize, out: &mut String) -> &'t str {
    while let Some(option) = rest.strip_prefix('[') {
        let Some((_, after)) = option.split_once(']') else { break };
        rest = after;
    }
    let mut read: Vec<&str> = Vec::new();
    while let Some(inside) = rest.strip_prefix('{') {
        let Some(end) = end_of_group(inside) else { break };
        read.push(inside.get(..end).unwrap_or_default());
        rest = inside.get(end + 1..).unwrap_or_default();
    }
    if SILENT.contains(&name) || depth >= MAX_DEPTH {
        return rest;
    }
    match (name, read.as_slice()) {
        ("href", [address, text]) => {
            write(text, depth + 1, out);
            out.push_str(&format!(" ({address})"));
        }
        ("footnote", [note]) => {
            out.push_str(" (");
            write(note, depth + 1, out);
            out.push(')');
        }
        (_, []) => out.push(' '),
        (_, read) => read.iter().for_each(|part| write(part, depth + 1, out)),
    }
    rest
}

/// Where the group ends that `text` begins in.
pub(super) fn end_of_group(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_become_what_they_stand_for() {
        assert_eq!(plain(r"\textbf{Bold} \emph{and \textit{so}} on~\cite{a}."), "Bold and so on .");
        assert_eq!(
            plain(r#"Caf\'e, M\"{u}ller, stra\ss{}e, 5\,\% \& more"#),
            "Café, Müller, straße, 5 % & more"
        );
        assert_eq!(
            plain(r"``Quoted'' \href{https://a.example}{here}\footnote{A note.}"),
            "“Quoted” here (https://a.example) (A note.)"
        );
        assert_eq!(plain(r"Let $a_{i} \le b$ hold"), r"Let a_{i} \le b hold");
        assert_eq!(plain(r"\unknown{kept} \broken{"), "kept");
    }
}
