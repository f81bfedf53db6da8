//! What a reader sees of a page.

use super::fixtures::{outline, parse};

#[test]
fn the_main_content_is_kept_and_what_surrounds_it_is_not() {
    let html = "<!doctype html><html lang=en><head><title>The &amp; title</title><style>.a{}</style></head>\
        <body><header>Site name</header><nav><a href=/>Home</a></nav>\
        <main><h1>Head</h1><nav>On this page</nav><p>First <a href=x>link</a>&nbsp;and  more<p>Second\
        <script>alert(1)</script><aside>Advert</aside></main><footer>Imprint</footer></body></html>";
    let document = parse("a.html", html).unwrap();
    assert_eq!(document.title.as_deref(), Some("The & title"));
    assert_eq!(document.metadata["lang"], "en");
    assert_eq!(outline(&document), ["h1: Head", "p: First link and more", "p: Second"]);
}

#[test]
fn what_stands_beside_the_content_is_kept_where_it_says_something() {
    let passage = "a sentence about the matter, ".repeat(8);
    let html = format!(
        "<aside>Menu</aside><main><p>Text</p><aside><p>Note: {passage}</p></aside></main>\
         <nav><aside>{passage}</aside></nav><aside><h2>Facts</h2><aside>{passage}</aside></aside>"
    );
    let passage = passage.trim();
    let expected = [
        "p: Text".to_owned(),
        format!("p: Note: {passage}"),
        "h2: Facts".to_owned(),
        format!("p: {passage}"),
    ];
    assert_eq!(outline(&parse("a.html", html).unwrap()), expected);
}

#[test]
fn a_page_without_a_main_part_is_kept_whole() {
    let document = parse("a.html", "<body><nav>Menu</nav><p>Text</p></body>").unwrap();
    assert_eq!(outline(&document), ["p: Menu", "p: Text"]);
}

#[test]
fn nobody_reads_what_is_hidden() {
    let html = "<p>seen<span style='display: none'>a</span><b hidden>b</b><i aria-hidden=true>c</i></p>\
        <div style='visibility:hidden'><p>d</p></div><template>e</template><noscript>f</noscript><!-- g -->";
    assert_eq!(outline(&parse("a.html", html).unwrap()), ["p: seen"]);
}

#[test]
fn lists_tables_code_and_old_paragraphs_keep_their_shape() {
    let html = "<ul><li>one<li>two<ol><li>inner</ol></ul>\
        <table><tr><th>A<th>B<tr><td>1<td>2<br>3</table>\
        <pre>\n a\n  b\n\n c</pre><blockquote>said</blockquote>first<br><br>second";
    let expected = [
        "li: - one",
        "li: - two",
        "li: 1. inner",
        "th: A | B",
        "tr: 1 | 2 3",
        "code:  a\n  b\n\n c",
        "quote: said",
        "p: first",
        "p: second",
    ];
    assert_eq!(outline(&parse("a.html", html).unwrap()), expected);
}

#[test]
fn a_table_for_the_layout_is_no_table() {
    let text = "A long passage of text. ".repeat(40);
    let html = format!("<table><tr><td>Menu<td><p>{text}<table><tr><td>1<td>2</table></table>");
    let document = parse("a.html", html).unwrap();
    assert_eq!(outline(&document)[0], "p: Menu");
    assert!(outline(&document).contains(&"tr: 1 | 2".to_owned()));
}

#[test]
fn the_stated_encoding_is_used() {
    let html = b"<meta charset=windows-1251><p>\xCF\xF0\xE8\xE2\xE5\xF2</p>";
    assert_eq!(parse("a.html", html).unwrap().text, "Привет");
}

#[test]
fn nesting_costs_neither_the_stack_nor_the_square_of_the_time() {
    let html = format!("{}deep{}", "<div><b>".repeat(200_000), "</b></div>".repeat(200_000));
    assert_eq!(parse("a.html", html).unwrap().text, "deep");
}
