//! The pictures that a request names: those that the page has already, and those that have yet to be fetched.
//!
//! A body is read twice. The first time it is learned which pictures it wants; these are fetched, at most [`AT_ONCE`] of them at
//! the same moment, and no transaction is open meanwhile. The second time, in the step that writes, each of them is there. What
//! a page shows already under the same address, for the same purpose, is not fetched again: the copy is what was agreed to.

use std::collections::HashMap;

use futures_util::{StreamExt, stream};
use mask_core::{
    Refused,
    bio_page::{BioPage, block::Data},
    destination,
    picture::{Format, Picture, PictureName},
};
use mask_picture::photo::Purpose;
use url::Url;

use crate::{
    api::{error::ApiError, fields::Problems},
    pictures::Pictures,
};

/// Pictures of one request that are fetched at the same moment.
const AT_ONCE: usize = 8;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Album {
    known: HashMap<(Purpose, String), Picture>,
    /// What was asked for and is not known, with the paths of the members that asked.
    wanted: Vec<(Purpose, String, Vec<String>)>,
}

impl Album {
    /// Adds the pictures that a page has.
    pub(super) fn add(&mut self, page: &BioPage) {
        let content = &page.content;
        let avatar = content.avatar.iter().map(|avatar| (Purpose::Avatar, avatar));
        let blocks = content.blocks.iter().filter_map(|block| Some((purpose(&block.data), block.data.picture()?)));
        for (purpose, picture) in avatar.chain(blocks) {
            self.known.insert((purpose, picture.url.clone()), picture.clone());
        }
    }

    /// The picture at this address, which the member at this path names. One that has yet to be fetched is stood in for.
    pub(super) fn picture(&mut self, url: &str, purpose: Purpose, path: &str) -> Result<Picture, Refused> {
        check(url)?;
        if let Some(picture) = self.known.get(&(purpose, url.to_owned())) {
            return Ok(picture.clone());
        }
        let same = |(wanted, address, _): &&mut (Purpose, String, Vec<String>)| *wanted == purpose && address == url;
        match self.wanted.iter_mut().find(same) {
            Some((_, _, paths)) => paths.push(path.to_owned()),
            None => self.wanted.push((purpose, url.to_owned(), vec![path.to_owned()])),
        }
        Ok(Picture { url: url.to_owned(), name: PictureName::of(b"", Format::Png), width: 1, height: 1 })
    }

    /// Whether all that was asked for is known.
    pub(super) fn is_complete(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Fetches what was asked for and is not known. What cannot be had is a problem of every member that asked.
    pub(super) async fn fetch(&mut self, pictures: &Pictures, problems: &mut Problems) -> Result<(), ApiError> {
        let fetching = std::mem::take(&mut self.wanted).into_iter().map(|(purpose, url, paths)| async move {
            let obtained = pictures.obtain(&url, purpose).await;
            (purpose, url, paths, obtained)
        });
        let mut fetched: Vec<_> = stream::iter(fetching).buffered(AT_ONCE).collect().await;
        for (purpose, url, paths, obtained) in fetched.drain(..) {
            match obtained {
                Ok(picture) => {
                    self.known.insert((purpose, url), picture);
                }
                Err(fault) => {
                    for path in paths {
                        fault.clone().at(path, problems)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// What the picture of a block is made for.
const fn purpose(data: &Data) -> Purpose {
    if matches!(data, Data::Link { .. }) { Purpose::Thumbnail } else { Purpose::Wide }
}

/// What can be told of a picture's address without asking anybody. Whether it leads anywhere, and whether `http` will do,
/// is said by whoever fetches it.
fn check(url: &str) -> Result<(), Refused> {
    const WANTED: Refused = Refused::because("Must be a valid URL starting with https://");
    if url.len() > destination::LONGEST {
        return Err(Refused::because("Must be at most 8192 bytes"));
    }
    if url.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
        return Err(Refused::because("Must not contain white space or control characters"));
    }
    let read = Url::parse(url).ok().filter(|url| ["http", "https"].contains(&url.scheme())).ok_or(WANTED)?;
    if !read.username().is_empty() || read.password().is_some() {
        return Err(Refused::because("Must not contain a user name or password"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_picture_is_wanted_once_for_each_purpose() {
        let mut album = Album::default();
        for (purpose, path) in [
            (Purpose::Wide, "blocks[0].data.url"),
            (Purpose::Wide, "blocks[1].data.url"),
            (Purpose::Avatar, "avatar_url"),
        ] {
            album.picture("https://example.com/a.png", purpose, path).expect("an address");
        }
        let paths: Vec<_> = album.wanted.iter().map(|(_, _, paths)| paths.len()).collect();
        assert_eq!(paths, [2, 1]);
        assert!(!album.is_complete());
    }

    #[test]
    fn addresses_are_looked_at_before_anybody_is_asked() {
        for text in
            ["", "x", "ftp://e.com/a.png", "data:image/png;base64,AA", "https://u:p@e.com/", "https://e.com/a b"]
        {
            let mut album = Album::default();
            assert!(album.picture(text, Purpose::Wide, "url").is_err(), "{text}");
            assert!(album.is_complete());
        }
    }
}
