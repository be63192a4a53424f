//! The icons of platforms, each one path in a box of 24 by 24. Where they come from is in `assets/icons/README.md`.

use mask_core::bio_page::social::Platform;

const PATHS: &str = include_str!("../../assets/icons/social.tsv");

/// The path of a platform's icon.
pub(super) fn path(platform: Platform) -> &'static str {
    named(platform.as_str())
}

/// The path of Spotify's mark, which its player's still shows too.
pub(super) fn spotify() -> &'static str {
    path(Platform::Spotify)
}

fn named(name: &str) -> &'static str {
    let mut lines = PATHS.lines().filter_map(|line| line.split_once('\t'));
    lines.find(|(of, _)| *of == name).map_or("", |(_, path)| path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_platform_has_one() {
        for platform in Platform::ALL {
            let path = path(*platform);
            assert!(path.starts_with(['M', 'm']), "{platform:?}");
            assert!(path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" ,.-".contains(&byte)), "{platform:?}");
        }
    }
}
