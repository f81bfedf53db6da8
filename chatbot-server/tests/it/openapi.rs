//! The description of the surface says what the surface is.

use std::collections::BTreeSet;

use chatbot_server::{openapi_document, surface};
use serde_json::Value;

use crate::support::Server;

/// Routes that describe the others.
const NOT_DESCRIBED: [&str; 3] = ["/openapi.json", "/docs", "/docs/{*file}"];

#[test]
fn every_route_is_described_and_nothing_else() {
    let document = serde_json::to_value(openapi_document()).unwrap();
    assert_eq!(document["openapi"].as_str().unwrap().get(..3), Some("3.1"));
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let routes: BTreeSet<_> = surface()
        .iter()
        .filter(|route| !NOT_DESCRIBED.contains(&route.path))
        .map(|route| (route.method.to_string(), route.path.to_owned()))
        .collect();
    assert_eq!(described, routes);
}

#[test]
fn every_schema_that_is_named_is_there() {
    let document = serde_json::to_value(openapi_document()).unwrap();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    assert!(references.len() > 20);
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(reference)) = object.get("$ref") {
                references.insert(reference.clone());
            }
            object.values().for_each(|value| collect(value, references));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

#[tokio::test]
async fn the_description_can_be_browsed_without_inline_scripts() {
    let server = Server::start().await;
    assert_eq!(server.get("/docs").await.header("location"), "/docs/index.html");
    let page = server.get("/docs/index.html").await;
    let html = String::from_utf8_lossy(&page.body).into_owned();
    let scripts: Vec<_> = html.split("<script").skip(1).collect();
    assert!(!scripts.is_empty());
    for script in scripts {
        let (attributes, rest) = script.split_once('>').unwrap();
        assert!(attributes.contains("src="), "{attributes}");
        assert_eq!(rest.split_once("</script").unwrap().0.trim(), "");
        let file = attributes.split("src=\"").nth(1).unwrap().split('"').next().unwrap();
        let file = server.get(&format!("/docs/{}", file.trim_start_matches("./"))).await;
        assert_eq!(file.status, 200);
        assert!(file.header("content-type").contains("javascript"));
    }
    let initializer = server.get("/docs/swagger-initializer.js").await;
    assert!(String::from_utf8_lossy(&initializer.body).contains("/openapi.json"));
    server.get("/docs/nothing").await.error(404, "not_found");
    let description = server.get("/openapi.json").await.expect(200);
    assert_eq!(description, serde_json::to_value(openapi_document()).unwrap());
}
