//! Pages as the public finds them.

use mask_store::PublishedPage;

use crate::{
    backend::{Backend, on_every_backend},
    bio_pages::{make_page, new_page, page_id},
    sample::{DOMAIN, LIVE, OTHER, slug},
};

on_every_backend!(only_published_ones_are_found, a_host_has_its_pages_in_order,);

async fn only_published_ones_are_found(backend: &Backend) {
    let store = &backend.store;
    let draft = make_page(store, LIVE, new_page(1, "draft-page")).await;
    let mut new = new_page(2, "public-page");
    new.is_published = true;
    let page = make_page(store, OTHER, new).await;
    let found = |id| async move { store.published_page(id).await.expect("the store works") };
    assert_eq!(found(draft.id).await, None);
    assert_eq!(found(page.id).await, Some((page, OTHER)));
    assert_eq!(found(page_id(9)).await, None);
}

async fn a_host_has_its_pages_in_order(backend: &Backend) {
    let store = &backend.store;
    for (n, text, is_published) in [(1, "Page-B", true), (2, "page-c", true), (3, "page-A", true), (4, "page-d", false)]
    {
        let mut new = new_page(n, text);
        new.is_published = is_published;
        make_page(store, if n == 2 { OTHER } else { LIVE }, new).await;
    }
    let mut elsewhere = new_page(5, "page-e");
    (elsewhere.is_published, elsewhere.domain) = (true, "other.example".to_owned());
    make_page(store, LIVE, elsewhere).await;
    let list = |after: Option<&str>, limit| {
        let after = after.map(slug);
        async move {
            let pages = store.published_pages(DOMAIN.to_owned(), after, limit).await.expect("the store works");
            pages
                .into_iter()
                .map(|PublishedPage { owner, slug, .. }| (slug.as_str().to_owned(), owner))
                .collect::<Vec<_>>()
        }
    };
    let all = [("page-A".to_owned(), LIVE), ("Page-B".to_owned(), LIVE), ("page-c".to_owned(), OTHER)];
    assert_eq!(list(None, 10).await, all);
    assert_eq!(list(None, 2).await, all[..2]);
    assert_eq!(list(Some("PAGE-b"), 10).await, all[2..]);
    assert_eq!(list(Some("page-c"), 10).await, []);
}
