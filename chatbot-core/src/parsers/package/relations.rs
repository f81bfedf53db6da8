//! How the parts of an Office document refer to one another.

use crate::error::Result;
use crate::parsers::watch::exceeded;

use super::xml::{Node, Xml};
use super::{Package, join};

/// A container has fewer parts, and each is named a few times at the most.
const MAX_RELATIONS: usize = 100_000;

/// How one part refers to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::parsers) struct Relation {
    pub(in crate::parsers) id: String,
    /// The last word of its type, such as `styles`.
    pub(in crate::parsers) kind: String,
    /// The other part, from the root.
    pub(in crate::parsers) target: String,
}

impl Package<'_> {
    /// The part that holds the text; `usual` where the document does not say.
    pub(in crate::parsers) fn main_part(&mut self, usual: &str) -> Result<String> {
        let stated = self.relations("")?;
        let stated = stated.into_iter().find(|relation| relation.kind == "officeDocument");
        Ok(stated.map_or_else(|| usual.to_owned(), |relation| relation.target))
    }

    /// What the part called `name` refers to inside the container; what lies outside is never looked at.
    pub(in crate::parsers) fn relations(&mut self, name: &str) -> Result<Vec<Relation>> {
        let (folder, file) = name.rsplit_once('/').unwrap_or(("", name));
        let path = join(folder, &format!("_rels/{file}.rels"));
        let Some(text) = self.part(&path)? else { return Ok(Vec::new()) };
        let mut relations = Vec::new();
        let mut xml = Xml::new(&text, self.watch);
        while let Some(node) = xml.next()? {
            let Node::Start(element) = node else { continue };
            let external = element.attribute("TargetMode").is_some_and(|mode| mode == "External");
            let parts = (element.attribute("Type"), element.attribute("Target"));
            let (Some(kind), Some(target), false) = (parts.0, parts.1, external) else { continue };
            if relations.len() >= MAX_RELATIONS {
                return Err(exceeded("The document has more parts than any real one."));
            }
            relations.push(Relation {
                id: element.attribute("Id").unwrap_or_default(),
                kind: kind.rsplit('/').next().unwrap_or_default().to_owned(),
                target: join(folder, &target),
            });
        }
        Ok(relations)
    }
}

/// The text of the first part that is related as `kind`.
pub(in crate::parsers) fn related(
    package: &mut Package<'_>,
    relations: &[Relation],
    kind: &str,
) -> Result<Option<String>> {
    match relations.iter().find(|relation| relation.kind == kind) {
        Some(relation) => package.part(&relation.target),
        None => Ok(None),
    }
}
