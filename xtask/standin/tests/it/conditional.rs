//! Tags, 304 answers and what they cost.

use standin::{Config, TagFormula, Token};

use crate::client::{Client, start, start_with};

const REPO: &str = "/repos/octo-org/public-1";

#[tokio::test]
async fn a_304_costs_nothing_with_a_token_and_a_point_without() {
    let standin = start().await;
    for (client, cost) in [
        (Client::octocat(&standin), 0),
        (Client::anonymous(&standin), 1),
    ] {
        let first = client.get("/users/octo-many/repos?per_page=2").await;
        let again = client
            .clone()
            .and("if-none-match", first.header("etag"))
            .get("/users/octo-many/repos?per_page=2")
            .await;
        assert_eq!(again.status, 304);
        assert!(again.body.is_empty());
        assert_eq!(first.remaining() - again.remaining(), cost);
        assert_eq!(again.header("etag"), first.header("etag"));
        for name in ["link", "content-type", "content-length"] {
            assert_ne!(first.header(name), "", "{name}");
            assert_eq!(again.header(name), "", "{name}");
        }
    }
    let counters = standin.counters();
    assert_eq!(
        (
            counters.requests,
            counters.charged,
            counters.conditional,
            counters.not_modified
        ),
        (4, 3, 2, 2)
    );
}

#[tokio::test]
async fn each_token_has_its_own_tag_for_the_same_body() {
    let standin = start().await;
    let octocat = Client::octocat(&standin).get(REPO).await;
    let narrow = Client::with_token(&standin, Token::OCTOCAT_NARROW)
        .get("/repos/octo-many/repo-001")
        .await;
    let hubot = Client::with_token(&standin, Token::HUBOT)
        .get("/repos/octo-many/repo-001")
        .await;
    assert_eq!(narrow.body, hubot.body);
    assert_ne!(narrow.header("etag"), hubot.header("etag"));
    let foreign = Client::with_token(&standin, Token::HUBOT)
        .and("if-none-match", octocat.header("etag"))
        .get(REPO)
        .await;
    assert_eq!(foreign.status, 200);
}

#[tokio::test]
async fn compression_and_indentation_leave_the_tag_alone() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let plain = octocat.get(REPO).await;
    let packed = octocat
        .clone()
        .and("accept-encoding", "gzip, deflate")
        .get(REPO)
        .await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() < plain.body.len() / 2);
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(
        &mut flate2::read::GzDecoder::new(&packed.body[..]),
        &mut unpacked,
    )
    .unwrap();
    assert_eq!(unpacked, plain.body);
    let indented = octocat.clone().and("user-agent", "curl/8").get(REPO).await;
    assert_ne!(indented.body, plain.body);
    assert_eq!(indented.json(), plain.json());
    for answer in [&packed, &indented] {
        assert_eq!(answer.header("etag"), plain.header("etag"));
    }
}

#[tokio::test]
async fn touching_an_object_changes_its_tag_and_its_date() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    let before = octocat.get(REPO).await;
    assert!(standin.touch_repo("Octo-Org/Public-1"));
    assert!(!standin.touch_repo("octo-org/nope"));
    let after = octocat
        .clone()
        .and("if-none-match", before.header("etag"))
        .get(REPO)
        .await;
    assert_eq!(after.status, 200);
    assert_ne!(after.json()["description"], before.json()["description"]);
    let dated = octocat
        .clone()
        .and("if-modified-since", after.header("last-modified"));
    assert_eq!(dated.get(REPO).await.status, 304);
    standin.touch_repo("octo-org/public-1");
    assert_eq!(dated.get(REPO).await.status, 200);
}

#[tokio::test]
async fn searches_and_lists_of_limits_have_no_tag() {
    let standin = start().await;
    let octocat = Client::octocat(&standin);
    for path in ["/search/repositories?q=octo", "/rate_limit"] {
        assert_eq!(octocat.get(path).await.header("etag"), "", "{path}");
    }
}

#[tokio::test]
async fn the_formula_can_be_switched() {
    let standin = start_with(Config {
        tags: TagFormula::Absent,
        ..Config::default()
    })
    .await;
    let octocat = Client::octocat(&standin);
    assert_eq!(octocat.get(REPO).await.header("etag"), "");
    standin.set_tags(TagFormula::Random);
    let first = octocat.get(REPO).await;
    assert_ne!(first.header("etag"), octocat.get(REPO).await.header("etag"));
    standin.set_tags(TagFormula::Salted);
    let salted = octocat.get(REPO).await;
    assert_eq!(
        salted.header("etag"),
        octocat.get(REPO).await.header("etag")
    );
    standin.set_tags(TagFormula::Observed);
    assert_ne!(
        salted.header("etag"),
        octocat.get(REPO).await.header("etag")
    );
}
