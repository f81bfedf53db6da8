//! Who is asking, and what they may do.
//!
//! Every route names a [`Permission`]; [`authorize`] runs before its handler and puts the [`Context`] there that the
//! handler acts under. In local mode there is one implicit owner who may do everything, and [`local`] keeps other
//! sites and other machines out. Accounts mode will check a token, a cookie or a key here and nowhere else.

pub(crate) mod local;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use chatbot_core::Context;

use crate::error::ApiError;
use crate::layers::RequestName;

/// What a caller must be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Nothing: the route tells nobody anything about anyone.
    Public,
    /// Read documents and collections, and search them.
    Read,
    /// Add, change and delete documents and collections.
    Write,
    /// Have conversations, and read and change one's own.
    Chat,
}

/// The context that the handler of a route with a permission acts under.
#[derive(Debug, Clone)]
pub(crate) struct Asker(pub(crate) Context);

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let asker = parts.extensions.get::<Self>().cloned();
        asker.ok_or_else(|| {
            chatbot_core::Error::internal("The route names no permission but needs one.").into()
        })
    }
}

/// Lets a request through to a route that needs `permission`.
pub(crate) async fn authorize(
    permission: Permission,
    mut request: Request,
    next: Next,
) -> Response {
    if permission != Permission::Public {
        let name = request.extensions().get::<RequestName>();
        let context = match name.and_then(|name| name.as_str().parse().ok()) {
            Some(id) => Context::local().with_request_id(id),
            None => Context::local(),
        };
        request.extensions_mut().insert(Asker(context));
    }
    next.run(request).await
}
