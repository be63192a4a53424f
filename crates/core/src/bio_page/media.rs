//! Videos and music that a page shows from elsewhere.
//!
//! An address is not shown but understood: what is kept is who has the thing and under which id, and the address of the
//! player is made from these two. Whatever only looks like one of these services cannot get into a page that way.

use url::Url;

use crate::{Refused, destination::WebUrl};

/// A video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Video {
    /// The address that its owner gave.
    pub url: WebUrl,
    /// Who has it.
    pub provider: Provider,
    /// Its id there.
    pub id: String,
    /// What Vimeo asks for beside the id where a video is not listed.
    pub hash: Option<String>,
    /// What it is called.
    pub title: Option<String>,
}

/// Who has a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// YouTube.
    YouTube,
    /// Vimeo.
    Vimeo,
}

const YOUTUBE_HOSTS: &[&str] = &[
    "youtube.com",
    "www.youtube.com",
    "m.youtube.com",
    "music.youtube.com",
    "youtube-nocookie.com",
    "www.youtube-nocookie.com",
];
const VIMEO_HOSTS: &[&str] = &["vimeo.com", "www.vimeo.com", "player.vimeo.com"];

impl Video {
    /// Reads the address of a video.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let (given, url) = read(text)?;
        let host = url.host_str().unwrap_or_default();
        let steps = steps(&url);
        let found = match host {
            "youtu.be" => youtube(steps.first().copied().filter(|_| steps.len() == 1)),
            _ if YOUTUBE_HOSTS.contains(&host) => match steps.as_slice() {
                ["watch"] => youtube(parameter(&url, "v").as_deref()),
                ["embed" | "shorts" | "live" | "v", id] => youtube(Some(id)),
                _ => None,
            },
            _ if VIMEO_HOSTS.contains(&host) => match steps.as_slice() {
                [id] | ["video", id] | ["channels", _, id] | ["groups", _, "videos", id] => {
                    vimeo(id, parameter(&url, "h").as_deref())
                }
                [id, hash] => vimeo(id, Some(hash)),
                _ => None,
            },
            _ => None,
        };
        let (provider, id, hash) = found.ok_or(Refused::because(
            "Must be the address of a YouTube or Vimeo video, such as https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        ))?;
        Ok(Self { url: given, provider, id, hash, title: None })
    }
}

type Found = (Provider, String, Option<String>);

fn youtube(id: Option<&str>) -> Option<Found> {
    let fits =
        |id: &&str| id.len() == 11 && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    id.filter(fits).map(|id| (Provider::YouTube, id.to_owned(), None))
}

fn vimeo(id: &str, hash: Option<&str>) -> Option<Found> {
    let is_id = (1..=12).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
    let is_hash = |hash: &str| (6..=20).contains(&hash.len()) && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let fits = is_id && hash.is_none_or(is_hash);
    fits.then(|| (Provider::Vimeo, id.to_owned(), hash.map(str::to_owned)))
}

/// Something on Spotify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spotify {
    /// The address that its owner gave.
    pub url: WebUrl,
    /// What it is.
    pub kind: SpotifyKind,
    /// Its id there.
    pub id: String,
    /// What it is called.
    pub title: Option<String>,
}

/// What can be played on Spotify.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpotifyKind {
    /// A song.
    Track,
    /// An album.
    Album,
    /// A list of songs.
    Playlist,
    /// Somebody's songs.
    Artist,
    /// A podcast.
    Show,
    /// A part of a podcast.
    Episode,
}

impl SpotifyKind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Track, Self::Album, Self::Playlist, Self::Artist, Self::Show, Self::Episode];

    /// As written in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::Album => "album",
            Self::Playlist => "playlist",
            Self::Artist => "artist",
            Self::Show => "show",
            Self::Episode => "episode",
        }
    }
}

impl Spotify {
    /// Reads the address of something on Spotify.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let (given, url) = read(text)?;
        let steps = steps(&url);
        // Spotify puts a language first for some of its visitors.
        let steps = if steps.first().is_some_and(|step| step.starts_with("intl-")) { &steps[1..] } else { &steps[..] };
        let found = match (url.host_str(), steps) {
            (Some("open.spotify.com"), [kind, id] | ["embed", kind, id]) => {
                let is_id = id.len() == 22 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
                SpotifyKind::ALL.into_iter().find(|known| known.as_str() == *kind).filter(|_| is_id).zip(Some(*id))
            }
            _ => None,
        };
        let (kind, id) = found.ok_or(Refused::because(
            "Must be an address such as https://open.spotify.com/track/4uLU6hMCjMI75M1A2tKUQC: a track, album, playlist, \
             artist, show or episode",
        ))?;
        Ok(Self { url: given, kind, id: id.to_owned(), title: None })
    }
}

