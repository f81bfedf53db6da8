//! A table of routes that cannot hold one without a permission.

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::routing::{MethodFilter, MethodRouter, on};

use crate::app::App;
use crate::auth::{Permission, authorize};
use crate::error::ApiError;

/// What a route is, besides its handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteInfo {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// What a caller must be allowed to do.
    pub permission: Permission,
}

/// Routes, and what each needs.
#[derive(Debug, Default)]
pub struct Surface {
    routes: Vec<(RouteInfo, MethodRouter<App>)>,
}

macro_rules! methods {
    ($($name:ident = $filter:ident),+) => {$(
        #[doc = concat!("Adds a `", stringify!($filter), "` route.")]
        pub(crate) fn $name<H: Handler<T, App>, T: 'static>(
            self,
            permission: Permission,
            path: &'static str,
            handler: H,
        ) -> Self {
            let info = RouteInfo { method: Method::$filter, path, permission };
            self.add(info, on(MethodFilter::$filter, handler))
        }
    )+};
}

impl Surface {
    methods!(get = GET, post = POST, put = PUT, patch = PATCH, delete = DELETE);

    /// What the routes are.
    pub fn iter(&self) -> impl Iterator<Item = &RouteInfo> {
        self.routes.iter().map(|(info, _)| info)
    }

    pub(super) fn into_router(self) -> Router<App> {
        let add =
            |router: Router<App>, (info, route): (RouteInfo, _)| router.route(info.path, route);
        self.routes.into_iter().fold(Router::new(), add)
    }

    fn add(mut self, info: RouteInfo, route: MethodRouter<App>) -> Self {
        let permission = info.permission;
        let allow = move |request: Request, next: Next| authorize(permission, request, next);
        self.routes.push((info, route.layer(from_fn(allow))));
        self
    }
}

pub(super) async fn method_not_allowed() -> ApiError {
    ApiError::http(
        StatusCode::METHOD_NOT_ALLOWED,
        "This cannot be done here: see `Allow` for what can.",
    )
}
