//! Why there is no picture.
//!
//! What the giver of an address can mend is a sentence that says how; what they cannot is not told apart any further than
//! that trying again may help. A sentence names nothing that a name led to: see [`crate::outbound`].

use mask_picture::photo::Unfit;

use super::workshop::Swamped;
use crate::{
    api::{error::ApiError, fields::Problems},
    outbound::Failure,
};

/// Why there is no picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PictureFault {
    /// The address, or what lies there, will not do. The sentence says what would.
    Refused(String),
    /// There is more to do than can be done.
    Swamped,
    /// The place of pictures cannot be reached.
    Away,
}

impl PictureFault {
    pub(super) fn refused(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }

    /// Adds what the caller can mend to the problems of this field; the rest is an error of its own.
    pub fn at(self, field: impl Into<String>, problems: &mut Problems) -> Result<(), ApiError> {
        match self {
            Self::Refused(why) => {
                problems.refuse(field, why);
                Ok(())
            }
            Self::Swamped => Err(swamped()),
            Self::Away => Err(away()),
        }
    }
}

/// There is more to do than can be done.
pub fn swamped() -> ApiError {
    let message = "The server works on as many pictures as it can. Nothing was kept; try again shortly.";
    ApiError::unavailable_for_now(message)
}

/// The place of pictures cannot be reached.
pub fn away() -> ApiError {
    let message = "The place where pictures are kept cannot be reached. Nothing was kept; try again shortly.";
    ApiError::unavailable_for_now(message)
}

impl From<Unfit> for PictureFault {
    fn from(unfit: Unfit) -> Self {
        Self::Refused(unfit.to_string())
    }
}

impl From<Swamped> for PictureFault {
    fn from(_: Swamped) -> Self {
        Self::Swamped
    }
}

impl From<Failure> for PictureFault {
    fn from(failure: Failure) -> Self {
        let sentence = match failure {
            Failure::RefusedAddress(_) => "Must lead to an address on the public internet".to_owned(),
            Failure::RefusedPlain => "Must start with https://".to_owned(),
            Failure::NoSuchHost => "Must name a host that is there; this one has no address".to_owned(),
            Failure::ConnectFailed(_) => "Must lead to a server that answers; this one took no connection".to_owned(),
            Failure::TlsFailed(why) => format!("Must lead to a server with a safe connection: {why}"),
            Failure::TimedOut { .. } => super::fetch::TOO_SLOW.to_owned(),
            Failure::Reset | Failure::HeadTooLarge | Failure::NotHttp => {
                "Must lead to a server that answers as web servers do; this one did not".to_owned()
            }
        };
        Self::Refused(sentence)
    }
}