fn read(text: &str) -> Result<(WebUrl, Url), Refused> {
    let given = WebUrl::parse(text)?;
    let url = Url::parse(text).ok().filter(|url| url.port().is_none());
    url.map(|url| (given, url)).ok_or(Refused::because("Must not name a port"))
}

/// The steps of a path, without the empty one that a slash at the end makes.
fn steps(url: &Url) -> Vec<&str> {
    let mut steps: Vec<_> = url.path_segments().into_iter().flatten().collect();
    if steps.last().is_some_and(|last| last.is_empty()) {
        steps.pop();
    }
    steps
}

fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn videos() {
        let found = |text: &str| Video::parse(text).ok().map(|video| (video.provider, video.id, video.hash));
        let youtube = || Some((Provider::YouTube, "dQw4w9WgXcQ".to_owned(), None));
        for text in [
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
            "https://youtube.com/watch?list=PL1&v=dQw4w9WgXcQ&t=43s#x",
            "https://m.youtube.com/watch/?v=dQw4w9WgXcQ",
            "HTTPS://YouTube.com/shorts/dQw4w9WgXcQ?feature=share",
            "https://youtu.be/dQw4w9WgXcQ?si=abc",
            "https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ",
            "https://www.youtube.com/live/dQw4w9WgXcQ",
            "https://www.youtube.com:443/watch?v=dQw4w9WgXcQ",
        ] {
            assert_eq!(found(text), youtube(), "{text}");
        }
        let vimeo = |hash: Option<&str>| Some((Provider::Vimeo, "76979871".to_owned(), hash.map(str::to_owned)));
        assert_eq!(found("https://vimeo.com/76979871"), vimeo(None));
        assert_eq!(found("https://vimeo.com/channels/staffpicks/76979871"), vimeo(None));
        assert_eq!(found("https://vimeo.com/76979871/abcdef0123"), vimeo(Some("abcdef0123")));
        assert_eq!(found("https://player.vimeo.com/video/76979871?h=abcdef0123"), vimeo(Some("abcdef0123")));
    }

    #[test]
    fn what_only_looks_like_a_video_is_refused() {
        for text in [
            "",
            "http://www.youtube.com/watch?v=dQw4w9WgXcQ",
            "https://youtube.com.evil.example/watch?v=dQw4w9WgXcQ",
            "https://evilyoutube.com/watch?v=dQw4w9WgXcQ",
            "https://youtube.com@evil.example/watch?v=dQw4w9WgXcQ",
            "https://www.youtube.com:8443/watch?v=dQw4w9WgXcQ",
            "https://evil.example/https://www.youtube.com/watch?v=dQw4w9WgXcQ",
            "https://evil.example\\@youtube.com/watch?v=dQw4w9WgXcQ",
            "https://evil.example?youtube.com/watch?v=dQw4w9WgXcQ",
            "https://www.youtube.com./watch?v=dQw4w9WgXcQ",
            "https://youtube.co/watch?v=dQw4w9WgXcQ",
            "https://уoutube.com/watch?v=dQw4w9WgXcQ",
            "https://www.youtube.com/",
            "https://www.youtube.com/watch",
            "https://www.youtube.com/watch?v=short",
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ%22onload",
            "https://www.youtube.com/embed/dQw4w9WgX\"Q",
            "https://www.youtube.com/redirect?q=https://evil.example",
            "https://youtu.be/a/dQw4w9WgXcQ",
            "https://vimeo.com/about",
            "https://vimeo.com/76979871/not-a-hash",
            "https://vimeo.com/7697987112345",
            "javascript:alert(1)",
            "https://www.youtube.com/watch?v=dQw4w9WgXcQ\n",
        ] {
            assert!(Video::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn spotify() {
        let id = "4uLU6hMCjMI75M1A2tKUQC";
        for kind in SpotifyKind::ALL {
            let found =
                Spotify::parse(&format!("https://open.spotify.com/{}/{id}?si=1", kind.as_str())).expect("found");
            assert_eq!((found.kind, found.id.as_str()), (kind, id));
        }
        assert!(Spotify::parse(&format!("https://open.spotify.com/intl-de/track/{id}")).is_ok());
        assert!(Spotify::parse(&format!("https://open.spotify.com/embed/album/{id}")).is_ok());
        for text in [
            format!("https://spotify.com/track/{id}"),
            format!("https://open.spotify.com.evil.example/track/{id}"),
            format!("https://open.spotify.com/user/{id}"),
            format!("https://open.spotify.com/track/{id}x"),
            format!("http://open.spotify.com/track/{id}"),
            format!("spotify:track:{id}"),
            "https://open.spotify.com/intl-de".to_owned(),
        ] {
            assert!(Spotify::parse(&text).is_err(), "{text}");
        }
    }
}
