//! Connections: pages of a list by cursor.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::node::{Args, Gql};

/// The most items that one page may have.
const MAX_PAGE: usize = 100;

fn cursor(position: usize) -> String {
    STANDARD.encode(format!("cursor:v2:{position}"))
}

fn position(cursor: &str) -> Option<usize> {
    let text = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    text.strip_prefix("cursor:v2:")?.parse().ok()
}

/// Returns the page of `items` that the arguments ask for, as an object of type `name` (`…Connection`).
pub(super) fn connection<'w>(
    name: &'static str,
    edge: &'static str,
    items: Vec<Gql<'w>>,
    args: &Args,
) -> Gql<'w> {
    connection_with(name, edge, items, args, "totalCount", Vec::new())
}

/// Returns such a page with the number of items under another name and with further fields.
pub(super) fn connection_with<'w>(
    name: &'static str,
    edge: &'static str,
    items: Vec<Gql<'w>>,
    args: &Args,
    count_name: &'static str,
    further: Vec<(&'static str, Gql<'w>)>,
) -> Gql<'w> {
    let total = items.len();
    let size = |name| {
        args.number(name)
            .map(|size| usize::try_from(size).unwrap_or(MAX_PAGE).min(MAX_PAGE))
    };
    let mut start = args
        .str("after")
        .and_then(position)
        .map_or(0, |position| position + 1)
        .min(total);
    let mut end = args
        .str("before")
        .and_then(position)
        .unwrap_or(total)
        .clamp(start, total);
    match (size("first"), size("last")) {
        (Some(first), _) => end = end.min(start + first),
        (None, Some(last)) => start = start.max(end.saturating_sub(last)),
        (None, None) => end = end.min(start + MAX_PAGE),
    }
    let page: Vec<Gql<'w>> = items.into_iter().skip(start).take(end - start).collect();
    let edges = page.iter().enumerate().map(|(idx, item)| {
        Gql::Object(
            edge,
            vec![
                ("cursor", Gql::Json(json!(cursor(start + idx)))),
                ("node", item.clone()),
            ],
        )
    });
    let bound = |position: usize| {
        if start < end {
            json!(cursor(position))
        } else {
            json!(null)
        }
    };
    let page_info = vec![
        ("startCursor", Gql::Json(bound(start))),
        ("endCursor", Gql::Json(bound(end.saturating_sub(1)))),
        ("hasNextPage", Gql::Json(json!(end < total))),
        ("hasPreviousPage", Gql::Json(json!(start > 0))),
    ];
    let mut fields = vec![
        (count_name, Gql::Json(json!(total))),
        ("edges", Gql::List(edges.collect())),
        ("nodes", Gql::List(page)),
        ("pageInfo", Gql::Object("PageInfo", page_info)),
    ];
    fields.extend(further);
    Gql::Object(name, fields)
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    #[test]
    fn cursors_are_read_as_they_are_written() {
        assert_eq!(position(&cursor(29)), Some(29));
        assert_eq!(position("nonsense"), None);
    }

    #[test]
    fn without_bounds_a_page_is_the_longest_allowed() {
        let items = (0..150).map(|number| Gql::Json(json!(number))).collect();
        let Gql::Object(_, fields) = connection("C", "E", items, &Args::new(&[], &Map::new()))
        else {
            panic!("a connection is an object");
        };
        let nodes = fields.iter().find(|(name, _)| *name == "nodes");
        assert!(matches!(nodes, Some((_, Gql::List(items))) if items.len() == MAX_PAGE));
    }
}
