//! Who may read: everybody on the same machine; from elsewhere those with the token, as `Authorization: Bearer`, or in a
//! browser, which asks for it by itself, as the password of any user.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::Site;
use super::answer::Refusal;

pub(super) async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    match site.token() {
        Some(token) if !given(request.headers()).is_some_and(|given| is_same(&given, token)) => refuse(),
        _ => next.run(request).await,
    }
}

fn refuse() -> Response {
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", "the token of `http.token` is asked for")
        .hint("send `Authorization: Bearer <token>`; in a browser, give the token as the password");
    let mut response = refusal.into_response();
    for way in ["Bearer realm=\"tributary\"", "Basic realm=\"tributary\", charset=\"UTF-8\""] {
        response.headers_mut().append(header::WWW_AUTHENTICATE, HeaderValue::from_static(way));
    }
    response
}

fn given(headers: &HeaderMap) -> Option<String> {
    let (scheme, rest) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()?;
    pair.split_once(':').map(|(_, password)| password.to_owned())
}

/// Takes the same time wherever they differ.
fn is_same(given: &str, token: &str) -> bool {
    let (given, token) = (given.as_bytes(), token.as_bytes());
    let differences = given.iter().zip(token).fold(0, |differences, (a, b)| differences | (a ^ b));
    given.len() == token.len() && std::hint::black_box(differences) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_as_bearer_or_as_a_password() {
        for (header, expected) in [
            ("Bearer secret", Some("secret")),
            ("bearer  secret ", Some("secret")),
            ("Basic dXNlcjpzZTpjcmV0", Some("se:cret")),
            ("Basic !", None),
            ("Digest secret", None),
            ("secret", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_static(header));
            assert_eq!(given(&headers).as_deref(), expected, "{header}");
        }
        assert_eq!(given(&HeaderMap::new()), None);
    }

    #[test]
    fn tokens_are_compared_whole() {
        assert!(is_same("secret", "secret"));
        for other in ["", "secre", "secrets", "sEcret"] {
            assert!(!is_same(other, "secret"), "{other}");
        }
    }
}
