//! Requests that are refused before their handler sees them.

use http::{StatusCode, header};

use super::Asked;
use super::credential::Credential;
use crate::call::Answer;
use crate::config::Token;
use crate::faults::FaultKind;
use crate::rest::misc::VERSIONS;
use crate::routes::Resource;

/// Returns why a request is not even handed to its handler.
pub(super) fn refusal(
    asked: &Asked<'_>,
    faults: &[FaultKind],
    resource: Resource,
    spent: bool,
) -> Option<Answer> {
    for fault in faults {
        match fault {
            FaultKind::Status { status } => {
                let status =
                    StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                return Some(Answer::refusal(status, "Server Error"));
            }
            FaultKind::SecondaryLimit { retry_after } => {
                let mut answer = Answer::refusal(
                    StatusCode::FORBIDDEN,
                    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
                );
                answer.set(header::RETRY_AFTER, &retry_after.to_string());
                return Some(answer);
            }
            FaultKind::Revoked => {
                return Some(Answer::refusal(StatusCode::UNAUTHORIZED, "Bad credentials"));
            }
            _ => {}
        }
    }
    if matches!(asked.credential, Credential::Unknown) {
        return Some(Answer::refusal(StatusCode::UNAUTHORIZED, "Bad credentials"));
    }
    if resource == Resource::GraphQl && asked.credential.token().is_none() {
        return Some(Answer::refusal(
            StatusCode::UNAUTHORIZED,
            "This endpoint requires you to be authenticated.",
        ));
    }
    let version = asked
        .headers
        .get("x-github-api-version")
        .and_then(|value| value.to_str().ok());
    if let Some(version) = version.filter(|version| !VERSIONS.contains(version)) {
        return Some(Answer::refusal(
            StatusCode::BAD_REQUEST,
            &format!(
                "\"{version}\" is not a valid API version. Supported versions: {}",
                VERSIONS.join(", ")
            ),
        ));
    }
    spent.then(|| limit_exceeded(asked, resource))
}

fn limit_exceeded(asked: &Asked<'_>, resource: Resource) -> Answer {
    let login = asked
        .credential
        .token()
        .map(|token: &Token| token.login.as_str());
    if resource == Resource::GraphQl {
        let body = serde_json::json!({"errors": [{"type": "RATE_LIMITED", "message": format!("API rate limit exceeded for user {}.", login.unwrap_or_default())}]});
        return Answer::json(body.to_string()).untagged();
    }
    let message = match login {
        Some(login) => format!("API rate limit exceeded for user {login}. If you reach out to GitHub Support for help, please include the request ID."),
        None => "API rate limit exceeded for 127.0.0.1. (But here's the good news: Authenticated requests get a higher rate limit.)".into(),
    };
    Answer::refusal(StatusCode::FORBIDDEN, &message)
}
