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

/// The workspaces that somebody has a place in.
pub async fn places(api: &Api, user: &User) -> Result<Vec<(Workspace, Role)>, ApiError> {
    Ok(api.store.workspaces_of_user(user.id).await?)
}
