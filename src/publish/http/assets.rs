//! The page: a few files that are part of the program. Each has a hash for the browser to ask whether it has changed.

use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::answer::Refusal;
use super::operations::{self, Answer, Operation};

pub(super) const PAGE: Operation = Operation {
    path: "/",
    name: "page",
    summary: "The live page",
    about: "Its scripts and styles lie beside it.",
    answer: Answer::Text("text/html"),
    refusals: &[304],
    handler: |_| get(asset),
    ..Operation::PLAIN
};

#[derive(RustEmbed)]
#[folder = "src/publish/page/"]
struct Page;

pub(super) async fn asset(uri: Uri, headers: HeaderMap) -> Response {
    let path = match uri.path() {
        "/" => "index.html",
        other => other.trim_start_matches('/'),
    };
    match Page::get(path) {
        Some(file) => send(path, &file, &headers),
        None => {
            let reason = format!("there is nothing at {}", uri.path());
            let hint = operations::ALL.iter().map(|operation| operation.path).collect::<Vec<_>>().join(" ");
            Refusal::new(StatusCode::NOT_FOUND, "not_found", reason).hint(hint).into_response()
        }
    }
}

fn send(path: &str, file: &EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash: String = file.metadata.sha256_hash()[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    let tag = format!("\"{hash}\"");
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let mut response =
        if known { StatusCode::NOT_MODIFIED.into_response() } else { file.data.to_vec().into_response() };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_page_is_small_and_needs_nothing_from_elsewhere() {
        let mut compressed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        let mut files = 0;
        for path in Page::iter() {
            let file = Page::get(&path).expect("it is listed");
            let text = String::from_utf8(file.data.to_vec()).expect("text");
            assert_ne!(content_type(&path), "application/octet-stream", "{path}");
            for elsewhere in ["src=\"http", "href=\"http", "from 'http", "url(http", "@import", "//cdn"] {
                assert!(!text.contains(elsewhere), "{path}: {elsewhere}");
            }
            compressed.write_all(text.as_bytes()).expect("memory takes it");
            files += 1;
        }
        assert!(files > 10);
        let bytes = compressed.finish().expect("memory takes it").len();
        assert!(bytes < 150_000, "{bytes}");
    }
}
