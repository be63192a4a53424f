//! Click limits: exact whatever happens between two clicks, and used up by people alone.

use super::*;

/// Asks until the link has ended; how often it led to its destination.
async fn followed(bench: &Bench, worker: usize, times: usize) -> usize {
    let mut followed = 0;
    for _ in 0..times {
        let response = bench.ask_worker(worker, request("GET", "/abcd")).await.expect("an answer");
        match response.status().as_u16() {
            302 => followed += 1,
            status => assert_eq!(status, 410),
        }
    }
    followed
}

#[tokio::test]
async fn a_limit_is_exact_whatever_happens_between() {
    let mut bench = Bench::new(Durability::Process).await;
    let id = bench.link("abcd", |content| content.click_limit = Some(50)).await;
    let mut sum = followed(&bench, 0, 10).await;
    bench.redirects.forget("s.example", "abcd");
    sum += followed(&bench, 1, 10).await;
    bench.change(id, Change { title: Some(Some("New".into())), ..Change::default() }).await;
    sum += followed(&bench, 2, 10).await;
    bench = bench.restart().await;
    sum += followed(&bench, 3, 30).await;
    assert_eq!(sum, 50);
    bench.change(id, Change { click_limit: Some(Some(60)), ..Change::default() }).await;
    sum += followed(&bench, 0, 20).await;
    assert_eq!(sum, 60);
    bench = bench.restart().await;
    assert_eq!(followed(&bench, 0, 5).await, 0);
    assert_eq!((bench.clicks(id).await, bench.classes(id).await), (60, vec![("person".to_owned(), 60)]));
}

#[tokio::test]
async fn only_people_use_up_a_limit() {
    let bench = Bench::new(Durability::Process).await;
    let id = bench.link("abcd", |content| content.click_limit = Some(1)).await;
    for _ in 0..3 {
        assert_eq!(bench.ask(request("HEAD", "/abcd")).await.status(), 302);
        assert_eq!(bench.ask(with(request("GET", "/abcd"), "user-agent", SLACK)).await.status(), 302);
    }
    assert_eq!(followed(&bench, 0, 3).await, 1);
    assert_eq!(bench.ask(request("HEAD", "/abcd")).await.status(), 410);
    assert_eq!(bench.clicks(id).await, 1);
}

/// Workers on threads of their own, entries that are forgotten all the time, a drain beside them.
#[test]
fn a_limit_is_exact_on_many_threads() {
    const LIMIT: i64 = 400;
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let setup = runtime();
    let bench = setup.block_on(Bench::new(Durability::Process));
    let id = setup.block_on(bench.link("abcd", |content| content.click_limit = Some(LIMIT)));
    let Bench { folder: _folder, store, journal, drain, redirects, workers, .. } = bench;
    drop(workers);
    let writers = setup.block_on(clicks::writers(&journal, &store, 4)).expect("writers");
    let (drain, stop) = (drain.into_inner().expect("a drain"), tokio_util::sync::CancellationToken::new());
    let followed: usize = std::thread::scope(|scope| {
        let ended = stop.clone();
        let draining = scope.spawn(move || runtime().block_on(drain.run(Duration::from_hours(1), ended)));
        let answering: Vec<_> = writers
            .into_iter()
            .map(|writer| {
                let redirects = &redirects;
                scope.spawn(move || {
                    runtime().block_on(async move {
                        let worker = Rc::new(Worker::new(Arc::clone(redirects), writer));
                        let mut followed = 0;
                        for turn in 0..300 {
                            let response = match worker.answer(request("GET", "/abcd"), PEER) {
                                Answer::Ready(response) => response,
                                Answer::Later(later) => later.await,
                                Answer::NotMine(_) => panic!("ours"),
                            };
                            followed += usize::from(response.status() == 302);
                            if turn % 7 == 0 {
                                redirects.forget("s.example", "abcd");
                            }
                        }
                        followed
                    })
                })
            })
            .collect();
        let followed = answering.into_iter().map(|thread| thread.join().expect("a count")).sum();
        stop.cancel();
        draining.join().expect("an end");
        followed
    });
    let link = setup.block_on(store.link_by_id(OWNER, id)).expect("an answer").expect("the link");
    assert_eq!((followed, link.clicks), (usize::try_from(LIMIT).expect("a number"), LIMIT));
}
