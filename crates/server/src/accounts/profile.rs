//! Who somebody is: their name, and where they belong.

use mask_core::{person::User, role::Role, workspace::Workspace};
use serde_json::Value;

use super::read;
use crate::api::{Api, error::ApiError, fields::text};

/// Changes what somebody is called: `name`. What is absent stays.
pub async fn rename(api: &Api, user: &User, body: Value) -> Result<User, ApiError> {
    let name = read::members(body, |fields| Some(fields.optional("name", text(mask_core::person::parse_name))))?;
    let Some(name) = name.filter(|name| *name != user.name) else { return Ok(user.clone()) };
    let renamed = api.store.rename_user(user.id, name, api.clock.now()).await?;
    renamed.ok_or_else(|| ApiError::unauthorized("The session has ended. Sign in again."))
}

/// How many places are asked for at once.
const AT_ONCE: usize = 200;

/// The workspaces that somebody has a place in, by name; of those that were deleted none.
pub async fn places(api: &Api, user: &User) -> Result<Vec<(Workspace, Role)>, ApiError> {
    let (mut places, mut after) = (Vec::new(), None);
    loop {
        let page = api.store.list_own_workspaces(user.id, api.clock.now(), after, AT_ONCE).await?;
        places.extend(page.rows.into_iter().filter(|(workspace, _)| workspace.deleted_at.is_none()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    places.sort_by(|(one, _), (other, _)| (&one.name, &one.slug).cmp(&(&other.name, &other.slug)));
    Ok(places)
}
