//! Requests of a minute are added up over all nodes.

use mask_store::Made;

use crate::backend::{Backend, Place, on_every_backend};

on_every_backend!(they_are_added_up);

async fn they_are_added_up(backend: &Backend) {
    let of = |(caller, requests)| Made { caller, requests };
    let add = async |minute, made: &[(i64, i64)]| {
        let all = backend.store.add_requests(minute, made.iter().copied().map(of).collect()).await;
        all.expect("the store works").map(|mut all| {
            all.sort();
            all
        })
    };
    let forget = async |before, limit| backend.store.forget_requests(before, limit).await.expect("the store works");
    if !matches!(backend.place, Place::Postgres(_)) {
        assert_eq!(add(7, &[(1, 5)]).await, None, "nobody else counts");
        return assert_eq!(forget(8, 10).await, 0);
    }
    let all = |made: &[(i64, i64)]| Some(made.iter().copied().map(of).collect::<Vec<_>>());
    assert_eq!(add(7, &[(2, 5), (-1, 3)]).await, all(&[(-1, 3), (2, 5)]));
    assert_eq!(add(7, &[(2, 4)]).await, all(&[(2, 9)]), "nobody else is told of");
    assert_eq!(add(8, &[(2, 1)]).await, all(&[(2, 1)]), "another minute");
    let many: Vec<_> = (0..1000).map(|caller| (caller, 1)).collect();
    assert_eq!(add(9, &many).await, all(&many));
    assert_eq!(add(9, &[]).await, all(&[]));
    assert_eq!([forget(8, 1).await, forget(8, 10).await, forget(8, 10).await], [1, 1, 0]);
    assert_eq!(add(8, &[(2, 1)]).await, all(&[(2, 2)]), "that minute goes on");
    assert_eq!(add(7, &[(2, 1)]).await, all(&[(2, 1)]));
}
