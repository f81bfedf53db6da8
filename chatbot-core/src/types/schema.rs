//! JSON schemas of the types whose serialised form a derive cannot see.

use std::borrow::Cow;

use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::{
    ChunkId, CollectionId, DocumentId, FinishReason, JobId, MessageId, RequestId, SessionId,
};
use crate::error::{ErrorKind, Reason};

fn string(description: &str, values: Option<Vec<&str>>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .description(Some(description))
        .enum_values(values)
        .into()
}

macro_rules! codes {
    ($name:ident, $description:literal) => {
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                string($description, Some($name::ALL.iter().map(|value| value.code()).collect()))
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

macro_rules! ids {
    ($($name:ident),+) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                ObjectBuilder::new()
                    .schema_type(SchemaType::Type(Type::String))
                    .format(Some(SchemaFormat::Custom("uuid".to_owned())))
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

ids!(CollectionId, DocumentId, ChunkId, JobId, SessionId, MessageId, RequestId);

codes!(ErrorKind, "What kind of failure this is.");
codes!(Reason, "What refines the kind of a failure.");

impl PartialSchema for FinishReason {
    fn schema() -> RefOr<Schema> {
        string(
            "Why the model stopped: `stop`, `length`, `content_filter`, `tool_calls`, or a word of the provider's.",
            None,
        )
    }
}

impl ToSchema for FinishReason {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("FinishReason")
    }
}
